// What the dashboard answers to those who ask it: whether it works, since when, how much, under which flag.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { eventually } from "../worker/harness.mjs";
import { open, settled, startBrowser } from "./browser.mjs";
import { startSeeded } from "./seed.mjs";

const HOUR = 3_600_000;
const ZONES = ["Europe/Berlin", "Asia/Kolkata", "Pacific/Apia"];

const browser = await startBrowser({ after });
const site = await startSeeded({ after });
const { gateway } = site;
const show = (t, query = "", options = {}) =>
  open(t, browser, `${site.url}/_collector/${query}`, { offset: site.offset, ...options });
const quiet = `from=${site.quiet.from}&to=${site.quiet.to}`;

const exact = (locator) => locator.locator("data").first().getAttribute("value").then(Number);
const tile = (page, name) => page.locator(`[data-tile="${name}"]`);
const requests = (page) => exact(tile(page, "Requests").locator(".note"));
const sum = (numbers) => numbers.reduce((all, number) => all + number, 0);

/** Opens a chart's table, and gives its rows: their names, and the figures in this column. */
async function rowsOf(page, key, column) {
  const details = page.locator(`details[data-key="${key}"]`);
  await details.locator("summary").click();
  await details.locator("tbody tr").first().waitFor();
  const names = await details.locator("tbody th").allTextContents();
  const figures = await details.locator(`tbody td:nth-child(${column})`).allTextContents();
  return { names, figures: figures.map((text) => Number(text.replaceAll(",", ""))) };
}

/** Answers a route of the API with this instead. */
const answer = (page, route, json) => page.route(`**/v1/${route}?**`, (call) => call.fulfill({ json }));

/** A series of one request in each step, as the API gives it. */
function everyStep(from, to, stepMs) {
  const point = (start) => ({
    start,
    requests: 1,
    status: { "1xx": 0, "2xx": 1, "3xx": 0, "4xx": 0, "5xx": 0 },
    responseTime: { mean: 5, min: 5, max: 5, p50: 5, p95: 5, p99: 5 },
  });
  const points = Array.from({ length: (to - from) / stepMs }, (_, n) => point(from + n * stepMs));
  return { from, to, stepMs, exact: true, missing: [], points };
}

