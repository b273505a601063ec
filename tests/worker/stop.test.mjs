// The emergency stop: accepted by any place that is there, obeyed before any document, and released by name alone.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startGateway } from "./harness.mjs";

const FIRE = { updatedBy: "op", reason: "on fire" };
const QUEUE_ONLY = { mode: "queue-only" };

const stop = (gateway) => gateway.order("POST", "v1/flag/stop", FIRE);
const release = (gateway, id, more = {}) => gateway.order("POST", "v1/flag/release", { ...FIRE, id, ...more });
const change = (gateway, base, fields = QUEUE_ONLY) =>
  gateway.order("PUT", "v1/flag", { schema: 1, version: 0, ...FIRE, ...fields }, { "If-Match": `"${base}"` });
const inForce = async (gateway) => {
  const { mode, version, stop } = await gateway.read("flag");
  return [mode, version, stop?.id ?? null];
};
const versions = async (gateway) => (await gateway.read("flag/history")).history.map(({ version }) => version);
const stops = async (gateway) => (await gateway.read("flag/history")).stops;
const places = async (gateway) => {
  const { holding, history, object, copy } = (await gateway.read("flag/status")).stop;
  return [holding.length, history, object, copy];
};

/** Files a parity report that says `pass`, so that a ramp may go on. */
const vouch = async (gateway) => {
  const { DB } = await gateway.env();
  const end = Date.now();
  const { results } = await DB.prepare("PRAGMA table_info(parity_reports)").all();
  const told = { kind: "hour", start: end - 3_600_000, end, revision: 1, verdict: "pass", compared: 1000, mismatches: 0,
    summary: "as told", computed_at: end, conclusion: "-", fingerprint: "-", is_open: 0, body: "{}" };
  const names = results.map(({ name }) => name);
  const row = names.map((name) => told[name] ?? 0);
  await DB.prepare(`INSERT INTO parity_reports (${names}) VALUES (${names.map(() => "?")})`).bind(...row).run();
};

