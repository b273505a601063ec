// A ramp: its steps are taken by cron when they are due and the stores are well, and never otherwise.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually, startGateway } from "./harness.mjs";

const RAMP = { steps: [500_000, 1_000_000], everyMs: 60_000 };
const DUAL = { mode: "dual-write", samplePpm: 0, ramp: RAMP };

const history = async (gateway) => (await gateway.read("flag/history")).history;
const newest = async (gateway) => (await history(gateway))[0];
const ramp = async (gateway) => (await gateway.read("flag/status")).ramp;

/** Files a parity report on the last hour: what the comparison says is tested elsewhere. */
const vouch = async (gateway, verdict = "pass") => {
  const { DB } = await gateway.env();
  const end = Date.now();
  const body = JSON.stringify({ writes: 1000, writesDiffering: 0, loss: { unexplained: 0 } });
  const row = {
    kind: "hour", start: end - 3_600_000, end, revision: 1, verdict, fingerprint: "-", conclusion: "-", is_open: 0,
    compared: 1_000, mismatches: 0, against_new: 0, against_old: 0, seen_old: 1_000, seen_new: 1_000, seen_arrived: 1_000,
    summary: "as told", computed_at: end, body,
  };
  const [names, values] = [Object.keys(row), Object.values(row)];
  const insert = `INSERT INTO parity_reports (${names.join()}) VALUES (${names.map(() => "?").join()})`;
  await DB.prepare(insert).bind(...values).run();
};

