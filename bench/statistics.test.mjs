import assert from "node:assert/strict";
import { test } from "node:test";

import { isFlat, median, medians, percentile, summarize } from "./statistics.mjs";

test("a percentile is a sample by nearest rank", () => {
  const sorted = [15, 20, 35, 40, 50];
  assert.deepEqual([5, 30, 40, 50, 100].map((p) => percentile(sorted, p)), [15, 20, 20, 35, 50]);
  assert.equal(percentile([], 50), null);
  const hundred = Array.from({ length: 100 }, (_, n) => n + 1);
  assert.deepEqual([1, 50, 99, 99.9].map((p) => percentile(hundred, p)), [1, 50, 99, 100]);
});

test("samples are summarized whatever their order", () => {
  assert.deepEqual(summarize([3, 1, 2, 10]), { p50: 2, p90: 10, p99: 10, "p99.9": 10, max: 10 });
});

test("a median is the middle, or between the two in the middle, and knows numbers from text", () => {
  assert.equal(median([10, 9, 100]), 10);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([null, 7, undefined]), 7);
  assert.equal(median([]), null);
  assert.deepEqual(medians([{ p50: 1, p99: 9 }, { p50: 3, p99: 5 }, { p50: 2 }]), { p50: 2, p99: 7 });
});

test("a sawtooth is flat, and what grows by more than 5 % is not", () => {
  const sawtooth = Array.from({ length: 40 }, (_, n) => 100 + (n % 5));
  assert.ok(isFlat(sawtooth));
  assert.ok(isFlat([500, 500, 100, 100, 100, 100, 105, 105]), "what goes down at the start doesn't count");
  assert.ok(!isFlat(Array.from({ length: 40 }, (_, n) => 100 + n)));
  assert.throws(() => isFlat([]), /too few/);
});