describe("the emergency stop", { concurrency: 3, timeout: 180_000 }, () => {
  test("made while D1 is away, no change or rollback undoes it, whatever version it names", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, QUEUE_ONLY);
    await gateway.fault({ DB: "fails" });
    const { status, body } = await stop(gateway);
    assert.deepEqual([status, body.recorded, body.copied, body.inObject], [200, false, true, true]);
    const { id } = body.stop;
    assert.match(id, /^stop-[0-9a-f]{8}$/);
    assert.deepEqual(await inForce(gateway), ["do-only", 1, id]);
    assert.deepEqual(await places(gateway), [1, null, true, true]);
    await gateway.fault({});

    for (const refused of [
      await change(gateway, 1),
      await change(gateway, 2),
      await gateway.order("POST", "v1/flag/rollback", { ...FIRE, version: 1 }),
    ]) {
      assert.deepEqual([refused.status, refused.body.title], [409, "Stopped"]);
      for (const part of ["by op at 20", "on fire", `pathctl flag release ${id}`, "flag/release"]) {
        assert.ok(refused.body.detail.includes(part), `${part}: ${refused.body.detail}`);
      }
    }
    await gateway.cron();
    assert.deepEqual([await versions(gateway), (await stops(gateway)).map((one) => one.id)], [[1], [id]]);
    assert.deepEqual(await places(gateway), [1, true, true, true]);
    await gateway.requests("/stopped", 3);
    assert.equal((await gateway.delivered({ old: 3 })).stores.onlyOld, 3);
    const { reasons } = await gateway.read("health");
    assert.ok(reasons.some(({ code, message }) => code === "stopped" && message.includes(id)), JSON.stringify(reasons));
  });

  test("a ramp's step that is due waits, though KV still shows what was there before the stop", async (t) => {
    const gateway = await startGateway(t);
    await vouch(gateway);
    const ramp = { steps: [500_000, 1_000_000], everyMs: 60_000 };
    await gateway.changeFlag(0, { mode: "dual-write", samplePpm: 0, ramp });
    await gateway.fault({ DB: "fails", FLAGS: "frozen" });
    assert.equal((await stop(gateway)).status, 200);
    await gateway.fault({ FLAGS: "frozen" });
    await gateway.cron();
    await gateway.fault({});
    await gateway.cron();
    assert.deepEqual([await versions(gateway), (await inForce(gateway))[0]], [[1], "do-only"]);
  });

  test("made from a copy that is two versions old, it holds, and the flag stays the newest", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, QUEUE_ONLY);
    await gateway.fault({ FLAGS: "frozen" });
    await gateway.changeFlag(1, { mode: "dual-write" });
    await gateway.changeFlag(2, QUEUE_ONLY);
    await gateway.fault({ FLAGS: "frozen", DB: "fails" });
    const { id } = (await stop(gateway)).body.stop;
    await gateway.fault({});
    for (let run = 0; run < 2; run += 1) await gateway.cron();
    assert.deepEqual([await inForce(gateway), await versions(gateway)], [["do-only", 3, id], [3, 2, 1]]);
    assert.equal((await release(gateway, id)).status, 200);
    assert.deepEqual(await inForce(gateway), ["queue-only", 3, null]);
  });

  test("KV takes one write a second: a stop right after a change, and a release right after it, are copied", async (t) => {
    const gateway = await startGateway(t);
    await gateway.fault({ FLAGS: "once-a-second" });
    await gateway.changeFlag(0, QUEUE_ONLY);
    const { body } = await stop(gateway);
    assert.deepEqual([body.copied, body.inObject, (await inForce(gateway))[0]], [true, true, "do-only"]);
    assert.equal((await release(gateway, body.stop.id)).body.copied, true);
    assert.equal((await change(gateway, 1)).body.copied, true);
  });

  test("KV refuses all writes: changes, stops and releases reach routers all the same", async (t) => {
    const gateway = await startGateway(t);
    await gateway.fault({ FLAGS: "refuses" });
    // Nothing that cron does needs a write where nothing changes.
    await gateway.cron();
    for (const { job, error } of (await gateway.read("health")).cron) assert.equal(error, null, job);
    const { body } = await change(gateway, 0);
    assert.deepEqual([body.recorded, body.copied, body.inObject], [true, false, true]);
    assert.deepEqual(await inForce(gateway), ["queue-only", 1, null]);
    await gateway.requests("/a", 2);
    await gateway.delivered({ new: 2 });
    const stopped = (await stop(gateway)).body;
    assert.deepEqual([stopped.recorded, stopped.copied, stopped.inObject], [true, false, true]);
    assert.equal((await inForce(gateway))[0], "do-only");
    await gateway.requests("/a", 2, "later");
    await gateway.delivered({ old: 2, new: 2 });
    assert.equal((await release(gateway, stopped.stop.id)).status, 200);
    assert.equal((await inForce(gateway))[0], "queue-only");
    // Cron keeps trying, and says so.
    await gateway.cron();
    const { cron } = await gateway.read("health");
    assert.match(cron.find(({ job }) => job === "flag").error, /429/);
    await gateway.fault({});
    await gateway.cron();
    const { FLAGS } = await gateway.env();
    assert.equal(JSON.parse(await FLAGS.get("collector")).version, 1);
    assert.ok(JSON.parse(await FLAGS.get("stop")).stops[0].released);
  });

  for (const [alone, away] of [
    ["the object", { DB: "fails", FLAGS: "refuses" }],
    ["D1", { PATH_COLLECTOR: "fails", FLAGS: "refuses" }],
    ["KV", { DB: "hangs", PATH_COLLECTOR: "hangs" }],
  ]) {
    test(`taken by ${alone} alone, it holds, and cron tells the others`, async (t) => {
      const gateway = await startGateway(t);
      await gateway.changeFlag(0, QUEUE_ONLY);
      await gateway.fault(away);
      const { status, body } = await stop(gateway);
      assert.deepEqual([status, body.holding.length], [200, 1]);
      assert.equal([body.recorded, body.copied, body.inObject].filter(Boolean).length, 1, JSON.stringify(body));
      assert.equal((await inForce(gateway))[0], "do-only");
      await gateway.fault({});
      assert.equal((await change(gateway, 1)).status, 409);
      await gateway.cron();
      assert.deepEqual(await places(gateway), [1, true, true, true]);
      const { keys } = await (await gateway.env()).FLAGS.list();
      assert.deepEqual(keys.map(({ name }) => name), ["collector", "stop"], "no key of its own is left");
    });
  }

  test("no place takes it: it says so, and asks to be repeated", async (t) => {
    const gateway = await startGateway(t);
    await gateway.fault({ DB: "fails", PATH_COLLECTOR: "fails", FLAGS: "refuses" });
    const { status, body } = await stop(gateway);
    assert.deepEqual([status, /try again/.test(body.detail)], [503, true]);
  });

  test("a release ends the stop that it names and no other, and can be repeated", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, QUEUE_ONLY);
    const [first, second] = [(await stop(gateway)).body.stop.id, (await stop(gateway)).body.stop.id];
    const unnamed = await gateway.order("POST", "v1/flag/release", FIRE);
    assert.deepEqual([unnamed.status, unnamed.body.detail.includes("`id`")], [400, true]);
    const unknown = await release(gateway, "stop-00000000");
    assert.deepEqual([unknown.status, unknown.body.detail.includes(first)], [404, true]);
    assert.equal((await release(gateway, first, { reason: "" })).status, 400);
    for (let repeat = 0; repeat < 2; repeat += 1) {
      const { status, body } = await release(gateway, first);
      assert.deepEqual([status, body.holding.map(({ id }) => id)], [200, [second]]);
    }
    assert.deepEqual(await inForce(gateway), ["do-only", 1, second]);
    assert.equal((await change(gateway, 1)).status, 409);
    await release(gateway, second);
    assert.deepEqual(await inForce(gateway), ["queue-only", 1, null]);
    assert.deepEqual((await stops(gateway)).map(({ id, released }) => [id, released.by]).sort(), [[first, "op"], [second, "op"]].sort());
    assert.equal((await change(gateway, 1, { mode: "do-only" })).status, 200);
  });

  test("a release that neither D1 nor the object takes leaves the stop in force", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, QUEUE_ONLY);
    const { id } = (await stop(gateway)).body.stop;
    await gateway.fault({ DB: "fails", PATH_COLLECTOR: "fails" });
    assert.equal((await release(gateway, id)).status, 503);
    assert.equal((await inForce(gateway))[0], "do-only");
    await gateway.fault({});
    await gateway.cron();
    assert.equal((await inForce(gateway))[0], "do-only");
  });

  test("it can be released to the old path, so that nothing moves", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, { ...QUEUE_ONLY, overrides: [{ path: "/a", mode: "queue-only" }] });
    const { id } = (await stop(gateway)).body.stop;
    const { status, body } = await release(gateway, id, { doOnly: true });
    assert.deepEqual([status, body.changed.document.version, body.changed.document.overrides], [200, 2, []]);
    assert.deepEqual(await inForce(gateway), ["do-only", 2, null]);
  });

  test("others are told of it: OFREP, metrics, the preview and the document that a change starts from", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, QUEUE_ONLY);
    const { id } = (await stop(gateway)).body.stop;
    const context = { targetingKey: "1730956800000-ca81a161" };
    const { body } = await gateway.order("POST", "ofrep/v1/evaluate/flags/collector", { context });
    assert.deepEqual([body.value, body.metadata.mode, body.metadata.stop], ["old", "do-only", id]);
    const metrics = await (await gateway.request("/_collector/metrics")).text();
    assert.match(metrics, /^path_collector_flag_stops 1$/m);
    const preview = await gateway.order("POST", "v1/flag/preview", { schema: 1, version: 0, mode: "queue-only" });
    assert.ok(preview.body.warnings[0].includes(id), preview.body.warnings.join());
    const { document, stop: named } = await gateway.read("flag/document");
    assert.deepEqual([document.mode, named.id, named.by], ["queue-only", id, "op"]);
  });
});

describe("overrides", { concurrency: 2, timeout: 120_000 }, () => {
  test("hold for a request that is answered 404, which is counted as unmatched", async (t) => {
    const upstream = (_, response) => response.writeHead(404).end();
    const gateway = await startGateway(t, { upstream });
    await gateway.changeFlag(0, { ...QUEUE_ONLY, overrides: [{ path: "/payments/{*rest}", mode: "do-only" }] });
    for (const path of ["/payments/7", "/payments/8/refund", "/elsewhere"]) {
      assert.equal((await gateway.request(path, { ip: "203.0.113.1", ray: path })).status, 404);
    }
    await gateway.delivered({ old: 2, new: 1 });
    assert.deepEqual((await gateway.ids("old")).map(({ path }) => path), ["(unmatched)", "(unmatched)"]);
  });
});
