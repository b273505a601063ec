// Figures as people and programs read them: every route of the read API says the same.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ask, textAt } from "./ask.mjs";
import { eventually, startGateway } from "./harness.mjs";

const sum = (list, figure) => list.reduce((total, item) => total + figure(item), 0);

/** A gateway with traffic on three routes; `/api/slow` is slow, `/api/bad` fails. */
async function withTraffic(t) {
  const upstream = (request, response) => {
    const answer = () => response.writeHead(request.url.startsWith("/api/bad") ? 503 : 200).end();
    setTimeout(answer, request.url.startsWith("/api/slow") ? 400 : 0);
  };
  const gateway = await startGateway(t, { upstream, vars: { PATH_TEMPLATES: "/api/slow /api/bad /api/{id}" } });
  await gateway.putFlag({ mode: "dual-write", samplePpm: 1_000_000 });
  const send = (path, count) =>
    Promise.all(
      Array.from({ length: count }, (_, n) => gateway.request(path, { ip: `203.0.113.${n}`, ray: `${path}-${n}` })),
    );
  await Promise.all([send("/api/slow", 5), send("/api/bad", 3), send("/api/7", 12)]);
  await gateway.delivered({ old: 20, new: 20 });
  return gateway;
}

describe("the read API", { concurrency: 3, timeout: 120_000 }, () => {
  test("every route counts the same requests, folded or not, over any range", async (t) => {
    const gateway = await withTraffic(t);
    for (const when of ["before folding", "after folding"]) {
      for (const range of ["15m", "1h", "6h", "24h", "7d", "30d", "90d"]) {
        const shown = `${when}, ${range}`;
        const read = (route) => gateway.read(`${route}${route.includes("?") ? "&" : "?"}range=${range}`);
        const { total, exact, paths } = await read("stats");
        assert.deepEqual([total.requests, exact, paths.length], [20, true, 3], shown);
        assert.deepEqual((await read("stats?detail=total")).total, total, shown);
        const series = await read("series");
        assert.equal(sum(series.points, (point) => point.requests), 20, shown);
        assert.equal(sum(series.points, (point) => point.status["5xx"]), 3, shown);
        const table = await read("paths");
        assert.deepEqual(table.paths.map((row) => [row.path, row.requests]), [
          ["/api/{id}", 12],
          ["/api/slow", 5],
          ["/api/bad", 3],
        ]);
        assert.ok(table.paths.every((row) => sum(row.spark, (count) => count) === row.requests), shown);
        const slow = await read(`paths/${encodeURIComponent("/api/slow")}`);
        assert.deepEqual([slow.figures.requests, sum(slow.histogram, (bin) => bin.count)], [5, 5], shown);
        assert.ok(slow.figures.responseTime.p50 >= 380, shown);
        const slowSeries = await read(`paths/${encodeURIComponent("/api/slow")}/series`);
        assert.equal(sum(slowSeries.points, (point) => point.requests), 5, shown);
        const { slowest, sample } = await read("exemplars");
        const times = slowest.map((one) => one.responseTime);
        assert.ok(times[0] >= 380 && times.every((time, n) => n === 0 || time <= times[n - 1]), shown);
        assert.deepEqual([slowest.length, sample.length], [4, 8], shown);
      }
      await gateway.cron();
      await gateway.alarm();
      assert.deepEqual((await gateway.read("health")).stores.old[0].unfolded, 0);
    }
  });

  test("the table is sorted, searched and paged, and comes as CSV", async (t) => {
    const gateway = await withTraffic(t);
    const names = async (query) => (await gateway.read(`paths?${query}`)).paths.map((row) => row.path);
    // Which is the slowest, a busy machine decides.
    const byTime = (await gateway.read("paths?sort=p95")).paths.map((row) => row.responseTime.p95);
    assert.deepEqual(byTime, byTime.toSorted((a, b) => b - a));
    assert.ok(byTime.length === 3 && byTime[0] >= 380, String(byTime));
    assert.deepEqual(await names("sort=errors&limit=1"), ["/api/bad"]);
    assert.deepEqual(await names("sort=path"), ["/api/bad", "/api/slow", "/api/{id}"]);
    assert.deepEqual(await names("search=SLOW"), ["/api/slow"]);
    const first = await gateway.read("paths?limit=2");
    assert.deepEqual([first.paths.length, first.routes], [2, 3]);
    assert.deepEqual(await names(`limit=2&cursor=${first.next}`), ["/api/bad"]);
    const csv = await gateway.request("/_collector/v1/paths?format=csv");
    assert.equal(csv.headers.get("Content-Type"), "text/csv; charset=utf-8");
    const lines = (await csv.text()).trim().split("\r\n");
    assert.deepEqual([lines.length, lines[1].split(",").slice(0, 2)], [4, ["/api/{id}", "12"]]);
    for (const [query, field] of [
      ["sort=size", "sort"],
      ["order=up", "order"],
      ["limit=0", "limit"],
      ["limit=1001", "limit"],
      ["cursor=zz", "cursor"],
      ["range=2h", "range"],
      [`search=${"x".repeat(300)}`, "search"],
    ]) {
      const response = await gateway.request(`/_collector/v1/paths?${query}`);
      const { detail } = await response.json();
      assert.deepEqual([response.status, detail.slice(0, field.length + 2)], [400, `\`${field}\``], detail);
    }
  });

  test("a reader who has an answer already is told so", async (t) => {
    const gateway = await withTraffic(t);
    const route = "/_collector/v1/stats?from=1700000000000&to=1700000060000";
    const first = await gateway.request(route);
    const etag = first.headers.get("ETag");
    assert.match(etag, /^W\/"[0-9a-f]{16}"$/);
    const again = await gateway.request(route, { headers: { "If-None-Match": etag } });
    assert.deepEqual([again.status, await again.text()], [304, ""]);
    const other = await gateway.request("/_collector/v1/stats", { headers: { "If-None-Match": etag } });
    assert.equal(other.status, 200);
  });

  test("health tells of sends, the consumer, the queue and cron; the snapshot holds it all and its age", async (t) => {
    const gateway = await withTraffic(t);
    const now = Date.now();
    await gateway.freezeClock(now);
    const live = await gateway.read("snapshot");
    assert.deepEqual([live.ageMs, live.stats.total.requests], [0, 20]);
    await gateway.cron();
    const health = await gateway.read("health");
    assert.deepEqual([health.status, health.reasons], ["ok", []]);
    assert.deepEqual([health.sends.tried >= 40, health.sends.lost, health.consumer.stored], [true, 0, 20]);
    assert.deepEqual(health.cron.map(({ job, error }) => [job, error]), [
      ["archive", null],
      ["clean", null],
      ["dead-letters", null],
      ["flag", null],
      ["parity", null],
      ["ramp", null],
      ["snapshot", null],
      ["write-probe", null],
    ]);
    assert.equal(health.queue.backlog, 0);
    const object = (await gateway.env()).PATH_COLLECTOR.getByName("default");
    // Behind the version, the kind of answer, and that there is one.
    const stored = JSON.parse(textAt(await ask(object, "snapshot"), 3));
    assert.deepEqual(Object.keys(stored).sort(), [
      "computedAt",
      "flag",
      "health",
      "parity",
      "paths",
      "range",
      "series",
      "stats",
    ]);
    await gateway.freezeClock(now + 45_000);
    const { ageMs, ...rest } = await gateway.read("snapshot");
    assert.deepEqual([ageMs, rest], [45_000, stored]);
  });

  test("what fails has its reason; a probe is told by the status", async (t) => {
    const gateway = await withTraffic(t);
    await gateway.cron();
    assert.equal((await gateway.request("/_collector/health")).status, 200);
    await gateway.setClock(Date.now() + 10 * 60_000);
    await eventually(async () => {
      const { status, reasons } = await gateway.read("health");
      assert.deepEqual([status, [...new Set(reasons.map(({ code }) => code))]], ["degraded", ["write-probe-late", "cron-late"]]);
    });
    await gateway.fault({ DB: "fails" });
    const probe = await gateway.request("/_collector/health");
    const { status, reasons } = await probe.json();
    assert.deepEqual([probe.status, status], [503, "failing"]);
    assert.ok(reasons.some(({ code }) => code === "new-store-unreadable"));
  });
});
