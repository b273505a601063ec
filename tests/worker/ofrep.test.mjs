// The flag for others: OFREP, as OpenFeature's providers ask for it.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually, startGateway } from "./harness.mjs";

const ALL = "ofrep/v1/evaluate/flags";
const ONE = `${ALL}/collector`;
const of = (targetingKey, path) => ({ context: { targetingKey, ...(path && { path }) } });

describe("OFREP", { concurrency: 2, timeout: 120_000 }, () => {
  test("a key is told where an event of that ID goes", async (t) => {
    const gateway = await startGateway(t);
    const overrides = [{ path: "/a", mode: "queue-only" }];
    await gateway.changeFlag(0, { mode: "dual-write", samplePpm: 300_000, queuePpm: 500_000, overrides });
    await gateway.requests("/b", 20);
    const { stores } = await eventuallyDelivered(gateway, 20);
    const found = { old: 0, new: 0, both: 0 };
    const events = [...(await gateway.ids("old")), ...(await gateway.ids("new"))];
    for (const id of new Set(events.map(({ idempotentId }) => idempotentId))) {
      const { status, body } = await gateway.order("POST", ONE, of(id, "/b"));
      assert.deepEqual([status, body.key, body.reason], [200, "collector", "SPLIT"]);
      assert.deepEqual(body.metadata, { version: 1, mode: "dual-write", samplePpm: 300_000, queuePpm: 500_000 });
      found[body.value] += 1;
    }
    assert.deepEqual(found, { old: stores.onlyOld, new: stores.onlyNew, both: stores.both });
    const { body } = await gateway.order("POST", ONE, of("anyone", "/a"));
    assert.deepEqual([body.value, body.variant, body.reason], ["new", "queue-only", "TARGETING_MATCH"]);
  });

  test("what can't be evaluated has OFREP's code", async (t) => {
    const gateway = await startGateway(t);
    /** @type {[string, unknown, number, string, string][]} */
    const wrong = [
      [`${ALL}/other`, of("k"), 404, "other", "FLAG_NOT_FOUND"],
      [ONE, "{", 400, "collector", "PARSE_ERROR"],
      [ONE, {}, 400, "collector", "INVALID_CONTEXT"],
      [ONE, { context: {} }, 400, "collector", "TARGETING_KEY_MISSING"],
      [ALL, { context: {} }, 400, undefined, "TARGETING_KEY_MISSING"],
    ];
    for (const [route, body, status, key, errorCode] of wrong) {
      const answer = await gateway.order("POST", route, body);
      assert.deepEqual([answer.status, answer.body.key, answer.body.errorCode], [status, key, errorCode]);
      assert.ok(answer.body.errorDetails);
      assert.equal(answer.headers.get("Content-Type"), "application/json");
    }
    assert.equal((await gateway.order("PUT", ONE, {})).status, 405);
  });

  test("all flags are one, which is not sent again while it is the same", async (t) => {
    const gateway = await startGateway(t);
    const first = await gateway.order("POST", ALL, of("k"));
    assert.deepEqual(first.body.flags.map(({ key, value, reason }) => [key, value, reason]), [["collector", "old", "STATIC"]]);
    const again = (etag) => gateway.order("POST", ALL, of("k"), { "If-None-Match": etag });
    const same = await again(first.headers.get("ETag"));
    assert.deepEqual([same.status, same.body], [304, ""]);
    await gateway.changeFlag(0, { mode: "queue-only" });
    const { status, body } = await again(first.headers.get("ETag"));
    assert.deepEqual([status, body.flags[0].value], [200, "new"]);
  });

  test("the right to read suffices", async (t) => {
    const secrets = { READ_TOKEN: "reader", ADMIN_TOKEN: "admin" };
    const gateway = await startGateway(t, { vars: { LOCAL_DEVELOPMENT: "false" }, secrets });
    const ask = async (token) =>
      (await gateway.order("POST", ONE, of("k"), token && { Authorization: `Bearer ${token}` })).status;
    assert.deepEqual([await ask(), await ask("x"), await ask("reader"), await ask("admin")], [401, 401, 200, 200]);
    // It is no administrative request: there is no limit of 60 a minute.
    for (let n = 0; n < 70; n += 1) assert.equal(await ask("reader"), 200);
  });
});

const eventuallyDelivered = (gateway, count) =>
  eventually(async () => {
    const stats = await gateway.stats();
    // Those in both stores are there once they are in both.
    const { both, onlyOld, onlyNew, old, new: fresh } = stats.stores;
    assert.deepEqual([both + onlyOld + onlyNew, old.dual], [count, fresh.dual], JSON.stringify(stats.stores));
    return stats;
  });
