// Health tells the truth: what can be read and refuses writes, what is full, what is tried again, what is lost.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually, startGateway } from "./harness.mjs";
import { call } from "./openapi.mjs";

/** Health as it is documented, with its reasons by code. */
async function healthOf(gateway) {
  const { body } = await call(gateway, "health");
  return { ...body, by: Object.fromEntries(body.reasons.map((reason) => [reason.code, reason])) };
}

describe("health", { concurrency: 4, timeout: 180_000 }, () => {
  /** @type {[string, string, RegExp, RegExp][]} */
  const faults = [
    ["refuses-writes", "refuses writes", /made to refuse writes/, /applied once it does/],
    ["full", "is full", /full/, /KEEP_DETAILS_DAYS/],
  ];
  for (const [fault, what, error, remedy] of faults) {
    test(`D1 can be read and ${what}: failing, since its last write, until it takes one again`, async (t) => {
      const gateway = await startGateway(t);
      await gateway.cron();
      const before = await healthOf(gateway);
      assert.deepEqual([before.by["new-store-refuses-writes"], before.by["cron-never"]], [undefined, undefined]);
      assert.ok(before.stores.new.bytes > 0 && before.stores.old[0].bytes > 0, JSON.stringify(before.stores));
      await gateway.putFlag({ mode: "queue-only" });
      await gateway.requests("/api/test", 2);
      await gateway.delivered({ new: 2 });
      await gateway.fault({ DB: fault });
      await gateway.cron();
      const health = await healthOf(gateway);
      assert.match(health.cron.find(({ job }) => job === "clean").error ?? "", error, "what waits is not folded");
      const reason = health.by["new-store-refuses-writes"];
      assert.ok(reason, JSON.stringify(health.reasons));
      assert.match(reason.message, error);
      assert.match(reason.remedy, remedy);
      assert.ok(reason.since > 0 && reason.since <= health.computedAt);
      assert.equal(health.status, "failing");
      assert.ok(health.stores.new, "it can be read");
      assert.match((await call(gateway, "metrics")).bytes.toString(), /^path_collector_d1_takes_writes 0$/m);
      await gateway.fault({});
      await gateway.cron();
      assert.equal((await healthOf(gateway)).by["new-store-refuses-writes"], undefined);
    });
  }

  test("messages are tried again and none is applied: failing, until one is", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.fault({ DB: "refuses-writes" });
    await gateway.requests("/api/test", 5);
    await eventually(() => assert.ok(gateway.logged(/retried/).length > 0, gateway.logs().join("\n")));
    await gateway.cron();
    const { status, by, lately } = await healthOf(gateway);
    assert.ok(by["messages-stuck"], JSON.stringify(lately));
    assert.deepEqual([status, by.fallback], ["failing", undefined]);
    assert.ok(lately.counts.consumer_retried > 0 && lately.retriedSince > 0);
    await gateway.fault({});
    await gateway.delivered({ new: 5 });
    await eventually(async () => {
      await gateway.cron();
      const mended = await healthOf(gateway);
      assert.equal(mended.by["messages-stuck"], undefined, JSON.stringify(mended.lately));
    });
  });

  test("a write that went the other way is a reason, and what both paths lost is a failure for a while", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.fault({ TRAFFIC_QUEUE: "fails" });
    await gateway.requests("/api/test", 3);
    await gateway.delivered({ old: 3 });
    await gateway.cron();
    const away = await healthOf(gateway);
    assert.match(away.by.fallback?.message ?? "", /^3 events .* 3 to the queue$/);
    assert.equal(away.by["events-lost"], undefined);

    await gateway.fault({ TRAFFIC_QUEUE: "fails", PATH_COLLECTOR: "fails" });
    await gateway.requests("/api/test", 2, "lost");
    await gateway.untilLogged(/event lost: (\S+)/, 2);
    await gateway.fault({});
    await gateway.cron();
    const lost = await healthOf(gateway);
    assert.deepEqual([lost.status, lost.sends.lost], ["failing", 2]);
    assert.match(lost.by["events-lost"].message, /^both paths lost 2 events/);
    await gateway.setClock(Date.now() + 20 * 60_000);
    await gateway.cron();
    const later = await healthOf(gateway);
    assert.ok(later.by["events-lost-earlier"] && !later.by["events-lost"] && !later.by.fallback, JSON.stringify(later.by));
  });

  test("what the platform doesn't tell of the queues is not known, and no trouble by itself", async (t) => {
    const gateway = await startGateway(t);
    await gateway.cron();
    const { queue, slowLane, by } = await healthOf(gateway);
    for (const one of [queue, slowLane]) assert.ok(one.backlog === null || one.backlog >= 0, JSON.stringify(one));
    assert.deepEqual([by["slow-lane"], by.backlog], [undefined, undefined]);
  });
});
