// Changing the flag: checked before it is live, known after, reversible in one step.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually, startGateway } from "./harness.mjs";

const FLAG = "/_collector/v1/flag";
const QUEUE_ONLY = { schema: 1, version: 0, mode: "queue-only", updatedBy: "jo", reason: "go" };

const send = async (gateway, method, path, body, headers = {}) => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await gateway.request(`${FLAG}${path}`, { method, body: text, headers });
  return { status: response.status, type: response.headers.get("Content-Type"), body: await response.json() };
};
const change = (gateway, document, base, headers) =>
  send(gateway, "PUT", "", document, { ...(base !== undefined && { "If-Match": `"${base}"` }), ...headers });
const inForce = (gateway) => gateway.read("flag");
const copy = async (gateway) => JSON.parse(await (await gateway.env()).FLAGS.get("collector"));
const versions = async (gateway) => (await gateway.read("flag/history")).history.map(({ version }) => version);
const cron = (gateway) => gateway.worker.scheduled({ cron: "* * * * *" });

describe("the flag", { concurrency: 4, timeout: 120_000 }, () => {
  test("a change reaches new requests within the cache's life and a second", async (t) => {
    const gateway = await startGateway(t, { vars: { FLAG_TTL_MS: "2000" } });
    await gateway.requests("/before", 1);
    const { status, body } = await change(gateway, QUEUE_ONLY, 0);
    assert.deepEqual([status, body.recorded, body.copied, body.document.version], [200, true, true, 1]);
    assert.deepEqual(body.differences, [{ field: "mode", before: "do-only", after: "queue-only" }]);
    await eventually(async () => assert.equal((await inForce(gateway)).mode, "queue-only"), 3_000);
    await gateway.requests("/after", 1);
    const { stores } = await gateway.delivered({ old: 1, new: 1 });
    assert.deepEqual([stores.onlyOld, stores.onlyNew], [1, 1]);
    const [{ flagVersion }] = await gateway.ids("new");
    assert.equal(flagVersion, 1);
  });

  test("of two simultaneous changes one succeeds and the other is told of the conflict", async (t) => {
    const gateway = await startGateway(t);
    for (const base of [0, 1, 2]) {
      const both = await Promise.all([change(gateway, QUEUE_ONLY, base), change(gateway, QUEUE_ONLY, base)]);
      assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409]);
    }
    assert.deepEqual(await versions(gateway), [3, 2, 1]);
  });

  test("a change that can't be is refused with the field, and nothing changes", async (t) => {
    const gateway = await startGateway(t);
    /** @type {[{ status: number, type: string, body: any }, number, string][]} */
    const refusals = [
      [await change(gateway, QUEUE_ONLY), 428, "If-Match"],
      [await change(gateway, QUEUE_ONLY, "x"), 400, "If-Match"],
      [await change(gateway, QUEUE_ONLY, 7), 409, "version 0"],
      [await change(gateway, { ...QUEUE_ONLY, samplePpm: 1_000_001 }, 0), 400, "`samplePpm`"],
      [await change(gateway, { ...QUEUE_ONLY, queuePPM: 1 }, 0), 400, "`queuePPM`"],
      [await change(gateway, { ...QUEUE_ONLY, reason: "" }, 0), 400, "`reason`"],
      [await change(gateway, "{", 0), 400, "flag document"],
      [await change(gateway, `{"reason":"${"x".repeat(200_000)}"}`, 0), 413, "bytes"],
      [await send(gateway, "POST", "/rollback", { updatedBy: "jo", reason: "back" }), 400, "`version`"],
      [await send(gateway, "POST", "/rollback", { version: 9, updatedBy: "jo", reason: "back" }), 404, "version 9"],
      [await send(gateway, "POST", "/stop", {}), 400, "`updatedBy`"],
      [await send(gateway, "POST", "/stop", { why: "x" }), 400, "why"],
      [await send(gateway, "DELETE", "", ""), 405, "DELETE"],
    ];
    for (const [{ status, type, body }, expected, word] of refusals) {
      assert.deepEqual([status, type, body.status], [expected, "application/problem+json", expected]);
      assert.ok(body.detail.includes(word), `${word}: ${body.detail}`);
    }
    assert.deepEqual([(await inForce(gateway)).version, await versions(gateway)], [0, []]);
  });

  test("any earlier version holds again in one step, under a new version", async (t) => {
    const gateway = await startGateway(t);
    const dual = { ...QUEUE_ONLY, mode: "dual-write", samplePpm: 5, overrides: [{ path: "/a", mode: "do-only" }] };
    await change(gateway, dual, 0);
    await change(gateway, QUEUE_ONLY, 1);
    const { body } = await send(gateway, "POST", "/rollback", { version: 1, updatedBy: "op", reason: "too soon" });
    assert.deepEqual(
      [body.document.version, body.document.mode, body.document.samplePpm, body.document.updatedBy, body.document.reason],
      [3, "dual-write", 5, "op", "too soon"],
    );
    assert.deepEqual(body.document.overrides, dual.overrides);
    assert.match(body.document.updatedAt, /^\d{4}-\d\d-\d\dT/);
    assert.deepEqual([await copy(gateway), await versions(gateway)], [body.document, [3, 2, 1]]);
  });

  test("cron repairs a copy that is gone, older, or garbage, and routing never leaves the last good flag", async (t) => {
    const gateway = await startGateway(t);
    await change(gateway, { ...QUEUE_ONLY, mode: "dual-write" }, 0);
    const { document } = (await change(gateway, QUEUE_ONLY, 1)).body;
    assert.equal((await inForce(gateway)).version, 2);
    const { FLAGS } = await gateway.env();
    const older = JSON.stringify({ ...document, version: 1, mode: "do-only" });
    for (const damage of [() => FLAGS.delete("collector"), () => FLAGS.put("collector", older), () => FLAGS.put("collector", "{")]) {
      await damage();
      assert.deepEqual([(await inForce(gateway)).version, (await inForce(gateway)).mode], [2, "queue-only"]);
      await cron(gateway);
      assert.deepEqual(await copy(gateway), document);
    }
  });

  test("a document that was put into KV by hand becomes the history's first", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    await cron(gateway);
    assert.deepEqual(await versions(gateway), [1]);
    assert.equal((await change(gateway, { ...QUEUE_ONLY, mode: "do-only" }, 1)).status, 200);
  });

  test("only the admin token may change, also where reading is allowed", async (t) => {
    const closed = await startGateway(t, { vars: { LOCAL_DEVELOPMENT: "false" } });
    const stop = (gateway, token) =>
      send(gateway, "POST", "/stop", { updatedBy: "op", reason: "test" }, token && { Authorization: `Bearer ${token}` });
    assert.equal((await stop(closed)).status, 403);
    const secrets = { READ_TOKEN: "reader", ADMIN_TOKEN: "admin" };
    const open = await startGateway(t, { vars: { LOCAL_DEVELOPMENT: "false" }, secrets });
    const statuses = [];
    for (const token of [undefined, "reader", "wrong", "admin"]) statuses.push((await stop(open, token)).status);
    assert.deepEqual(statuses, [401, 401, 401, 200]);
    const read = (token) => open.request(FLAG, { headers: { Authorization: `Bearer ${token}` } });
    assert.deepEqual([(await read("reader")).status, (await read("admin")).status, (await read("x")).status], [200, 200, 401]);
  });
});
