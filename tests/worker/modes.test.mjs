// Where events go under each flag, how they are tagged, and that the merged figures count each once.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually, startGateway } from "./harness.mjs";

const MILLION = 1_000_000;

/** The distinct values of a field. */
const values = (events, field) => [...new Set(events.map((event) => event[field]))].sort();

const digests = (events) => events.map((event) => event.digest).sort();

describe("modes", { concurrency: 4, timeout: 120_000 }, () => {
  test("do-only, and where there is no flag, every event goes to the object alone", async (t) => {
    const gateway = await startGateway(t);
    await gateway.requests("/api/test", 10, "no flag");
    await gateway.delivered({ old: 10 });
    await gateway.putFlag({ mode: "do-only" });
    await gateway.requests("/api/test", 10);

    const { total, stores, exact } = await gateway.delivered({ old: 20 });
    assert.deepEqual([total.requests, stores.onlyOld, stores.onlyNew, stores.both, exact], [20, 20, 0, 0, true]);
    const events = await gateway.ids("old");
    assert.deepEqual([values(events, "cohort"), values(events, "flagVersion")], [["single"], [0, 1]]);
  });

  test("queue-only, every event goes to the queue alone", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.requests("/api/test", 10);

    const { total, stores, exact } = await gateway.delivered({ new: 10 });
    assert.deepEqual([total.requests, stores.onlyOld, stores.onlyNew, stores.both, exact], [10, 0, 10, 0, true]);
    const events = await gateway.ids("new");
    assert.deepEqual([values(events, "cohort"), values(events, "flagVersion")], [["single"], [1]]);
  });

  test("dual-write at 100 %, every event goes to both and counts once", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "dual-write", samplePpm: MILLION });
    await gateway.requests("/api/test", 10);

    const { total, stores, exact } = await gateway.delivered({ old: 10, new: 10 });
    assert.deepEqual([total.requests, stores.onlyOld, stores.onlyNew, stores.both, exact], [10, 0, 0, 10, true]);
    const [old, fresh] = [await gateway.ids("old"), await gateway.ids("new")];
    assert.deepEqual(digests(old), digests(fresh));
    const all = [...old, ...fresh];
    assert.deepEqual([values(all, "cohort"), values(all, "flagVersion")], [["dual"], [1]]);
  });

  test("dual-write without a sample, half of the events go to the queue, the others to the object", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "dual-write", samplePpm: 0, queuePpm: MILLION / 2 });
    await gateway.requests("/api/test", 60);

    const stats = await eventually(async () => {
      const stats = await gateway.stats();
      assert.equal(stats.stores.old.requests + stats.stores.new.requests, 60);
      return stats;
    });
    const { total, stores, exact } = stats;
    assert.deepEqual([total.requests, stores.both, exact], [60, 0, true]);
    // Sixty draws of a half: outside of these bounds once in 100,000 runs.
    assert.ok(stores.onlyNew >= 13 && stores.onlyNew <= 47, `${stores.onlyNew} of 60 on the queue`);
    const [old, fresh] = [await gateway.ids("old"), await gateway.ids("new")];
    assert.equal(new Set(digests([...old, ...fresh])).size, 60);
    assert.deepEqual(values([...old, ...fresh], "cohort"), ["single"]);
  });

  test("across every change of mode each event counts once", async (t) => {
    const gateway = await startGateway(t);
    const modes = [
      { mode: "do-only" },
      { mode: "dual-write", samplePpm: MILLION },
      { mode: "dual-write", samplePpm: 0, queuePpm: MILLION },
      { mode: "queue-only" },
    ];
    for (const [index, fields] of modes.entries()) {
      await gateway.putFlag(fields);
      await gateway.requests("/api/test", 10, `stage-${index}`);
      // Events are routed after their answer: this stage's all are before the flag changes.
      await gateway.untilLogged(/^(DO recorded|Queue sent):/, [10, 30, 40, 50][index]);
    }

    const { total, stores, exact } = await gateway.delivered({ old: 20, new: 30 });
    assert.deepEqual([total.requests, stores.onlyOld, stores.onlyNew, stores.both, exact], [40, 10, 20, 10, true]);
    assert.deepEqual(values(await gateway.ids("old"), "flagVersion"), [1, 2]);
    assert.deepEqual(values(await gateway.ids("new"), "flagVersion"), [2, 3, 4]);
  });

  test("the same requests before and after a change of mode count once", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "do-only" });
    await gateway.requests("/api/test", 10);
    await gateway.delivered({ old: 10 });
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.requests("/api/test", 10);
    await gateway.delivered({ old: 10, new: 10 });
    await gateway.putFlag({ mode: "dual-write", samplePpm: MILLION });
    await gateway.requests("/api/test", 10);

    const { total, stores, exact } = await gateway.delivered({ old: 20, new: 20 });
    assert.deepEqual([total.requests, stores.onlyOld, stores.onlyNew, stores.both, exact], [10, 0, 0, 10, true]);
    assert.deepEqual(digests(await gateway.ids("old")), digests(await gateway.ids("new")));
  });

  test("an override routes its own paths, the first match first", async (t) => {
    const gateway = await startGateway(t);
    const overrides = [
      { path: "/api/items/{id}", mode: "dual-write", samplePpm: MILLION },
      { path: "/api/{*rest}", mode: "queue-only" },
    ];
    await gateway.putFlag({ mode: "do-only", overrides });
    await gateway.requests("/home", 3);
    await gateway.requests("/api/test", 4);
    await gateway.requests("/api/items/7", 5);

    const { paths } = await gateway.delivered({ old: 8, new: 9 });
    const counts = Object.fromEntries(paths.map(({ path, requests }) => [path, requests]));
    assert.deepEqual(counts, { "/home": 3, "/api/test": 4, "/api/items/{id}": 5 });
    assert.deepEqual(values(await gateway.ids("old"), "path"), ["/api/items/{id}", "/home"]);
    assert.deepEqual(values(await gateway.ids("new"), "path"), ["/api/items/{id}", "/api/test"]);
  });

  test("four objects share the old path's events, and are read as one", async (t) => {
    const gateway = await startGateway(t, { vars: { COLLECTOR_SHARDS: "4" } });
    await gateway.putFlag({ mode: "dual-write", samplePpm: MILLION });
    await gateway.requests("/api/test", 40);
    await gateway.requests("/api/test", 40); // repeats meet in the same object

    const { total, stores, exact } = await gateway.delivered({ old: 80, new: 80 });
    assert.deepEqual([total.requests, stores.both, exact], [40, 40, true]);
    const { old } = (await gateway.read("health")).stores;
    assert.equal(old.length, 4);
    assert.ok(old.every(({ events }) => events > 0), JSON.stringify(old));
    assert.equal(new Set(digests(await gateway.ids("old"))).size, 40);
  });
});
