// The plan's IDs: 32 bits within a window, so that now and then two requests have one, and its design counts one of
// them. That is known of each run: requests are numbered, and an ID is made of what they carry.
import { hash } from "node:crypto";

import { requestOf } from "./requests.mjs";

/** The part of the plan's ID that tells requests of a window apart, in hexadecimal. */
export const planId = ({ address, path, ray }) => hash("sha256", `${address}:${path}:${ray}`, "hex").slice(0, 8);

/**
 * How many requests of these loads (`{ run, sent }`) have the ID of one before them. At most as many may be missing
 * from the plan's stores, and fewer where two that meet are not in the same window.
 */
export function alike(loads, idOf = planId) {
  const ids = new Set();
  let requests = 0;
  for (const { run, sent } of loads) {
    requests += sent;
    for (let n = 0; n < sent; n += 1) ids.add(idOf(requestOf(run, n)));
  }
  return requests - ids.size;
}
