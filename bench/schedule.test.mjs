import assert from "node:assert/strict";
import { test } from "node:test";

import { dueBy, dueMs } from "./schedule.mjs";

test("requests are due at even distances from the start on", () => {
  assert.deepEqual([0, 1, 2, 400].map((n) => dueMs(n, 400)), [0, 2.5, 5, 1_000]);
});

test("each request is due exactly from its time on, at any rate", () => {
  for (const perSecond of [1, 3, 333.3, 1_000, 4_404.5]) {
    for (let n = 0; n < 5_000; n += 7) {
      const at = dueMs(n, perSecond);
      assert.equal(dueBy(at, perSecond, 10_000), n + 1, `${n} at ${perSecond}/s`);
      assert.equal(dueBy(at - 0.01, perSecond, 10_000), n, `${n} at ${perSecond}/s, a moment before`);
    }
  }
});

test("no more are due than there are, and none before the start", () => {
  assert.equal(dueBy(60_000, 100, 500), 500);
  assert.equal(dueBy(-1, 100, 500), 0);
});
