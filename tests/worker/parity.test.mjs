// Parity: both stores in the real runtime, given what they hold; what differs is named and acted on.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";

import { ask } from "./ask.mjs";
import { startGateway } from "./harness.mjs";

const HOUR = 3_600_000;
/** The last full hour that ended at least an hour ago: closed, whatever the time. */
const START = Math.floor(Date.now() / HOUR) * HOUR - 2 * HOUR;
const WINDOW = `hour:${START}`;

const event = (n, more = {}, start = START) => {
  const timestamp = start + n * 5_000;
  const digest = createHash("sha256").update(`${n}`).digest("hex").slice(0, 16);
  const idempotentId = `${timestamp - (timestamp % 60_000)}-${digest.slice(0, 8)}`;
  const values = { path: `/p${n % 3}`, method: "GET", status: 200, responseTime: n, clientIpHash: "0123456789abcdef" };
  const made = { cohort: "dual", flagVersion: 1, producer: "00000000000000aa", seq: n, write: n };
  return { idempotentId, digest, timestamp, ...values, ...made, ...more };
};
const events = (count) => Array.from({ length: count }, (_, n) => event(n));
const message = (list) => JSON.stringify({ v: 1, events: list });

/** Gives events to the object and to the queue, and waits until both have them. */
const give = async (gateway, old, fresh, before = { old: 0, new: 0 }) => {
  const { PATH_COLLECTOR, TRAFFIC_QUEUE } = await gateway.env();
  const object = PATH_COLLECTOR.get(PATH_COLLECTOR.idFromName("default"));
  if (old.length) await ask(object, "record", message(old));
  // A message holds at most 128,000 bytes.
  for (let at = 0; at < fresh.length; at += 400) {
    await TRAFFIC_QUEUE.send(message(fresh.slice(at, at + 400)), { contentType: "text" });
  }
  await gateway.delivered({ old: before.old + old.length, new: before.new + fresh.length });
};
const run = async (gateway, window = WINDOW) => (await gateway.order("POST", `v1/parity/run?window=${window}`)).body;
const history = async (gateway) => (await gateway.read("flag/history")).history;
const names = (report) => report.differences.map(({ idempotentId, kind }) => [idempotentId, kind]).sort();

