// A whole measurement in the real runtime, in short.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { measureGateway, measureLatency, measureThroughput } from "./measure.mjs";
import { NO_COLLECTION } from "./rounds.mjs";

const times = { warmUpS: 0.2, seconds: 0.5 };
const plan = { connections: 4, closed: times, open: times, behind: times, batchTimeoutS: 1, patienceMs: 4_000 };

describe("a measurement", { timeout: 120_000 }, () => {
  test("gives throughput and latency, and finds every event stored", async () => {
    const throughput = await measureThroughput("baseline_queue", { run: "r", plan });
    assert.deepEqual(throughput.complaints, []);
    assert.ok(throughput.perSecond > 0 && throughput.sent > 0, JSON.stringify(throughput));
    const { latency, sent, complaints } = await measureLatency("baseline_queue", { run: "s", plan, rate: 200, times });
    assert.deepEqual([complaints, sent], [[], 140]);
    assert.ok(latency.p50 > 0);
  });

  for (const name of ["baseline_queue", "baseline_do", "ours_dual"]) {
    test(`of ${name} with its stores elsewhere counts every event there`, async () => {
      const over = { v8Options: NO_COLLECTION };
      const found = await measureGateway(name, { run: "r", plan, rate: 200, times, over });
      assert.deepEqual([found.complaints, found.sent], [[], 140]);
    });
  }

  test("complains where the queue loses one message in a hundred", async () => {
    const over = { entry: "bench/lossy_baseline.ts" };
    const found = await measureThroughput("baseline_queue", { run: "r", plan, over });
    assert.match(found.complaints.join("\n"), /after the closed loop: \d+ of \d+ events are missing/);
  });
});
