// A whole measurement in the real runtime, in short.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { measure, measureGateway } from "./measure.mjs";

const times = { warmUpS: 0.2, seconds: 0.5 };
const plan = { connections: 4, closed: times, open: times, behind: times, batchTimeoutS: 1, patienceMs: 4_000 };
const rateOf = () => 200;

describe("a measurement", { timeout: 120_000 }, () => {
  test("gives throughput and latency, and finds every event stored", async () => {
    const found = await measure("baseline_queue", { run: "r", plan, rateOf });
    assert.deepEqual(found.complaints, []);
    assert.ok(found.perSecond > 0 && found.latency.p50 > 0 && found.sent >= 140, JSON.stringify(found));
  });

  for (const name of ["baseline_queue", "baseline_do", "ours_dual"]) {
    test(`of ${name} with its stores elsewhere counts every event there`, async () => {
      const found = await measureGateway(name, { run: "r", plan, rate: 200, times });
      assert.deepEqual([found.complaints, found.sent], [[], 140]);
    });
  }

  test("complains where the queue loses one message in a hundred", async () => {
    const over = { entry: "bench/lossy_baseline.ts" };
    const found = await measure("baseline_queue", { run: "r", plan, rateOf, over });
    assert.match(found.complaints.join("\n"), /after the open loop: \d+ of \d+ events are missing/);
  });
});
