// What is read while a store is away or silent: what there is, and what is missing.
//
// Every answer comes while the fault lasts. How soon is not measured: without its deadline it would not come at all.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startGateway } from "./harness.mjs";
import { call } from "./openapi.mjs";

const READ_DEADLINE_MS = "400";
const LATE = `no answer within ${READ_DEADLINE_MS} ms`;
const REFUSED = "it could not be reached, or refused";
const REASONS = { hangs: LATE, fails: REFUSED };

/** A gateway whose stores hold 5 events each way: in the object alone, in both, in D1 alone. */
async function startFilled(t, modes = ["do-only", "dual-write", "queue-only"]) {
  const gateway = await startGateway(t, { vars: { READ_DEADLINE_MS } });
  for (const [at, mode] of modes.entries()) {
    await gateway.putFlag({ mode, samplePpm: 1_000_000 });
    await gateway.requests("/api/test", 5, mode);
    // A request is answered before it is recorded: the next flag waits for all of this one.
    const taken = (...of) => 5 * modes.slice(0, at + 1).filter((one) => of.includes(one)).length;
    await gateway.delivered({ old: taken("do-only", "dual-write"), new: taken("dual-write", "queue-only") });
  }
  return gateway;
}

const query = { range: "1h" };

/**
 * Reads that are made of both stores, with where their count of requests stands.
 * @type {[string, import("./openapi.mjs").How, (body: any) => number][]}
 */
const MERGED = [
  ["stats", { query }, ({ total }) => total.requests],
  ["stats", { query: { ...query, detail: "total" } }, ({ total }) => total.requests],
  ["series", { query }, ({ points }) => points.reduce((sum, { requests }) => sum + requests, 0)],
  ["paths", { query }, ({ paths }) => paths.reduce((sum, { requests }) => sum + requests, 0)],
  ["path", { query, path: { path: "/api/test" } }, ({ figures }) => figures.requests],
  ["pathSeries", { query, path: { path: "/api/test" } }, ({ points }) => points.reduce((sum, p) => sum + p.requests, 0)],
];

/** Holds that each answer has what `store`'s absence leaves, and says so. */
async function lacks(gateway, store, fault, requests) {
  const missing = [{ store, reason: REASONS[fault] }];
  for (const [id, how, count] of MERGED) {
    const { status, body } = await call(gateway, id, how);
    const shown = `${id} ${JSON.stringify(body).slice(0, 500)}`;
    assert.deepEqual([status, body.missing, body.exact, count(body)], [200, missing, false, requests], shown);
  }
  const { body } = await call(gateway, "exemplars", { query });
  assert.deepEqual([body.missing, body.sample.length > 0], [missing, true]);
  // A file can't say that it lacks something.
  assert.equal((await call(gateway, "paths", { query: { ...query, format: "csv" } })).status, 503);
}

