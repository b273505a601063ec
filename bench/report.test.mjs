import assert from "node:assert/strict";
import { test } from "node:test";

import { cpuTimes, latencies, orderOf, paired, throughputs } from "./rounds.mjs";
import { markdown, replaced } from "./table.mjs";
import { targets } from "./targets.mjs";
import { VARIANTS } from "./variants.mjs";

const one = (perSecond, p99) => ({
  perSecond,
  cpuUs: 100,
  here: { latency: { p50: 1, p99 } },
  gateway: { latency: { p50: 0.5, p99: p99 / 2 } },
  uncollected: { latency: { p50: 0.25, p99: p99 / 4 } },
});

const PER_SECOND = { floor_rust: 1_000, floor_js: 1_200, baseline_queue: 250, baseline_do: 200 };

// As the plan's design is, where it can't keep up: its latency is measured once.
const slow = ({ gateway, uncollected, ...found }) => found;

const measured = Object.fromEntries(
  Object.keys(VARIANTS).map((name) => {
    const rounds = [one(PER_SECOND[name] ?? 900, 3), one(2 * (PER_SECOND[name] ?? 900), 4)];
    return [name, name.startsWith("baseline") ? rounds.map(slow) : rounds];
  }),
);

const of = (value) => Object.fromEntries(Object.keys(VARIANTS).map((name) => [name, value]));

const report = {
  throughput: throughputs(measured),
  latency_ms: latencies(measured),
  stored_equals_sent: true,
  consumer_ms_per_100_messages: 70,
  id_ns: 200,
  wasm_gzip_bytes: 800_000,
  cost_usd_per_million: { ...of(0.05), baseline_queue: 3.7 },
  rows_written_per_million: of(1),
  queue_ops_per_million: of(2),
};

test("each round runs every variant once, the floors first, and none always begins", () => {
  const orders = [0, 1, 2, 3, 4].map(orderOf);
  for (const order of orders) {
    assert.deepEqual([...order].sort(), Object.keys(VARIANTS).sort());
    assert.deepEqual(order.slice(0, 2), ["floor_rust", "floor_js"]);
  }
  assert.equal(new Set(orders.map((order) => order[2])).size, 5);
});

test("ratios are of the same round, so that a machine that changes its pace changes none", () => {
  assert.equal(paired(measured, "ours_queue", "floor_rust", (a, b) => a.perSecond / b.perSecond), 0.9);
  assert.equal(report.throughput.ours_queue, 1_350);
});

test("a target that was not measured is left out", () => {
  const notElsewhere = { ...measured, ours_do: measured.ours_do.map(slow) };
  const of = (measured) => targets({ measured, report, stream: [] }).map(({ what }) => what);
  const missing = of(measured).filter((what) => !of(notElsewhere).includes(what));
  assert.deepEqual(missing, [
    "the same, stores elsewhere, ours_do, ms",
    "and no garbage collected, ours_do, ms",
  ]);
});

test("a target is met or not, by its figure", () => {
  const stream = [{ isolates: 20, rowsWrittenPerEvent: 0.06, costUsdPerMillion: 0.09 }];
  const found = targets({ measured, report, stream, memory: { requests: 5, flat: false } });
  const missed = found.filter(({ met }) => !met).map(({ what }) => what);
  assert.deepEqual(missed, [
    "rows written per event, new path, 1,000/s from 20 isolates",
    "WebAssembly after gzip, bytes",
    "memory flat over 5 requests",
  ]);
});

test("the table stands between its marks, and the page around it stays", () => {
  const [gatewayLatency, uncollectedLatency] = ["gateway", "uncollected"].map((where) => latencies(measured, where));
  const [machine, date, command, plan] = ["a machine", "2026-01-01", "make bench", "One round."];
  const about = { machine, date, command, plan, quiet: "Quiet." };
  const details = { ...about, gatewayLatency, uncollectedLatency, cpuUs: cpuTimes(measured), micro: { id: 200 }, merged: 2 };
  const text = markdown({ report, details, targets: targets({ measured, report, stream: [] }) });
  assert.match(text, /\| `ours_queue` \| 1,350 \| 100 \| 1 \/ 3.5 \| 0.5 \/ 1.75 \| 0.25 \/ 0.875 \| 0.05 \| 1 \| 2 \|/);
  assert.match(text, /\| `baseline_do` \| 300 \| 100 \| 1 \/ 3.5 \|  \|  \| 0.05 \|/);
  assert.match(text, /2 events had the 32-bit ID of another request, and were not counted/);
  assert.match(text, /\| `id` \| 0.2 \|/);
  const page = "# A\n\n<!-- bench: begin -->\nold\n<!-- bench: end -->\n\n# B\n";
  const fresh = replaced(page, text);
  assert.ok(fresh.startsWith("# A\n\n<!-- bench: begin -->\n\nMeasured on 2026-01-01"));
  assert.ok(fresh.endsWith("end -->\n\n# B\n"));
  assert.ok(!fresh.includes("old"));
  assert.throws(() => replaced("# A\n", text), /no <!-- bench: begin/);
  assert.throws(() => replaced(page, text, "growth"), /no <!-- growth: begin/);
});
