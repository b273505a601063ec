// The stores over time (eviction, folding, the address key), and who may read them.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { NOON, eventually, startGateway } from "./harness.mjs";

const DEFAULT = { name: "default" };
const DAY_MS = 24 * 60 * 60 * 1000;

const evict = (gateway) => gateway.worker.evictDurableObject("PathCollector", DEFAULT);
const storage = (gateway) => gateway.worker.getDurableObjectStorage("PathCollector", DEFAULT);

/** One number from the object's database. */
async function number(gateway, sql) {
  const [row] = await (await storage(gateway)).exec(sql);
  return Object.values(row)[0];
}

const routes = ["stats", "ids?store=old", "trace/1730956800000-00000000", "flag", "health", "dead-letters"];
const statuses = async (gateway, init) =>
  Promise.all(routes.map(async (route) => (await gateway.request(`/_collector/v1/${route}`, init)).status));
const all = (status) => routes.map(() => status);
const bearer = (token) => ({ headers: { Authorization: `Bearer ${token}` } });

describe("stores", { concurrency: 4, timeout: 120_000 }, () => {
  test("the object is evicted between requests and their repeats: nothing is lost or counted twice", async (t) => {
    const gateway = await startGateway(t);
    await gateway.requests("/api/test", 10);
    const before = await gateway.delivered({ old: 10 });
    await evict(gateway);
    assert.deepEqual((await gateway.stats()).total, before.total);

    await evict(gateway);
    await gateway.requests("/api/test", 15); // ten of them known
    const after = await gateway.delivered({ old: 25 });
    assert.deepEqual([after.total.requests, after.exact], [15, true]);
    assert.equal(new Set((await gateway.ids("old")).map((event) => event.digest)).size, 15);
  });

  test("the object is woken by its alarm to fold segments into rollups, and every figure stays", async (t) => {
    const gateway = await startGateway(t);
    const waiting = "SELECT count(*) FROM segments WHERE seq > coalesce((SELECT max(to_seq) FROM folds), 0)";
    for (const [path, count] of [["/", 3], ["/api/test", 10], ["/users/7", 5], ["/api/test", 20]]) {
      await gateway.requests(path, count);
    }
    // The figures of a time when something waited. On a slow machine the alarm may have come before they were read.
    let sent = 38;
    const { from: _from, to: _to, ...before } = await eventually(async () => {
      const stats = await gateway.delivered({ old: sent });
      if ((await number(gateway, waiting)) > 0) return stats;
      sent += 5;
      await gateway.requests("/late", 5, `late-${sent}`);
      throw new Error("folded already");
    }, 90_000);
    await evict(gateway);

    await eventually(async () => assert.equal(await number(gateway, waiting), 0), 40_000);
    assert.ok((await number(gateway, "SELECT count(*) FROM rollups")) >= 3);
    const { from, to, ...after } = await gateway.stats();
    assert.deepEqual(after, before);
    assert.ok(to > from);

    // What is folded is still known: a repeat is absorbed, and what is new is added.
    await gateway.requests("/api/test", 21);
    assert.equal((await gateway.delivered({ old: sent + 21 })).total.requests, before.total.requests + 1);
  });

  test("an alarm whose time has long passed is none: another is set, and folding goes on", async (t) => {
    const gateway = await startGateway(t);
    await gateway.fault({ ALARM: "past" });
    await gateway.requests("/api/test", 10);
    await gateway.delivered({ old: 10 });
    const waiting = "SELECT count(*) FROM segments WHERE seq > coalesce((SELECT max(to_seq) FROM folds), 0)";
    await eventually(async () => assert.equal(await number(gateway, waiting), 0), 60_000);
    assert.ok((await number(gateway, "SELECT count(*) FROM rollups")) > 0);
  });

  test("the cron folds what D1 has, and every figure stays", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.requests("/api/test", 10);
    const { from: _from, to: _to, ...before } = await gateway.delivered({ new: 10 });
    assert.ok((await gateway.read("health")).stores.new.unfolded > 0);
    for (const _run of ["once", "again"]) {
      await gateway.worker.scheduled({ cron: "* * * * *" });
      assert.equal((await gateway.read("health")).stores.new.unfolded, 0);
      const { from: _from, to: _to, ...after } = await gateway.stats();
      assert.deepEqual(after, before);
    }
    assert.ok((await (await gateway.env()).DB.prepare("SELECT count(*) AS n FROM rollups").first("n")) > 0);
  });

  test("the object keeps one address key a day, which is nowhere else and is deleted after two", async (t) => {
    const gateway = await startGateway(t);
    await gateway.setClock(NOON);
    await gateway.requests("/api/test", 5);
    await gateway.delivered({ old: 5 });
    const sql = await storage(gateway);
    const today = Math.floor(NOON / DAY_MS);
    const old = [today - 1, today - 2, today - 3];
    for (const day of old) await sql.exec("INSERT INTO address_keys (day, key) VALUES (?, randomblob(32))", day);

    await evict(gateway);
    await gateway.requests("/api/test", 10);
    const { total } = await gateway.delivered({ old: 15 });
    assert.deepEqual([total.requests, total.addresses.lower], [10, 10]);
    const days = async () => (await sql.exec("SELECT day, length(key) AS bytes FROM address_keys ORDER BY day DESC"));
    assert.deepEqual((await days()).slice(0, 2), [{ day: today, bytes: 32 }, { day: today - 1, bytes: 32 }]);

    const { DB, FLAGS } = await gateway.env();
    const tables = await DB.prepare("SELECT name FROM sqlite_master WHERE name LIKE '%key%'").all();
    assert.deepEqual(tables.results, []);
    assert.deepEqual((await FLAGS.list()).keys, []);
    await eventually(async () => assert.deepEqual((await days()).map(({ day }) => day), [today, today - 1]), 40_000);
  });

  test("the object gives every isolate the same key: an address has one hash all day", async (t) => {
    const gateway = await startGateway(t);
    await gateway.setClock(NOON); // it has another one every day
    const one = (ray) => gateway.request("/api/test", { ip: "203.0.113.1", ray });
    await one("first");
    await gateway.delivered({ old: 1 });
    await gateway.server.update((options) => options); // new isolates, the same stores
    await gateway.setClock(NOON + 60_000);
    await one("second");
    await gateway.delivered({ old: 2 });
    const events = await gateway.ids("old");
    assert.equal(new Set(events.map((event) => event.producer)).size, 2);
    assert.equal(new Set(events.map((event) => event.clientIpHash)).size, 1);
  });

  test("reading is closed to all where no token is set, and the gateway is not", async (t) => {
    const gateway = await startGateway(t, { vars: { LOCAL_DEVELOPMENT: "false" } });
    assert.deepEqual(await statuses(gateway), all(403));
    assert.deepEqual(await statuses(gateway, bearer("")), all(403));
    assert.deepEqual(await statuses(gateway, bearer("undefined")), all(403));
    const response = await gateway.request("/_collector/v1/stats");
    assert.match((await response.json()).detail, /READ_TOKEN/);
    assert.equal((await gateway.request("/_collector/v1/unknown")).status, 403);
    await gateway.requests("/api/test", 1);
  });

  for (const LOCAL_DEVELOPMENT of ["false", "true"]) {
    test(`reading needs the token where one is set, with LOCAL_DEVELOPMENT ${LOCAL_DEVELOPMENT}`, async (t) => {
      const gateway = await startGateway(t, { vars: { LOCAL_DEVELOPMENT }, secrets: { READ_TOKEN: "a secret" } });
      assert.deepEqual(await statuses(gateway), all(401));
      assert.deepEqual(await statuses(gateway, bearer("another")), all(401));
      // From elsewhere: ten refused tokens would lock this client out.
      const basic = { ip: "192.0.2.1", headers: { Authorization: "Basic a secret" } };
      assert.deepEqual(await statuses(gateway, basic), all(401));
      assert.deepEqual(await statuses(gateway, bearer("a secret")), all(200));
      const response = await gateway.request("/_collector/v1/stats");
      assert.equal(response.headers.get("WWW-Authenticate"), "Bearer");
      assert.equal(response.headers.get("Content-Type"), "application/problem+json");
      assert.ok(!gateway.logs().some((line) => line.includes("a secret")));
    });
  }
});