describe("reads", { concurrency: 4, timeout: 180_000 }, () => {
  for (const fault of ["hangs", "fails"]) {
    test(`D1 ${fault}: figures are the object's, and say that D1 is missing`, async (t) => {
      const gateway = await startFilled(t);
      const [{ idempotentId: id }] = await gateway.ids("old");
      await gateway.fault({ DB: fault });
      await lacks(gateway, "new", fault, 10);
      const { stores } = await gateway.read("stats?range=1h");
      assert.deepEqual([stores.old.requests, stores.new, stores.both, stores.onlyOld], [10, null, null, null]);

      const traced = (await call(gateway, "trace", { path: { id } })).body;
      assert.deepEqual([traced.old.length, traced.new, traced.deadLetters], [1, null, null]);
      assert.deepEqual(traced.missing.map(({ store }) => store), ["new", "dead-letters", "archive"]);
      assert.equal((await call(gateway, "ids", { query: { store: "old" } })).body.events.length, 10);

      const health = (await call(gateway, "health")).body;
      assert.deepEqual([health.status, health.stores.new, health.stores.old[0].events], ["failing", null, 10]);
      assert.ok(health.stores.old[0].bytes > 0);
      const reason = health.reasons.find(({ code }) => code === "new-store-unreadable");
      assert.ok(reason, JSON.stringify(health.reasons));

      const snapshot = (await call(gateway, "snapshot")).body;
      assert.deepEqual([snapshot.stats.total.requests, snapshot.stats.missing.length], [10, 1]);
      assert.deepEqual([snapshot.series.exact, snapshot.paths.exact, snapshot.health.status], [false, false, "failing"]);

      const metrics = (await call(gateway, "metrics")).bytes.toString();
      assert.match(metrics, /^path_collector_store_up\{store="new"\} 0$/m);
      assert.match(metrics, /^path_collector_store_up\{store="old"\} 1$/m);
      assert.match(metrics, /^path_collector_store_requests_total\{store="old",cohort="dual"\} 5$/m);
      assert.doesNotMatch(metrics, /path_collector_requests_total|store_requests_total\{store="new"/);

      const status = (await call(gateway, "flagStatus")).body;
      assert.deepEqual([status.complete, status.missing, status.inForce], [false, [{ store: "new", reason: REASONS[fault] }], 3]);
      assert.deepEqual([(await call(gateway, "flag")).body.version, (await call(gateway, "flagDocument")).status], [3, 200]);
      const readiness = (await call(gateway, "readiness")).body;
      assert.equal(readiness.ready, false);
    });

    test(`D1 ${fault}: what only D1 holds is refused in time, and the refusal names it`, async (t) => {
      const gateway = await startFilled(t, ["do-only"]);
      await gateway.fault({ DB: fault });
      const only = { parityReports: {}, parityReport: {}, deadLetters: {}, deadLetter: {}, archiveDays: {}, ids: { query: { store: "new" } } };
      for (const [id, how] of Object.entries(only)) {
        const { status, body } = await call(gateway, id, how);
        assert.deepEqual([status, body.detail.includes(REASONS[fault])], [503, true], `${id} ${JSON.stringify(body)}`);
      }
      assert.equal((await call(gateway, "flagHistory")).status, 503);
    });

    test(`the object ${fault}: figures are D1's, and say that the object is missing`, async (t) => {
      const gateway = await startFilled(t);
      await gateway.fault({ PATH_COLLECTOR: fault });
      await lacks(gateway, "old", fault, 10);
      const { stores, total } = await gateway.read("stats?range=1h");
      assert.deepEqual([stores.new.requests, stores.old, stores.both], [10, null, null]);
      // Response times of dual events come from D1 too, though it is asked for numbers only where the object has them.
      assert.ok(total.responseTime && total.responseTime.p50 >= 0);
      const health = (await call(gateway, "health")).body;
      assert.deepEqual([health.status, health.stores.old, health.stores.new.events], ["failing", null, 10]);
      // What isolates counted is kept by the object: unknown is not none.
      assert.deepEqual([health.sends, health.consumer, health.counters, health.lately], [null, null, null, null]);
      assert.equal((await call(gateway, "metrics")).status, 200);
      assert.equal((await call(gateway, "readiness")).body.ready, false);
      assert.equal((await call(gateway, "ids", { query: { store: "old" } })).status, 503);
    });
  }

  test("under do-only, D1 away: the object's figures, marked", async (t) => {
    const gateway = await startFilled(t, ["do-only"]);
    await gateway.fault({ DB: "hangs" });
    await lacks(gateway, "new", "hangs", 5);
  });

  test("under queue-only, D1 away: nothing of the object, marked as lacking D1", async (t) => {
    const gateway = await startFilled(t, ["queue-only"]);
    await gateway.fault({ DB: "hangs" });
    const { status, body } = await call(gateway, "stats", { query });
    assert.deepEqual([status, body.total.requests, body.exact], [200, 0, false]);
    assert.deepEqual(body.missing, [{ store: "new", reason: LATE }]);
  });

  test("both stores are silent: what is left is a refusal that names both, and health", async (t) => {
    const gateway = await startFilled(t, ["do-only"]);
    await gateway.fault({ DB: "hangs", PATH_COLLECTOR: "hangs", FLAGS: "hangs" });
    for (const [id, how] of MERGED) {
      const { status, body } = await call(gateway, id, how);
      assert.deepEqual([status, body.detail.split(LATE).length], [503, 3], `${id} ${JSON.stringify(body)}`);
    }
    assert.equal((await call(gateway, "trace")).status, 503);
    assert.equal((await call(gateway, "health")).body.status, "failing");
    const snapshot = (await call(gateway, "snapshot")).body;
    assert.deepEqual([snapshot.stats, snapshot.series, snapshot.paths], [null, null, null]);
    assert.match((await call(gateway, "metrics")).bytes.toString(), /^path_collector_store_up\{store="old"\} 0$/m);
  });

  test("one of several objects is missing: the others' figures, and which is not among them", async (t) => {
    const gateway = await startGateway(t, { vars: { READ_DEADLINE_MS, COLLECTOR_SHARDS: "3" } });
    await gateway.putFlag({ mode: "do-only" });
    await gateway.requests("/api/test", 60);
    await gateway.delivered({ old: 60 });
    await gateway.fault({ "PATH_COLLECTOR/default-1": "hangs" });
    const { body } = await call(gateway, "stats", { query });
    assert.deepEqual(body.missing, [{ store: "old", reason: `object default-1: ${LATE}` }]);
    assert.ok(body.total.requests > 0 && body.total.requests < 60, JSON.stringify(body.total));
    assert.deepEqual([body.exact, body.stores.old.requests], [false, body.total.requests]);
  });
});
