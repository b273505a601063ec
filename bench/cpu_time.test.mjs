import assert from "node:assert/strict";
import { test } from "node:test";

import { parseStat, runtimeCpuS } from "./cpu_time.mjs";

test("a process's time is read behind its name, whatever that is", () => {
  const stat = "42 (a (b) c) S 7 42 42 0 -1 4194560 9 8 7 6 150 25 3 4 20 0 1 0 99 1000 10";
  assert.deepEqual(parseStat(stat), { name: "a (b) c", parent: 7, ticks: 175 });
});

test("without a runtime there is no time", async () => {
  assert.equal(await runtimeCpuS(), null);
});
