// Events as our Worker makes them, for what is measured without a gateway: they must pass its checks.
import { createHash } from "node:crypto";

import { requestOf } from "./requests.mjs";

const WINDOW_MS = 60_000;

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** Event number `n` of the run `run`, at `timestamp` (ms), from the isolate number `isolate`, its `seq`th. */
export function eventOf(run, n, { timestamp, isolate = 0, seq = n }) {
  const { path, address, ray } = requestOf(run, n);
  const digest = sha256(`${address}:${path}:${ray}`).slice(0, 16);
  return {
    idempotentId: `${timestamp - (timestamp % WINDOW_MS)}-${digest.slice(0, 8)}`,
    digest,
    timestamp,
    path,
    method: "GET",
    status: n % 50 === 0 ? 503 : 200,
    responseTime: 5 + ((n * 7919) % 200),
    clientIpHash: sha256(address).slice(0, 16),
    cohort: "single",
    flagVersion: 1,
    producer: sha256(`isolate ${run} ${isolate}`).slice(0, 16),
    seq,
    write: seq,
  };
}

/** A queue's message. */
export const messageOf = (events) => JSON.stringify({ v: 1, events });
