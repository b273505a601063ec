// The arithmetic between measurements and the page.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { SPREAD } from "./cost.mjs";
import { markdown, replaced } from "./page.mjs";
import prices from "./prices.json" with { type: "json" };
import { figures, queueUnits } from "./pricing.mjs";
import { orderOf, paired } from "./rounds.mjs";
import { project } from "./runtime.mjs";
import { isFlat, median, percentile } from "./statistics.mjs";
import { targets } from "./targets.mjs";
import { VARIANTS } from "./variants.mjs";

const names = Object.keys(VARIANTS);
const one = (perSecond, p99) => ({ closed: { perSecond, cpuUs: 100 }, open: { latency: { p50: 1, p99 } } });
const PER_SECOND = { floor_rust: 1_000, baseline_queue: 250, baseline_do: 200 };

// The machine is twice as fast in the second round.
const measured = Object.fromEntries(
  names.map((name) => [name, [1, 2].map((pace) => one(pace * (PER_SECOND[name] ?? 900), 3))]),
);
const priced = { usd: 0.05, rowsWritten: 1, queueOperations: 2, queueBytes: 3e6, queueSendMs: { p50: 1 } };
const found = {
  about: "Measured on a day.",
  measured,
  costs: {
    ours_queue: priced,
    [SPREAD]: { ...priced, rowsWritten: 60_000 },
    ours_do: priced,
    baseline_queue: { ...priced, usd: 3.7 },
  },
  consumer: { ms: 70 },
  startMs: { floor_js: 3 },
  idNs: 200,
  wasmGzipBytes: 800_000,
  memory: { requests: 5, flat: false },
  complaints: [],
};

test("each round runs every variant once, and none always begins", () => {
  const orders = names.map((_, round) => orderOf(round));
  for (const order of orders) assert.deepEqual(order.toSorted(), names.toSorted());
  assert.equal(new Set(orders.map(([first]) => first)).size, names.length);
});

test("ratios are of the same round, so that a machine that changes its pace changes none", () => {
  assert.equal(paired(measured, "ours_queue", "floor_rust", (a, b) => a.closed.perSecond / b.closed.perSecond), 0.9);
});

test("a target is met or not, by its figure; what was not measured is none", () => {
  const missed = targets(found).filter(({ met }) => !met).map(({ what }) => what);
  assert.deepEqual(missed, [
    "rows written per event, ours_queue from 20 isolates",
    "WebAssembly after gzip, bytes",
    "memory flat over 5 requests",
  ]);
  assert.equal(targets({ ...found, memory: null }).length, targets(found).length - 1);
  assert.equal(targets({ ...found, complaints: ["lost"] }).at(-1).met, false);
});

test("the table stands between its marks, and the page around it stays", () => {
  const text = markdown({ ...found, targets: targets(found) });
  assert.match(text, /\| `ours_queue` \| 1,350 \| 100 \| 1 \/ 3 \| 0.05 \| 1 \| 2 \| 3 \|/);
  assert.match(text, /\| `floor_js` \| 1,350 \| 100 \| 1 \/ 3 \|(?: {2}\|){4}/);
  const page = "# A\n\n<!-- bench: begin -->\nold\n<!-- bench: end -->\n\n# B\n";
  const fresh = replaced(page, text, "bench");
  assert.ok(fresh.startsWith("# A\n\n<!-- bench: begin -->\n\nMeasured on a day."));
  assert.ok(fresh.endsWith("end -->\n\n# B\n") && !fresh.includes("old"));
  assert.throws(() => replaced(page, text, "growth"), /no <!-- growth: begin/);
  const real = readFileSync(project("docs/performance.md"), "utf8");
  for (const name of ["bench", "growth"]) assert.ok(replaced(real, text, name).includes(text), name);
});

test("counts are priced by the event, without what was counted before; a message by begun units of 64 KB", () => {
  assert.deepEqual([1, 300, 63_900, 63_901, 127_900].map(queueUnits), [1, 1, 1, 2, 2]);
  const before = Object.fromEntries([...Object.keys(prices.perMillion), "queueBytes"].map((name) => [name, 7]));
  // 500,000 events: each a read of KV, three operations of the queue, two rows in D1.
  const after = { ...before, kvReads: 500_007, queueOperations: 1_500_007, d1RowsWritten: 1_000_007, queueBytes: 57 };
  const { usd, rowsWritten, queueBytes } = figures(before, after, 500_000);
  assert.deepEqual([rowsWritten, queueBytes], [2_000_000, 100]);
  assert.ok(Math.abs(usd - (0.5 + 3 * 0.4 + 2 * 1)) < 1e-9);
});

test("a percentile is a sample by nearest rank, a median the middle of numbers, and a sawtooth flat", () => {
  assert.deepEqual([5, 30, 40, 50, 100].map((p) => percentile([15, 20, 35, 40, 50], p)), [15, 20, 20, 35, 50]);
  assert.deepEqual([[10, 9, 100], [4, 1, 3, 2], [null, 7], []].map(median), [10, 2.5, 7, null]);
  assert.ok(isFlat(Array.from({ length: 40 }, (_, n) => 100 + (n % 5))));
  assert.ok(isFlat([500, 500, 100, 100, 100, 100, 105, 105]), "what goes down at the start doesn't count");
  assert.ok(!isFlat(Array.from({ length: 40 }, (_, n) => 100 + n)));
  assert.throws(() => isFlat([]), /too few/);
});