describe("what the overview answers", { timeout: 480_000 }, () => {
  for (const timezoneId of ZONES) {
    test(`tile, chart and paths have the same sum, in ${timezoneId}`, async (t) => {
      for (const query of [`?${quiet}`, "?range=24h"]) {
        const page = await show(t, query, { timezoneId });
        await settled(page);
        const { figures } = await rowsOf(page, "requests-table", 2);
        const all = await requests(page);
        assert.ok(all > 0);
        assert.equal(sum(figures), all);
        const errors = await rowsOf(page, "errors-table", 2);
        assert.equal(`${sum(errors.figures)} requests`, await tile(page, "Server errors").locator(".note").textContent());
        const rows = await page.locator("td.requests data").evaluateAll((list) => list.map((one) => Number(one.getAttribute("value"))));
        assert.equal(sum(rows), all);
      }
    });
  }

  test("when clocks go back, 25 hours have 25 names and all their requests", async (t) => {
    const [from, to] = [Date.UTC(2026, 9, 24, 22), Date.UTC(2026, 9, 25, 23)];
    const series = everyStep(from, to, HOUR);
    const [point] = series.points;
    const total = { ...point, requests: 25, status: { ...point.status, "2xx": 25 }, addresses: { lower: 1, estimate: 1 } };
    const prepare = async (page) => {
      await answer(page, "series", series);
      await answer(page, "stats", { from, to, exact: true, missing: [], total });
    };
    const page = await show(t, `?from=${from}&to=${to}`, { prepare });
    await settled(page);
    const { names, figures } = await rowsOf(page, "requests-table", 2);
    assert.equal(new Set(names).size, 25);
    assert.equal(sum(figures), await requests(page));
    assert.equal(sum(figures), 25);
  });

  test("changes of the flag are marks on every chart and told in words", async (t) => {
    const { history } = await gateway.read("flag/history");
    const page = await show(t, "?range=24h&live=off");
    await settled(page);
    const line = page.getByRole("list", { name: "Changes of the flag in this time" });
    await line.getByText(`version ${history[0].version}, 1\u202f% on both, 9.9\u202f% new alone, by ramp`).waitFor();
    assert.equal(await line.getByRole("listitem").count(), 1, "only those of this time");
    const marks = () =>
      page.locator("[data-chart]").evaluateAll((/** @type {any[]} */ list) => list.map(({ $chart }) => $chart.marks));
    const expected = [{ at: history[0].changedAt / 1_000, label: `v${history[0].version}` }];
    assert.deepEqual(await marks(), [expected, expected, expected]);
  });

  test("each tile says how it stood in the period before, and the charts show it", async (t) => {
    const page = await show(t, "?range=6h&live=off");
    await settled(page);
    const { from, to, stepMs } = await gateway.read("series?range=6h");
    const back = Math.ceil((to - from) / stepMs) * stepMs;
    const before = await gateway.read(`stats?from=${from - back}&to=${to - back}&detail=total`);
    assert.ok(before.total.requests > 100);
    const change = tile(page, "p99").locator(".change");
    await change.filter({ hasText: /^([+−±]\d+\s%|×\d+)$/ }).waitFor();
    assert.match(await change.getAttribute("title"), /in the period before/);
    await page.locator('[data-key="Requests by status"] .legend').getByText("the period before").waitFor();
    await eventually(async () => {
      const values = await page
        .locator('.chart[data-key="requests"]')
        .evaluate((/** @type {any} */ chart) => chart.$chart.before);
      assert.ok(Math.abs(sum(values.map((value) => value ?? 0)) - before.total.requests) < 1, `${sum(values)}`);
    });
  });

  test("two requests an hour read as such; of few requests a p99 says so, and nothing is an alarm", async (t) => {
    const to = Math.ceil((Date.now() + site.offset) / 60_000) * 60_000;
    const series = everyStep(to - HOUR, to + 60_000, 60_000);
    series.points.forEach((point, n) => {
      if (n % 30 === 5) return;
      Object.assign(point, { requests: 0, status: { ...point.status, "2xx": 0 }, responseTime: null });
    });
    const { points } = series;
    const total = { ...points[5], requests: 2, addresses: { lower: 1, estimate: 1 }, status: { ...points[5].status, "2xx": 2 } };
    const page = await show(t, "", {
      prepare: async (page) => {
        await answer(page, "series", series);
        await answer(page, "stats", { from: to - HOUR, to, exact: true, missing: [], total });
      },
    });
    await eventually(async () => assert.match(await tile(page, "Requests").locator(".value").textContent(), /^[\d.]+\s\/h$/));
    assert.equal(await tile(page, "p99").locator(".note").textContent(), "of only 2 requests");
    assert.equal(await page.locator(".tiles .spark.bad, .tiles .spark.warn").count(), 0);
    await page.locator('[data-key="Errors"]').getByText("No errors in this time").waitFor();
  });

  test("what only scanners ask for is folded into a line, which says how much, and opens", async (t) => {
    const scanned = ["/.env", "/.git/config", "/wp-login.php"].map((path, n) => ({
      path,
      requests: 10 + n,
      status: { "1xx": 0, "2xx": 0, "3xx": 0, "4xx": 10 + n, "5xx": 0 },
      responseTime: { mean: 5, min: 5, max: 5, p50: 5, p95: 5, p99: 5 },
      spark: [],
    }));
    const page = await show(t, "?range=6h&live=off", {
      prepare: (page) =>
        page.route("**/v1/paths?**", async (route) => {
          const response = await route.fetch();
          const answered = await response.json();
          await route.fulfill({ response, json: { ...answered, paths: [...scanned, ...answered.paths] } });
        }),
    });
    await page.getByText("3 paths answered nothing but client errors, 33 requests in all").waitFor();
    assert.equal(await page.getByRole("link", { name: "/.env" }).count(), 0);
    await page.getByRole("link", { name: "Show them" }).click();
    await page.getByRole("link", { name: "/.env" }).waitFor();
    await page.reload();
    await page.getByRole("link", { name: "Fold them" }).click();
    await page.getByRole("link", { name: "/.env" }).waitFor({ state: "detached" });
  });

  test("a path's rate, share and errors of both kinds stand in its row", async (t) => {
    const page = await show(t, `?${quiet}`);
    await settled(page);
    const { total } = await gateway.read(`stats?${quiet}`);
    const [first] = (await gateway.read(`paths?${quiet}`)).paths;
    const cells = await page
      .locator("table.paths tbody tr")
      .first()
      .locator("td.num")
      .evaluateAll((list) => list.map((cell) => Number(cell.querySelector("data").value)));
    const seconds = (site.quiet.to - site.quiet.from) / 1_000;
    const { requests: all, status } = first;
    assert.deepEqual(cells.slice(0, 5), [all, all / seconds, all / total.requests, status["5xx"], status["4xx"]]);
  });

  test("every view says which gateway it is of, its rule, whose times these are, and which build it is", async (t) => {
    for (const view of ["", "?view=rollout", "?view=parity", "?view=pipeline", "?view=trace"]) {
      const page = await show(t, view, { timezoneId: "Asia/Kolkata" });
      const where = page.locator(".where");
      await where.getByRole("link", { name: "version 5: 1\u202f% on both, 9.9\u202f% new alone" }).waitFor();
      assert.equal(await where.locator("b").textContent(), new URL(site.url).host);
      await where.getByText("staging", { exact: true }).waitFor();
      const foot = await page.locator("footer").textContent();
      assert.match(foot, /Asia\/(Kolkata|Calcutta) \(GMT\+5:30\)/);
      assert.match(foot, /Path Collector \d+\.\d+\.\d+, build [0-9a-f]{7,}/);
    }
  });

  test("the bucket that still fills is told apart, and what has not begun is not shown", async (t) => {
    const page = await show(t, "?live=off");
    await settled(page);
    const { open, x, step } = await page
      .locator('.chart[data-key="requests"]')
      .evaluate((/** @type {any} */ { $chart }) => ({ open: $chart.open, x: $chart.x, step: $chart.step }));
    const now = Date.now() + site.offset;
    assert.ok(open === null || open === x.length - 1);
    assert.ok(x.at(-1) * 1_000 - step / 2 <= now);
  });
});