describe("parity", { concurrency: 3, timeout: 120_000 }, () => {
  test("names what differs, and a late event makes a new revision", async (t) => {
    const gateway = await startGateway(t);
    const all = events(320);
    const altered = event(7, { status: 503 });
    const fresh = [...all.filter(({ seq }) => ![3, 7, 200].includes(seq)), altered];
    await give(gateway, all.filter(({ seq }) => seq !== 9), fresh);
    const first = await run(gateway);
    assert.deepEqual(names(first), [
      [all[3].idempotentId, "only-old"],
      [all[7].idempotentId, "value-differs"],
      [all[9].idempotentId, "only-new"],
      [all[200].idempotentId, "only-old"],
    ].sort());
    const [{ fields }] = first.differences.filter(({ kind }) => kind === "value-differs");
    assert.deepEqual(fields, [{ field: "status", old: "200", new: "503" }]);
    assert.deepEqual([first.revision, first.union, first.unexplained, first.loss.missing], [1, 320, 4, 0]);
    assert.deepEqual([first.plan.old, first.plan.new], [319, 318]);
    await give(gateway, [], [all[3]], { old: 319, new: 318 });
    const second = await run(gateway);
    assert.deepEqual([second.revision, second.onlyOld, second.mismatches], [2, 1, 3]);
    assert.equal((await run(gateway)).revision, 2, "nothing has changed");
    assert.deepEqual(await gateway.read(`parity/${WINDOW}`), second);
    const { reports } = await gateway.read("parity?kind=hour&limit=1");
    assert.deepEqual([reports[0].revision, reports[0].verdict, reports[0].differences], [2, second.verdict, undefined]);
  });

  test("equal stores pass without a look at any ID, and what neither has is missing", async (t) => {
    const gateway = await startGateway(t, { vars: { PARITY_HOUR_LIMIT_PPM: "10000" } });
    const all = events(500).filter(({ seq }) => seq !== 100);
    await give(gateway, all, all);
    const { verdict, union, idsFetched, loss, upperBound } = await run(gateway);
    assert.deepEqual([verdict, union, idsFetched, loss.missing], ["pass", 499, 0, 1]);
    assert.deepEqual(loss.gaps, [{ producer: "00000000000000aa", first: 100, last: 100 }]);
    assert.ok(upperBound < 0.01);
  });

  test("cron compares what has closed, and the guard stops once", async (t) => {
    const gateway = await startGateway(t, { vars: { PARITY_LAG_MS: "0" } });
    const guard = { maxDiffPpm: 50_000, minEvents: 100, action: "rollback" };
    // At midnight a day closes too, and is a report of its own.
    const noon = Math.floor(Date.now() / (24 * HOUR)) * 24 * HOUR + 12 * HOUR;
    const newest = noon - HOUR;
    // The guard judges a flag by windows that it held in from their beginning.
    await gateway.setClock(newest - HOUR / 2);
    await gateway.changeFlag(0, { mode: "dual-write", samplePpm: 1_000_000, guard });
    await gateway.setClock(noon + HOUR / 2);
    const all = Array.from({ length: 200 }, (_, n) => event(n, {}, newest));
    await give(gateway, all, all.filter(({ seq }) => seq % 4 !== 1));
    await gateway.cron();
    const report = await gateway.read(`parity/hour:${newest}`);
    assert.deepEqual([report.verdict, report.onlyOld], ["fail", 50]);
    const [stop] = await history(gateway);
    assert.deepEqual([stop.mode, stop.updatedBy, stop.version], ["do-only", "guard", 2]);
    assert.ok(stop.reason.startsWith(`parity report hour:${newest} revision 1: 50 of 200 differ`), stop.reason);
    await gateway.changeFlag(2, { mode: "dual-write", samplePpm: 1_000_000, guard });
    await run(gateway, `hour:${newest}`);
    await gateway.cron();
    assert.equal((await history(gateway))[0].version, 3, "once per report");
  });

  test("inconclusive never stops anything", async (t) => {
    const gateway = await startGateway(t);
    const guard = { maxDiffPpm: 50_000, minEvents: 0, action: "rollback" };
    await gateway.changeFlag(0, { mode: "dual-write", samplePpm: 1_000_000, guard });
    await give(gateway, events(40), events(38));
    assert.equal((await run(gateway)).verdict, "inconclusive");
    assert.equal((await history(gateway))[0].version, 1);
  });

  test("the comparator finds exactly what its self-test injects, and leaves no trace", async (t) => {
    const gateway = await startGateway(t);
    const { status, body } = await gateway.order("POST", "v1/parity/selftest");
    assert.deepEqual([status, body.passed, body.failures], [200, true, []]);
    assert.deepEqual([body.first.onlyOld, body.second.onlyOld, body.second.loss.missing], [6, 3, 3]);
    assert.deepEqual(
      body.worlds.map(({ name, report }) => [name, report.verdict]),
      [
        "stored-twice",
        "stored-twice-by-both",
        "routes-swapped",
        "route-lost",
        "messages-lost",
        "messages-lost-on-both",
        "new-path-stopped",
      ].map((name) => [name, "fail"]),
    );
    assert.equal((await gateway.stats()).total.requests, 0);
  });

  test("readiness tells each criterion's figure, and is not ready for want of evidence", async (t) => {
    const gateway = await startGateway(t);
    await gateway.changeFlag(0, { mode: "dual-write", samplePpm: 1_000_000 });
    await gateway.requests("/ready", 5);
    await gateway.delivered({ old: 5, new: 5 });
    const { ready, criteria } = await gateway.read("readiness");
    const found = Object.fromEntries(criteria.map(({ name, figure, holds }) => [name, [figure, holds]]));
    assert.equal(ready, false);
    assert.deepEqual(found, {
      "queue-send-success": [null, null],
      "consumer-success": [null, null],
      backlog: ["0", true],
      "counted-once": ["0 (0 repeats absorbed)", true],
      "seven-days": [null, null],
      fallback: [null, null],
      traceable: ["6 of 6", true],
      loss: [null, null],
    });
  });

  test("the guard undoes nothing for a window before the flag in force, nor for what the old path lacks", async (t) => {
    const gateway = await startGateway(t, { vars: { PARITY_LAG_MS: "0" } });
    const guard = { maxDiffPpm: 50_000, minEvents: 100, action: "rollback" };
    const noon = Math.floor(Date.now() / (24 * HOUR)) * 24 * HOUR + 12 * HOUR;
    await gateway.setClock(noon - 3 * HOUR / 2);
    await gateway.changeFlag(0, { mode: "dual-write", samplePpm: 1_000_000, guard });
    await gateway.setClock(noon + HOUR / 2);
    const of = (start) => Array.from({ length: 200 }, (_, n) => event(n, {}, start));
    const kept = ({ seq }) => seq % 4 !== 1;
    const [before, after] = [of(noon - 2 * HOUR), of(noon - HOUR)];
    await give(gateway, [...before, ...after.filter(kept)], [...before.filter(kept), ...after]);
    for (const [start, tally] of [[noon - 2 * HOUR, "onlyOld"], [noon - HOUR, "onlyNew"]]) {
      const report = await run(gateway, `hour:${start}`);
      assert.deepEqual([report.verdict, report[tally]], ["fail", 50]);
    }
    await gateway.cron();
    assert.equal((await history(gateway))[0].version, 1);
  });

  test("a read of readiness writes nothing, and late events keep their minutes as long as is set", async (t) => {
    const gateway = await startGateway(t, { vars: { KEEP_MINUTES_HOURS: "168" } });
    const start = START - 72 * HOUR;
    const all = Array.from({ length: 100 }, (_, n) => event(n, {}, start));
    await give(gateway, all, all);
    const database = (await gateway.env()).DB;
    const written = () =>
      database
        .prepare("SELECT (SELECT count(*) FROM folds) AS folds, (SELECT count(*) FROM parity_minutes) AS findings")
        .first();
    const before = await written();
    await gateway.read("readiness");
    assert.deepEqual(await written(), before);
    await gateway.cron();
    await gateway.alarm();
    const { total, exact } = await gateway.read(`stats?from=${start}&to=${start + HOUR}`);
    assert.deepEqual([total.requests, exact], [100, true]);
    for (const store of ["old", "new"]) {
      const { events } = await gateway.read(`ids?store=${store}&from=${start}&to=${start + HOUR}`);
      assert.equal(events.length, 100);
    }
  });

  test("an hour with nothing in either store leaves no report", async (t) => {
    const gateway = await startGateway(t);
    const empty = await run(gateway, `hour:${START - 24 * HOUR}`);
    assert.deepEqual([empty.revision, empty.union, empty.verdict], [0, 0, "inconclusive"]);
    assert.deepEqual((await gateway.read("parity?kind=hour")).reports, []);
  });

  test("bad windows are refused by name", async (t) => {
    const gateway = await startGateway(t);
    for (const window of ["", "week:1", "hour:x", "range:1730956800000-1730956800001"]) {
      const { status, body } = await gateway.order("POST", `v1/parity/run?window=${window}`);
      assert.deepEqual([status, body.detail.startsWith("`window`")], [400, true]);
    }
    const response = await gateway.request(`/_collector/v1/parity/hour:${START}`);
    assert.equal(response.status, 404);
  });
});
