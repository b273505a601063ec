// Whole measurements in the real runtime, in short.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { cost, SPREAD } from "./cost.mjs";
import { measureLoop } from "./measure.mjs";
import { consumerTime } from "./new_path.mjs";
import { busyWhile, parseStat, runtimeCpuS } from "./processors.mjs";

const plan = {
  closed: { connections: 4, warmUpS: 0.2, seconds: 0.5 },
  open: { perSecond: 100, warmUpS: 0.2, seconds: 0.5 },
  cost: { perSecond: 200, seconds: 0.5 },
  batchTimeoutS: 1,
  patienceMs: 4_000,
  consumerRounds: 2,
};

/** The plan's design with a queue that swallows one message in a hundred, the tenth first: a short run has one. */
const LOSSY = {
  source: `
    import baseline from "./bench/baseline/src/index";
    export { PathCollector } from "./bench/baseline/src/index";
    let sends = 0;
    export default {
      ...baseline,
      fetch: (request, env, ctx) => {
        const send = async (event) => (++sends % 100 === 10 ? undefined : env.TRAFFIC_QUEUE.send(event));
        return baseline.fetch(request, { ...env, TRAFFIC_QUEUE: { send } }, ctx);
      },
    };`,
};

describe("a measurement", { timeout: 120_000 }, () => {
  test("gives throughput, CPU time and latency, and finds every event stored", async () => {
    const { perSecond, cpuUs, complaints } = await measureLoop("baseline_queue", "closed", { run: "r", plan });
    assert.deepEqual(complaints, []);
    assert.ok(perSecond > 0 && cpuUs !== 0, `${perSecond} ${cpuUs}`);
    const open = await measureLoop("ours_dual", "open", { run: "s", plan });
    assert.deepEqual([open.complaints, open.sent], [[], 70]);
    assert.ok(open.latency.p50 > 0);
  });

  test("complains where the queue loses one message in a hundred", async () => {
    const { complaints } = await measureLoop("baseline_queue", "closed", { run: "r", plan, over: LOSSY });
    assert.match(complaints.join("\n"), /\d+ of \d+ events are missing/);
  });

  test("of cost finds what the plan's queue path does for each request, by hand", async () => {
    const found = await cost("baseline_queue", { run: "r", plan });
    assert.deepEqual(found.complaints, []);
    assert.equal(found.kvReads, 1_000_000);
    assert.equal(found.queueOperations, 3_000_000);
    assert.ok(found.rowsWritten >= 2_000_000, `${found.rowsWritten}`);
    assert.notEqual(found.queueSendMs.p50, null);
  });

  test("of cost has the messages of isolates that share the requests", async () => {
    const found = await cost(SPREAD, { run: "r", plan });
    assert.deepEqual(found.complaints, []);
    // 10 requests/s for each of 20, and half a second of lingering: at most 6 of 100 events in a message.
    assert.ok((found.queueMessages * found.sent) / 1e6 >= 17, `${found.queueMessages}`);
  });

  test("of the consumer finds its batches stored", async () => {
    const { ms, times, complaints } = await consumerTime({ run: "r", plan });
    assert.deepEqual([times.length, complaints], [2, []]);
    assert.ok(ms > 0);
  });
});

test("a process's time is read behind its name, whatever that is, and is none without a runtime", async () => {
  const stat = "42 (a (b) c) S 7 42 42 0 -1 4194560 9 8 7 6 150 25 3 4 20 0 1 0 99 1000 10";
  assert.deepEqual(parseStat(stat), { name: "a (b) c", parent: 7, ticks: 175 });
  assert.equal(await runtimeCpuS(), null);
});

test("a machine that works is not quiet", async () => {
  const work = () => {
    for (const end = performance.now() + 500; performance.now() < end; );
  };
  assert.ok((await busyWhile(work)) > 0.05);
});
