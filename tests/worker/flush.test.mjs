// One flush for both paths: its parts are written at once, each within its deadline, and what fails goes the other way.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually, startGateway } from "./harness.mjs";

/** All in one flush: the linger is the longest there is, and the last one fills the buffer. */
const ONE_FLUSH = { FLUSH_EVENTS: "100", LINGER_MS: "4000", SEND_DEADLINE_MS: undefined, FLAG_TTL_MS: "60000" };

/** What the Worker counted of its writes. */
async function counters(gateway) {
  const { isolate } = await gateway.read("health");
  const sum = (...names) => names.reduce((total, name) => total + (isolate[name] ?? 0), 0);
  return {
    tried: sum("do_record_tried", "queue_send_tried"),
    failed: sum("do_record_failed", "queue_send_failed"),
    fallback: sum("fallback"),
    lost: sum("lost"),
  };
}

/** Holds that events of one `write` are a contiguous run of numbers that begins with it; gives the writes. */
function writes(events) {
  const byWrite = Map.groupBy(events, ({ write }) => write);
  for (const [write, carried] of byWrite) {
    const numbers = carried.map(({ seq }) => seq).sort((a, b) => a - b);
    assert.deepEqual(numbers, numbers.map((_, n) => write + n));
  }
  return [...byWrite.keys()].sort((a, b) => a - b);
}

describe("flush", { concurrency: 3, timeout: 240_000 }, () => {
  test("two hundred objects that hang cost one deadline, and every event goes to the queue", async (t) => {
    const gateway = await startGateway(t, { vars: { ...ONE_FLUSH, COLLECTOR_SHARDS: "200" } });
    await gateway.putFlag({ mode: "do-only" });
    // The number of objects is known before they hang.
    await gateway.requests("/api/test", 1, "first");
    await gateway.untilLogged(/^DO recorded: (\S+)/, 1);
    await gateway.fault({ PATH_COLLECTOR: "hangs" });
    await gateway.requests("/api/test", 100);
    await gateway.untilLogged(/^Queue sent: (\S+)/, 100);
    await gateway.untilLogged(/^DO record failed: (\S+) \| (no answer within 1315 ms|not tried: )/, 100);
    await gateway.fault({});

    await eventually(async () => assert.equal((await gateway.ids("new")).length, 100));
    assert.deepEqual(await counters(gateway), { tried: 201, failed: 100, fallback: 100, lost: 0 });
    writes(await gateway.ids("new"));
  });

  test("when the queue and two hundred objects hang, the flush ends before the platform ends it, and names what is lost", async (t) => {
    const gateway = await startGateway(t, { vars: { ...ONE_FLUSH, COLLECTOR_SHARDS: "200" } });
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.requests("/api/test", 1, "first");
    await gateway.untilLogged(/^Queue sent: (\S+)/, 1);
    await gateway.fault({ TRAFFIC_QUEUE: "hangs", PATH_COLLECTOR: "hangs" });
    await gateway.requests("/api/test", 100);
    const ids = await gateway.untilLogged(/^DO record failed too, event lost: (\S+) \| /, 100, 60_000);
    await gateway.fault({});

    assert.equal(new Set(ids).size, 100);
    assert.deepEqual(await counters(gateway), { tried: 201, failed: 200, fallback: 100, lost: 100 });
    // The next ones are recorded, by whichever path is in time.
    await gateway.requests("/api/test", 100, "later");
    await eventually(async () => assert.equal((await gateway.stats()).total.requests, 101));
  });

  test("events of both paths leave in one flush, which each of them names", async (t) => {
    const gateway = await startGateway(t, { vars: { ...ONE_FLUSH, FLUSH_EVENTS: "10" } });
    await gateway.putFlag({ mode: "dual-write", samplePpm: 300_000, queuePpm: 500_000 });
    await gateway.requests("/api/test", 60);
    const all = await eventually(async () => {
      const stores = await Promise.all([gateway.ids("old"), gateway.ids("new")]);
      const bySeq = new Map(stores.flat().map((event) => [event.seq, event]));
      assert.equal(bySeq.size, 60, gateway.logs().join("\n"));
      for (const { seq, write } of stores.flat()) assert.equal(write, bySeq.get(seq).write);
      return [...bySeq.values()];
    });
    // At least one path's ten in each but the last, and ten of each less one at most.
    const [first, ...others] = writes(all);
    assert.ok(first === 0 && others.length >= 2 && others.length <= 6, `${others}`);
  });
});
