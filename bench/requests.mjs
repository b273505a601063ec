// The requests of a run, and their events: 100 paths, a thousand clients, and a request ID that no other request has.
import { hash } from "node:crypto";

import { WINDOW_MS } from "./settings.mjs";

const RESOURCES = ["orders", "users", "carts", "items", "prices", "stock", "reviews", "search", "images", "offers"];
const VIEWS = ["list", "latest", "detail", "summary", "history", "related", "export", "status", "count", "feed"];

export const PATHS = RESOURCES.flatMap((resource) => VIEWS.map((view) => `/v1/${resource}/${view}`));

/** Request number `n` of the run `run`: its path, address and ray. Each path in turn, in a scattered order. */
export function requestOf(run, n) {
  const path = PATHS[(n * 37) % PATHS.length];
  const client = (n * 7919) % 1000;
  return { path, address: `10.0.${Math.floor(client / 250)}.${client % 250}`, ray: `${run}-${n}` };
}

/** What tells requests of a window apart, in hexadecimal: the plan's IDs have 8 digits of it, our digests 16. */
export const digestOf = ({ address, path, ray }) => hash("sha256", `${address}:${path}:${ray}`);

/**
 * A run's requests, one by one. None has the plan's ID of another: its design would take the two for one.
 * @returns {Generator<ReturnType<typeof requestOf>, never>}
 */
export function* distinct(run, idOf = (request) => digestOf(request).slice(0, 8)) {
  const ids = new Set();
  for (let n = 0; ; n += 1) {
    const request = requestOf(run, n);
    const known = ids.size;
    if (ids.add(idOf(request)).size > known) yield request;
  }
}

/** Event number `n` of the run `run` as one isolate of our Worker makes it, at `timestamp` (ms). */
export function eventOf(run, n, timestamp) {
  const request = requestOf(run, n);
  const digest = digestOf(request).slice(0, 16);
  return {
    idempotentId: `${timestamp - (timestamp % WINDOW_MS)}-${digest.slice(0, 8)}`,
    digest,
    timestamp,
    path: request.path,
    method: "GET",
    status: n % 50 === 0 ? 503 : 200,
    responseTime: 5 + ((n * 7919) % 200),
    clientIpHash: hash("sha256", request.address).slice(0, 16),
    cohort: "single",
    flagVersion: 1,
    producer: hash("sha256", run).slice(0, 16),
    seq: n,
    write: n,
  };
}

/** A queue's message. */
export const messageOf = (events) => JSON.stringify({ v: 1, events });