describe("a ramp", { concurrency: 3, timeout: 120_000 }, () => {
  test("a step that is due is taken once, like a person's change", async (t) => {
    const gateway = await startGateway(t);
    await vouch(gateway);
    await gateway.changeFlag(0, DUAL);
    assert.deepEqual(await ramp(gateway), { ...RAMP, next: 0, dueAt: 0, paused: false, state: "due", holding: null });
    await gateway.cron();
    const step = await newest(gateway);
    assert.deepEqual([step.version, step.queuePpm, step.updatedBy], [2, 500_000, "ramp"]);
    assert.match(step.reason, /^step 1 of 2/);
    assert.ok(step.ramp.dueAt >= step.changedAt && step.ramp.dueAt <= step.changedAt + RAMP.everyMs);
    assert.deepEqual([(await gateway.read("flag")).queuePpm, (await gateway.read("flag")).version], [500_000, 2]);
    await gateway.untilLogged(/^(Flag changed to version 2 by ramp)/, 1);
    // The next one is not due yet.
    await gateway.cron();
    assert.deepEqual([(await newest(gateway)).version, (await ramp(gateway)).state], [2, "waiting"]);
  });

  test("a step is held while the queue fails, and the reason is shown and logged once", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, { ...DUAL, queuePpm: 400_000 });
    await gateway.fault({ TRAFFIC_QUEUE: "fails" });
    await gateway.requests("/a", 30);
    const { stores } = await gateway.delivered({ old: 30 });
    assert.ok(stores.old.fallback > 0, "some took the other path");
    for (let run = 0; run < 3; run += 1) await gateway.cron();
    const { state, holding, next } = await ramp(gateway);
    assert.deepEqual([state, next, (await newest(gateway)).version], ["holding", 0, 1]);
    assert.match(holding, /fallback/);
    await gateway.untilLogged(/^(Flag ramp held: .*fallback)/, 1);
    assert.equal((await gateway.read("health")).isolate.ramp_held, 3);
  });

  test("a step is held while a store can't be read, or the copy can't be compared", async (t) => {
    const gateway = await startGateway(t);
    await vouch(gateway);
    await gateway.changeFlag(0, DUAL);
    for (const fault of [{ DB: "fails" }, { PATH_COLLECTOR: "fails" }, { FLAGS: "fails" }]) {
      await gateway.fault(fault);
      await gateway.cron();
      await gateway.fault({});
      assert.equal((await newest(gateway)).version, 1, JSON.stringify(fault));
    }
    // What failed is not asked again for a second.
    await eventually(async () => {
      await gateway.cron();
      assert.equal((await newest(gateway)).version, 2, JSON.stringify(await ramp(gateway)));
    });
  });

  test("a share that no event of has arrived is not raised", async (t) => {
    const gateway = await startGateway(t);
    await vouch(gateway);
    await gateway.changeFlag(0, { ...DUAL, queuePpm: 400_000 });
    await gateway.cron();
    assert.match((await ramp(gateway)).holding, /no event/);
    await gateway.requests("/a", 20);
    await gateway.delivered(await shares(gateway, 20));
    await gateway.cron();
    assert.equal((await newest(gateway)).queuePpm, 500_000);
  });

  test("a step is held until parity passes", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, DUAL);
    await gateway.cron();
    assert.match((await ramp(gateway)).holding, /no parity report/);
    await vouch(gateway, "inconclusive");
    await gateway.cron();
    assert.match((await ramp(gateway)).holding, /says inconclusive: as told/);
    await vouch(gateway);
    await gateway.cron();
    assert.equal((await newest(gateway)).version, 2);
  });

  test("a paused ramp waits, and goes on when a person resumes it", async (t) => {
    const gateway = await startGateway(t);
    await vouch(gateway);
    await gateway.changeFlag(0, { ...DUAL, ramp: { ...RAMP, paused: true } });
    await gateway.cron();
    assert.deepEqual([(await newest(gateway)).version, (await ramp(gateway)).state], [1, "paused"]);
    await gateway.changeFlag(1, DUAL);
    await gateway.cron();
    assert.deepEqual([(await newest(gateway)).version, (await newest(gateway)).queuePpm], [3, 500_000]);
    const done = await gateway.changeFlag(3, { ...DUAL, queuePpm: 1_000_000, ramp: { ...RAMP, next: 2 } });
    await gateway.cron();
    assert.deepEqual([(await newest(gateway)).version, (await ramp(gateway)).state], [done.version, "done"]);
  });

  test("a rollback to a version with a ramp brings it back paused", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, DUAL);
    await gateway.changeFlag(1, { mode: "do-only" });
    const order = { version: 1, updatedBy: "op", reason: "back" };
    const { body } = await gateway.order("POST", "v1/flag/rollback", order);
    const { paused, dueAt } = body.document.ramp;
    assert.deepEqual([body.document.version, paused, dueAt > Date.now()], [3, true, true]);
    await gateway.cron();
    assert.equal((await newest(gateway)).version, 3);
  });

  test("a ramp waits while a stop holds, and for a whole interval after its release", async (t) => {
    const gateway = await startGateway(t);
    await vouch(gateway);
    await gateway.changeFlag(0, DUAL);
    const order = { updatedBy: "op", reason: "on fire" };
    const [{ body }] = await Promise.all([gateway.order("POST", "v1/flag/stop", order), gateway.cron()]);
    assert.equal((await gateway.read("flag")).mode, "do-only", "whichever was faster");
    const { version } = await newest(gateway);
    await gateway.setClock(Date.now() + 2 * RAMP.everyMs);
    await vouch(gateway);
    await gateway.cron();
    assert.equal((await newest(gateway)).version, version);
    const held = await ramp(gateway);
    assert.equal(held.state, "holding");
    assert.match(held.holding, /stopped by op/);
    assert.equal((await gateway.order("POST", "v1/flag/release", { ...order, id: body.stop.id })).status, 200);
    await gateway.cron();
    assert.deepEqual([(await newest(gateway)).version, (await ramp(gateway)).state], [version, "waiting"]);
    assert.equal((await gateway.read("flag")).mode, "dual-write");
  });
});

/** How many of `count` events each store has when all are there: by the buckets, in no case all in one. */
const shares = (gateway, count) =>
  eventually(async () => {
    const { stores } = await gateway.read("health");
    const old = stores.old.reduce((sum, state) => sum + state.events, 0);
    assert.equal(old + stores.new.events, count);
    return { old, new: stores.new.events };
  });
