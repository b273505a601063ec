// What the figures are held to.
import { SPREAD } from "./cost.mjs";
import { paired } from "./rounds.mjs";

const ratio = (a, b) => a.closed.perSecond / b.closed.perSecond;
const addedP99 = (a, b) => a.open.latency.p99 - b.open.latency.p99;

const atLeast = (what, figure, limit) => ({ what, figure, limit: `≥ ${limit}`, met: figure >= limit });
const atMost = (what, figure, limit) => ({ what, figure, limit: `≤ ${limit}`, met: figure <= limit });
const yes = (what, figure) => ({ what, figure, limit: "yes", met: figure });

/** Each target with its figure and whether it is met; what was not measured is left out. */
export function targets({ measured, costs, consumer, idNs, wasmGzipBytes, memory, complaints }) {
  const compared = (a, b, figure) => paired(measured, a, b, figure);
  return [
    atLeast("throughput, ours_queue to baseline_queue", compared("ours_queue", "baseline_queue", ratio), 3),
    atLeast("throughput, ours_queue to floor_rust", compared("ours_queue", "floor_rust", ratio), 0.85),
    atLeast("throughput, ours_do to baseline_do", compared("ours_do", "baseline_do", ratio), 2.5),
    ...["ours_queue", "ours_do", "ours_dual"].map((name) =>
      atMost(`p99 added to the floor's, ${name}, ms`, compared(name, "floor_rust", addedP99), 2),
    ),
    atMost("sending to the queue, median, ms", costs.ours_queue.queueSendMs.p50, 10),
    atMost("consumer, 100 messages of 50 events, ms", consumer.ms, 100),
    atMost("idempotent ID, native, ns", idNs, 1_000),
    ...["ours_queue", SPREAD].map((name) =>
      atMost(`rows written per event, ${name}`, costs[name].rowsWritten / 1e6, 0.05),
    ),
    ...["ours_queue", SPREAD, "ours_do"].map((name) =>
      atMost(`cost of a million events, ${name}, USD`, costs[name].usd, 0.1),
    ),
    atLeast("cost of a million events, baseline_queue, USD", costs.baseline_queue.usd, 3),
    atMost("WebAssembly after gzip, bytes", wasmGzipBytes, 700_000),
    ...(memory ? [yes(`memory flat over ${memory.requests} requests`, memory.flat)] : []),
    yes("every event sent was stored, once", complaints.length === 0),
  ];
}
