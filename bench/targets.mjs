// What the figures are held to.
import { paired } from "./rounds.mjs";

const ratio = (a, b) => a.perSecond / b.perSecond;
const addedP99 = (where) => (a, b) => (a[where] && b[where] ? a[where].latency.p99 - b[where].latency.p99 : null);

const atLeast = (what, figure, limit) => ({ what, figure, limit: `≥ ${limit}`, met: figure >= limit });
const atMost = (what, figure, limit) => ({ what, figure, limit: `≤ ${limit}`, met: figure <= limit });
const yes = (what, figure) => ({ what, figure, limit: "yes", met: figure });

/** Each target with its figure and whether it is met; what was not measured is left out. */
export function targets({ measured, report, stream, memory }) {
  const compared = (a, b, figure) => paired(measured, a, b, figure);
  const added = ["ours_queue", "ours_do", "ours_dual"].flatMap((name) => [
    atMost(`p99 added to the floor's, ${name}, ms`, compared(name, "floor_rust", addedP99("here")), 2),
    atMost(`the same, stores elsewhere, ${name}, ms`, compared(name, "floor_rust", addedP99("gateway")), 2),
    atMost(`and no garbage collected, ${name}, ms`, compared(name, "floor_rust", addedP99("uncollected")), 2),
  ]);
  const costs = report.cost_usd_per_million;
  return [
    atLeast("throughput, ours_queue to baseline_queue", compared("ours_queue", "baseline_queue", ratio), 3),
    atLeast("throughput, ours_queue to floor_rust", compared("ours_queue", "floor_rust", ratio), 0.85),
    atLeast("throughput, ours_do to baseline_do", compared("ours_do", "baseline_do", ratio), 2.5),
    ...added,
    atMost("consumer, 100 messages of 50 events, ms", report.consumer_ms_per_100_messages, 100),
    atMost("idempotent ID, native, ns", report.id_ns, 1_000),
    ...stream.map(({ isolates, rowsWrittenPerEvent }) =>
      atMost(`rows written per event, new path, 1,000/s from ${isolates} isolates`, rowsWrittenPerEvent, 0.05),
    ),
    atMost("cost of a million events, ours_queue, USD", costs.ours_queue, 0.1),
    atMost("cost of a million events, ours_do, USD", costs.ours_do, 0.1),
    ...stream.map(({ isolates, costUsdPerMillion }) =>
      atMost(`cost of a million events, new path, 1,000/s from ${isolates} isolates, USD`, costUsdPerMillion, 0.1),
    ),
    atLeast("cost of a million events, baseline_queue, USD", costs.baseline_queue, 3),
    atMost("WebAssembly after gzip, bytes", report.wasm_gzip_bytes, 700_000),
    ...(memory ? [yes(`memory flat over ${memory.requests} requests`, memory.flat)] : []),
    yes("every event sent was stored, once", report.stored_equals_sent),
  ].filter(({ figure }) => figure !== null && figure !== undefined);
}
