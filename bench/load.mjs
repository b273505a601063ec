// The load generator, in a process of its own. HTTP is undici's. What no tool has, and is here: each request has an ID
// of its own (oha's headers are the same for all), all that were sent are answered before it ends (autocannon breaks
// off), and an open loop's requests are due one by one (autocannon sends a second's all at once).
import { fork } from "node:child_process";
import { performance } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Pool } from "undici";

import { distinct } from "./requests.mjs";
import { percentile } from "./statistics.mjs";

/** The runtime's HTTP server closes a connection that was idle for 5 s, and says nothing. */
const FRESH_MS = 3_000;

/** Most connections of an open loop. More requests than that wait, and their waiting counts. */
const MAX_CONNECTIONS = 256;

/** A client of the gateway: `send` sends the run's next request, and resolves to the answer's status; null if none. */
function clientOf({ url, run, connections }) {
  const pool = new Pool(url, { connections, pipelining: 1, keepAliveTimeout: FRESH_MS });
  const requests = distinct(run);
  const send = () =>
    new Promise((resolve) => {
      const { path, address, ray } = requests.next().value;
      let answered;
      pool.dispatch(
        { method: "GET", path, headers: ["CF-Connecting-IP", address, "CF-Ray", ray] },
        {
          onRequestStart() {},
          onResponseStart(_, status) {
            answered = status;
          },
          onResponseData() {},
          onResponseEnd: () => resolve(answered),
          onResponseError: () => resolve(null),
        },
      );
    });
  return { send, close: () => pool.close() };
}

/**
 * Throughput: so many connections, each sending its next request as soon as the last is answered, for `warmUpS` and
 * then for `seconds`, which alone are measured; with `requests`, until as many are sent. Gives what was sent in all,
 * the rate measured, and how busy the generator was, of 1: near that it measures itself.
 */
export async function closedLoop({ url, run, connections, warmUpS = 0, seconds = Infinity, requests = Infinity }) {
  const client = clientOf({ url, run, connections });
  const started = performance.now();
  const [from, end] = [started + warmUpS * 1_000, started + (warmUpS + seconds) * 1_000];
  const idle = performance.eventLoopUtilization();
  let [sent, measured, failed, lastAt] = [0, 0, 0, started];
  const worker = async () => {
    while (sent < requests && performance.now() < end) {
      sent += 1;
      const status = await client.send();
      lastAt = performance.now();
      if (lastAt >= from && lastAt < end) measured += 1;
      if (status !== 200) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const { utilization } = performance.eventLoopUtilization(idle);
  await client.close();
  return { sent, failed, perSecond: (measured * 1_000) / (Math.min(lastAt, end) - from), utilization };
}

/**
 * Latency: `perSecond` requests leave by a fixed schedule, for `warmUpS` and then for `seconds`, which alone are
 * measured. The time of each counts from when it was due: a gateway that stalls is charged for all that had to wait (no
 * coordinated omission). Gives what was sent, and percentiles in ms.
 */
export async function openLoop({ url, run, perSecond, warmUpS = 0, seconds }) {
  const client = clientOf({ url, run, connections: MAX_CONNECTIONS });
  const total = Math.round(perSecond * (warmUpS + seconds));
  const latencies = new Float64Array(total);
  const started = performance.now();
  let failed = 0;
  const request = async (n, dueAt) => {
    if ((await client.send()) !== 200) failed += 1;
    latencies[n] = performance.now() - dueAt;
  };
  const all = [];
  while (all.length < total) {
    const dueAt = started + (all.length * 1_000) / perSecond;
    if (dueAt <= performance.now()) {
      all.push(request(all.length, dueAt));
      continue;
    }
    // Timers are too coarse: between requests it looks for answers, and at the clock.
    await turn();
  }
  await Promise.all(all);
  await client.close();
  const sorted = latencies.slice(Math.round(perSecond * warmUpS)).sort();
  return { sent: total, failed, latency: { p50: percentile(sorted, 50), p99: percentile(sorted, 99) } };
}

const LOOPS = { closed: closedLoop, open: openLoop };

/** Runs a loop in a process of its own. */
export function load(loop, options) {
  const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, NODE_OPTIONS: "" } });
  return new Promise((resolve, reject) => {
    child.once("message", (/** @type {any} */ { result, error }) => (error ? reject(new Error(`load: ${error}`)) : resolve(result)));
    child.once("exit", (code) => reject(new Error(`the load generator ended with ${code}`)));
    child.send({ loop, options });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once("message", async ({ loop, options }) => {
    const answer = await LOOPS[loop](options).then((result) => ({ result }), (error) => ({ error: String(error) }));
    process.send(answer, () => process.exit(0));
  });
}
