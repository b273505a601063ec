// Whatever fails: the client's answer is the upstream's, and each event is counted once, or else named as lost.
//
// `gateway.requests` itself holds that every answer is the upstream's.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually, NOON, startGateway } from "./harness.mjs";

const MILLION = 1_000_000;

const idsOf = (events) => events.map((event) => event.idempotentId).sort();

const cohorts = (events) => [...new Set(events.map((event) => event.cohort))];

describe("faults", { concurrency: 6, timeout: 240_000 }, () => {
  test("D1 fails for longer than the main queue tries: the slow lane applies every event, and none is a letter", async (t) => {
    const gateway = await startGateway(t);
    const now = NOON;
    await gateway.startBroker(now);
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.fault({ DB: "fails" });
    await gateway.requests("/api/test", 3);
    const sent = await gateway.untilLogged(/^Queue sent: (\S+)/, 3);
    // What is read meanwhile says so, and no more than that.
    const health = await gateway.read("health");
    assert.deepEqual([health.status, health.stores.new], ["failing", null]);
    const unread = await gateway.request("/_collector/v1/stats");
    assert.doesNotMatch(await unread.text(), /made to fail/);
    const { waiting } = await gateway.deliverUntil(now + 600_000);
    assert.ok(waiting["traffic-events-dlq"] > 0, JSON.stringify(waiting));
    await gateway.fault({});
    await gateway.deliverUntil(now + 1_200_000);
    assert.deepEqual(idsOf(await gateway.ids("new")), sent);
    assert.equal((await gateway.read("dead-letters")).count, 0);
    const { counters } = await gateway.read("health");
    assert.ok(counters.slow_lane_acked >= 1 && counters.slow_lane_retried >= 1, JSON.stringify(counters));
  });

  test("the queue fails: every event is in the object, marked as fallback", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.fault({ TRAFFIC_QUEUE: "fails" });
    await gateway.requests("/api/test", 10);

    const { total, stores, exact } = await gateway.delivered({ old: 10 });
    assert.deepEqual([total.requests, stores.old.fallback, exact], [10, 10, true]);
    const events = await gateway.ids("old");
    assert.deepEqual(cohorts(events), ["fallback"]);
    assert.deepEqual(await gateway.untilLogged(/^Fallback to DO: (\S+)$/, 10), idsOf(events));
    assert.deepEqual(await gateway.untilLogged(/^Queue send failed: (\S+) \| .*made to fail/, 10), idsOf(events));
    assert.equal((await gateway.read("health")).isolate.fallback, 10);
  });

  test("the queue fails after persisting: both stores have every event, and it counts once", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.fault({ TRAFFIC_QUEUE: "fails-after-persisting" });
    await gateway.requests("/api/test", 10);

    const { total, stores, exact } = await gateway.delivered({ old: 10, new: 10 });
    assert.deepEqual([total.requests, stores.both, exact], [10, 10, true]);
    assert.deepEqual(cohorts(await gateway.ids("old")), ["fallback"]);
    assert.deepEqual(cohorts(await gateway.ids("new")), ["single"]);
  });

  test("the queue hangs: no answer waits for it, and after the deadline every event goes to the object", async (t) => {
    const gateway = await startGateway(t, { vars: { SEND_DEADLINE_MS: "3000" } });
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.fault({ TRAFFIC_QUEUE: "hangs" });
    await gateway.requests("/api/test", 10);
    assert.deepEqual(gateway.logged(/^Queue send failed: /), []);

    const { total } = await gateway.delivered({ old: 10 });
    assert.equal(total.requests, 10);
    assert.deepEqual(cohorts(await gateway.ids("old")), ["fallback"]);
    await gateway.untilLogged(/^Queue send failed: (\S+) \| no answer within 3000 ms$/, 10);
  });

  test("the queue fails under dual-write: the object has every event already, and it counts once", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "dual-write", samplePpm: MILLION });
    await gateway.fault({ TRAFFIC_QUEUE: "fails" });
    await gateway.requests("/api/test", 10);

    const { total, exact } = await gateway.delivered({ old: 20 });
    assert.deepEqual([total.requests, exact], [10, true]);
  });

  for (const fault of ["fails", "hangs"]) {
    test(`the object ${fault}: every event goes to the queue, marked as fallback`, async (t) => {
      const gateway = await startGateway(t, { vars: { SEND_DEADLINE_MS: "1000" } });
      await gateway.putFlag({ mode: "do-only" });
      await gateway.fault({ PATH_COLLECTOR: fault });
      await gateway.requests("/api/test", 10);
      await gateway.untilLogged(/^Queue sent: /, 10);
      await gateway.fault({});

      const { total, exact } = await gateway.delivered({ new: 10 });
      assert.deepEqual([total.requests, exact], [10, true]);
      const events = await gateway.ids("new");
      assert.deepEqual(cohorts(events), ["fallback"]);
      assert.deepEqual(await gateway.untilLogged(/^Fallback to queue: (\S+)$/, 10), idsOf(events));
      assert.deepEqual(await gateway.untilLogged(/^DO record failed: (\S+) \| /, 10), idsOf(events));
    });
  }

  test("the object fails after persisting: both stores have every event, and it counts once", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "do-only" });
    // Nothing is recorded in objects whose number is not known: it is learnt before they fail.
    await gateway.requests("/api/test", 1, "first");
    await gateway.untilLogged(/^DO recorded: /, 1);
    await gateway.fault({ PATH_COLLECTOR: "fails-after-persisting" });
    await gateway.requests("/api/test", 10);
    await gateway.untilLogged(/^Queue sent: /, 10);
    await gateway.fault({});

    const { total, stores, exact } = await gateway.delivered({ old: 11, new: 10 });
    assert.deepEqual([total.requests, stores.both, exact], [11, 10, true]);
  });

  test("both fail: every event is logged whole and counted as lost, and the next ones are recorded", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.fault({ TRAFFIC_QUEUE: "fails", PATH_COLLECTOR: "fails" });
    await gateway.requests("/api/test", 10);
    const lost = /^DO record failed too, event lost: (\S+) \| .* \| (\{.*\})$/;
    const ids = await gateway.untilLogged(lost, 10);
    await gateway.fault({});

    const events = gateway.logged(lost).map((line) => JSON.parse(lost.exec(line)[2]));
    assert.deepEqual(idsOf(events), ids);
    assert.equal(new Set(ids).size, 10);
    for (const { path, method, status, cohort, clientIpHash } of events) {
      assert.deepEqual([path, method, status, cohort], ["/api/test", "GET", 200, "fallback"]);
      assert.match(clientIpHash, /^[0-9a-f]{16}$/);
    }
    assert.equal((await gateway.read("health")).isolate.lost, 10);
    // What was logged is enough to record it later.
    await (await gateway.env()).TRAFFIC_QUEUE.send(JSON.stringify({ v: 1, events }), { contentType: "text" });
    await gateway.requests("/api/test", 5, "later");
    assert.equal((await gateway.delivered({ new: 15 })).total.requests, 15);
  });

  test("D1 fails and is restored: every event arrives after retries", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.fault({ DB: "fails" });
    await gateway.requests("/api/test", 10);
    const retried = /^Batch of \d+ messages is retried: database: .*made to fail/;
    await eventually(() => assert.ok(gateway.logged(retried).length > 0));
    await gateway.fault({});

    const { total, exact } = await gateway.delivered({ new: 10 });
    assert.deepEqual([total.requests, exact], [10, true]);
    assert.equal((await gateway.read("dead-letters")).count, 0);
  });

  test("D1 fails after persisting: every event counts once after retries", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.fault({ DB: "fails-after-persisting" });
    await gateway.requests("/api/test", 10);
    const retried = /^Batch of \d+ messages is retried: .*after persisting/;
    await eventually(() => assert.ok(gateway.logged(retried).length > 0));
    await gateway.fault({});

    await eventually(async () => {
      const [state, { total }] = [(await gateway.read("health")).stores.new, await gateway.stats()];
      assert.deepEqual([state.events, total.requests], [10, 10]);
      assert.ok(state.absorbed >= 10, JSON.stringify(state));
    });
  });

  const faultsOfFlag = [
    ["garbage", "is garbage"],
    ["missing", "is missing"],
    ["fails", "can't be read"],
    ["hangs", "is not answered"],
  ];
  for (const [fault, state] of faultsOfFlag) {
    test(`the flag ${state}: from the start the default holds, and after a good one the good one stays`, async (t) => {
      const gateway = await startGateway(t, { vars: { SEND_DEADLINE_MS: "2000" } });
      await gateway.putFlag({ mode: "queue-only" });
      await gateway.fault({ FLAGS: fault });
      await gateway.requests("/api/test", 5, "from the start");
      await gateway.delivered({ old: 5 });
      await gateway.fault({});
      await gateway.requests("/api/test", 5, "while it is good");
      await gateway.untilLogged(/^Queue sent: /, 5);
      await gateway.fault({ FLAGS: fault });
      await gateway.requests("/api/test", 5, "afterwards");

      const { total } = await gateway.delivered({ old: 5, new: 10 });
      assert.equal(total.requests, 15);
      const versions = async (store) => (await gateway.ids(store)).map((event) => event.flagVersion);
      assert.deepEqual(await versions("old"), Array(5).fill(0));
      assert.deepEqual(await versions("new"), Array(10).fill(1));
      // Once, however many requests found it so.
      const [reason] = await gateway.untilLogged(/^Flag not adopted, version 1 stays: (.+)$/s, 1);
      assert.doesNotMatch(reason, /\n|JsValue/, "what failed, in one line");
      assert.ok((await gateway.read("health")).isolate.flag_invalid >= 5);
    });
  }
});