describe("what one on call is answered", { timeout: 240_000 }, () => {
  test("the rollout says in words what the ramp waits for, and its commands can be copied", async (t) => {
    const page = await show(t, "?view=rollout");
    await page.getByText(/50\s% waits for its time: it is due in .* a parity report that says pass/).waitFor();
    const commands = page.locator(".commands code");
    const pathctl = `pathctl --target ${site.url}`;
    const why = "--reason 'what you saw'";
    assert.deepEqual(await commands.allTextContents(), [
      `${pathctl} flag stop ${why}`,
      `${pathctl} flag ramp --pause ${why}`,
      `${pathctl} flag ramp --back ${why}`,
      `${pathctl} flag rollback 4 ${why}`,
      `${pathctl} flag status`,
    ]);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    const button = page.getByRole("button", { name: /^Copy: .* flag stop/ });
    await button.focus();
    await page.keyboard.press("Enter");
    await eventually(async () => assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${pathctl} flag stop ${why}`));
  });

  test("the pipeline says whether a backlog grows, and counts nothing of unknown age", async (t) => {
    const health = await gateway.read("health");
    let backlog = 40;
    const prepare = (page) =>
      page.route("**/v1/health", (route) => {
        backlog += 10;
        const computedAt = health.computedAt + backlog;
        return route.fulfill({ json: { ...health, computedAt, queue: { backlog, oldestMs: 9_000 } } });
      });
    const page = await show(t, "?view=pipeline", { clock: true, prepare });
    const queue = page.locator(".flow li", { hasText: "Queue" });
    await queue.getByText(/\d+ waiting/).waitFor();
    await eventually(async () => {
      await page.clock.runFor(11_000);
      assert.match(await queue.textContent(), /[1-9]\d* more than at \d\d:\d\d:\d\d/);
    });
    const gatewayStation = await page.locator(".flow li", { hasText: "Gateway" }).textContent();
    assert.match(gatewayStation, /[\d.]+\s\/(s|min|h) writes.*0 failed.*0 lost/);
    await page.getByText("Rates and failures are of the last 15 minutes").waitFor();
  });
});

describe("what a reviewer is answered", { timeout: 240_000 }, () => {
  test("reports say how much was compared and under which version of the flag, days as well as hours", async (t) => {
    const page = await show(t, "?view=parity");
    await settled(page);
    const days = page.getByRole("table", { name: "Reports by day" });
    const { reports } = await gateway.read("parity?kind=day&limit=30");
    assert.equal(await days.locator("tbody tr").count(), reports.length);
    const newest = await days.locator("tbody tr").first().locator("td").allTextContents();
    const [{ union, seen }] = reports;
    assert.equal(newest[2], "v4 → v5");
    assert.equal(newest[3], union.toLocaleString("en-GB"));
    assert.equal(await exact(days.locator("tbody tr").first().locator("td").nth(4)), union / Math.max(union, seen.arrived));
    await page.getByRole("table", { name: "Reports by hour" }).waitFor();
  });

  test("the strip of verdicts is a time axis: an hour without a report is a gap", async (t) => {
    const { reports } = await gateway.read("parity?kind=hour&limit=48");
    const [, gone] = reports;
    const page = await show(t, "?view=parity", {
      prepare: (page) =>
        page.route("**/v1/parity?kind=hour**", (route) =>
          route.fulfill({ json: { reports: reports.filter((report) => report !== gone) } }),
        ),
    });
    const strip = page.getByRole("list", { name: "Verdicts by hour" });
    await strip.getByRole("img", { name: /no report/ }).first().waitFor();
    const starts = await strip
      .locator("li")
      .evaluateAll((/** @type {HTMLElement[]} */ list) => list.map(({ dataset }) => Number(dataset.key)));
    assert.ok(starts.every((start, n) => n === 0 || start === starts[n - 1] + HOUR), "each cell is an hour on");
    assert.equal(await strip.locator(`li[data-key="${gone.window.from}"] .gap`).count(), 1);
  });

  test("a report says why a route is inconclusive under a pass, names its flag, and fits on paper", async (t) => {
    const { reports } = await gateway.read("parity?kind=hour&limit=1");
    const page = await show(t, `?view=parity&window=hour:${reports[0].window.from}`, { theme: "dark" });
    await settled(page);
    await page.getByText("routes too small to be judged alone").waitFor();
    await page.getByText("A route that is inconclusive has too few of its own").waitFor();
    await page.getByText(/version 5: 1\s% on both, 9.9\s% new alone/).last().waitFor();
    await page.getByRole("button", { name: "Print" }).waitFor();
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.getByRole("navigation", { name: "Views" }).isVisible(), false);
    assert.equal(await page.locator(".where").isVisible(), true, "which gateway it is of");
    const ink = await page.evaluate(() => getComputedStyle(document.body).color);
    assert.match(ink, /rgb\((\d|[1-5]\d), /, "dark on white");
  });
});
