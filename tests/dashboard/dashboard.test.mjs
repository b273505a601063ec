// What the dashboard shows of a seeded Worker, and how it is used. With DASHBOARD_URL (and DASHBOARD_TOKEN), of the
// gateway there, which nobody else may send requests to meanwhile.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, describe, test } from "node:test";

import { eventually } from "../worker/harness.mjs";
import { SIZES, open, overflow, seriousFindings, settled, startBrowser } from "./browser.mjs";
import { startSeeded } from "./seed.mjs";

const { DASHBOARD_URL, DASHBOARD_TOKEN } = process.env;
const VIEWS = ["", "?view=rollout", "?view=parity", "?view=pipeline", "?view=trace"];
const LIMIT = 160_000; // bytes of all files that a page needs

/** `quiet` is a range whose figures stay as they are. */
const running = () => ({
  url: DASHBOARD_URL,
  token: DASHBOARD_TOKEN,
  offset: 0,
  quiet: { from: Date.now() - 3_540_000, to: Date.now() + 60_000 },
});
const site = DASHBOARD_URL ? running() : await startSeeded({ after });
const browser = await startBrowser({ after });

const at = (query) => `${site.url}/_collector/${query}`;
const headers = site.token ? { Authorization: `Bearer ${site.token}` } : {};
const show = (t, query, options) => open(t, browser, at(query), { token: site.token, offset: site.offset, ...options });
const ask = async (route) => {
  const response = await fetch(at(`v1/${route}`), { headers });
  assert.equal(response.status, 200, route);
  return response.json();
};
const quiet = `from=${site.quiet.from}&to=${site.quiet.to}`;
const valueIn = (scope, selector) => scope.locator(`${selector} data`).first().getAttribute("value").then(Number);
const tile = (page, label) => valueIn(page, `[data-tile="${label}"] .value`);

/** When the same browser paints a page of one word, as a measure of it. */
async function blankPaint(t) {
  const page = await open(t, browser, "data:text/html,word");
  await page.goto("data:text/html,words");
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length);
  const painted = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  return `a page of one word after ${Math.round(painted)} ms`;
}

describe("the dashboard", { timeout: 300_000 }, () => {
  test("the figures on the page are the API's", async (t) => {
    const page = await show(t, `?${quiet}`);
    await settled(page);
    const { total } = await ask(`stats?${quiet}`);
    const seconds = (site.quiet.to - site.quiet.from) / 1_000;
    assert.ok(total.requests > 0, "there is traffic");
    assert.equal(await valueIn(page, '[data-tile="Requests"] .note'), total.requests);
    if (site.quiet.to <= Date.now() + site.offset) assert.equal(await tile(page, "Requests"), total.requests / seconds);
    assert.equal(await tile(page, "Server errors"), total.status["5xx"] / total.requests);
    assert.equal(await tile(page, "Client errors"), total.status["4xx"] / total.requests);
    for (const name of ["p50", "p95", "p99"]) assert.equal(await tile(page, name), total.responseTime[name]);
    assert.equal(await tile(page, "Addresses"), total.addresses.estimate);
    assert.equal(await valueIn(page, '[data-tile="Addresses"] .note'), total.addresses.lower);
  });

  test("the first paint has figures and asks for nothing", async (t) => {
    const page = await show(t, "");
    const times = [];
    // A browser that has just started takes long for anything: the same page again, as people reload it.
    for (let visit = 0; visit < 5; visit++) {
      await page.reload();
      await settled(page);
      const first = await page.waitForFunction(() => {
        const [painted] = performance.getEntriesByName("first-contentful-paint");
        const asked = performance.getEntriesByType("resource").find(({ name }) => name.includes("/v1/"));
        return painted && asked && [painted.startTime, asked.startTime];
      });
      const [painted, asked] = await first.jsonValue();
      assert.ok(painted <= asked, `painted after ${painted} ms, asked after ${asked} ms`);
      times.push(painted);
    }
    t.diagnostic(`first paint of figures after ${times.map(Math.round).join(", ")} ms; ${await blankPaint(t)}`);
  });

  test("so are those of every path, and of a path's own page", async (t) => {
    const page = await show(t, `?${quiet}`);
    await settled(page);
    const { paths } = await ask(`paths?${quiet}&limit=50`);
    const rows = await page.locator("table.paths tbody tr").evaluateAll((/** @type {any[]} */ list) =>
      list.map((row) => ({
        path: row.querySelector("th").textContent,
        requests: Number(row.querySelector(".requests data").value),
        errors: Number(row.querySelector(".errors data").value),
        times: [...row.querySelectorAll("td.num")].slice(5).map((cell) => Number(cell.querySelector("data").value)),
      })),
    );
    assert.deepEqual(
      rows,
      paths.map(({ path, requests, status, responseTime: { p50, p95, p99 } }) => ({
        path,
        requests,
        errors: status["5xx"],
        times: [p50, p95, p99],
      })),
    );
    const { path } = paths[1];
    await page.getByRole("link", { name: path, exact: true }).click();
    await settled(page);
    const { figures, histogram } = await ask(`paths/${encodeURIComponent(path)}?${quiet}`);
    assert.equal(await page.locator("h1").textContent(), path);
    assert.equal(await valueIn(page, '[data-tile="Requests"] .note'), figures.requests);
    assert.equal(await tile(page, "p99"), figures.responseTime.p99);
    await page.locator('[data-key="histogram-table"] summary').click();
    const counts = await page.locator('[data-key="histogram-table"] td:last-child').allTextContents();
    assert.deepEqual(
      counts.map((text) => Number(text.replaceAll(",", ""))),
      histogram.map(({ count }) => count),
    );
  });

  test("the address keeps range, search and order over reload, back and forward", async (t) => {
    const page = await show(t, "");
    await page.getByRole("link", { name: "24\u202fh" }).click();
    await page.getByRole("columnheader", { name: "p95" }).getByRole("link").click();
    const { paths } = await ask("paths?range=24h&sort=p95&order=desc");
    const search = paths[0].path.slice(0, 6);
    await page.getByRole("searchbox", { name: "Search paths" }).fill(search);
    await page.waitForURL((url) => url.searchParams.get("search") === search);
    const state = async () => {
      await settled(page);
      return {
        range: await page.locator(".ranges [aria-current]").textContent(),
        sorted: await page.locator("th[aria-sort]").first().textContent(),
        search: await page.locator("#search").inputValue(),
        paths: (await page.locator("tbody th.path").allTextContents()).filter((path) => !path.includes(search)),
      };
    };
    const before = await eventually(async () => {
      const now = await state();
      assert.deepEqual(now, { range: "24\u202fh", sorted: "p95↓", search, paths: [] });
      return now;
    });
    await page.reload();
    assert.deepEqual(await state(), before);
    await page.getByRole("link", { name: "Rollout" }).first().click();
    await page.getByRole("heading", { name: "Rollout", level: 1 }).waitFor();
    await page.goBack();
    assert.deepEqual(await state(), before);
    await page.goForward();
    await page.getByRole("heading", { name: "Rollout", level: 1 }).waitFor();
  });

  test("a new request comes onto the page by itself", async (t) => {
    // Of words: random letters would not become a route.
    const words = ["amber", "basket", "candle", "dragon", "engine", "forest", "garden", "harbour"];
    const path = `/live-${Array.from(randomBytes(4), (byte) => words[byte % words.length]).join("-")}`;
    const page = await show(t, `?range=15m&search=${encodeURIComponent(path)}`);
    await page.getByText("No path contains").waitFor();
    await fetch(`${site.url}${path}`);
    await page.getByRole("link", { name: path, exact: true }).waitFor();
  });

  for (const [width, size] of Object.entries(SIZES)) {
    for (const theme of ["light", "dark"]) {
      test(`every view fits, ${width} and ${theme}, and axe finds nothing serious`, async (t) => {
        const page = await show(t, "", { size, theme });
        const { paths } = await ask("paths?range=1h");
        const views = [...VIEWS, `?view=path&path=${encodeURIComponent(paths[0].path)}`];
        for (const view of views) {
          await page.goto(at(view));
          await settled(page);
          assert.equal(await overflow(page), 0, `${view} reaches beyond the window`);
          assert.deepEqual(await seriousFindings(page), [], view);
        }
      });
    }
  }

  test("everything can be reached and used with the keyboard", async (t) => {
    const page = await show(t, "?live=off");
    await settled(page);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the figures");
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "search");
    const reached = new Set();
    for (let n = 0; n < 12; n++) {
      await page.keyboard.press("Tab");
      reached.add(
        await page.evaluate(() => document.activeElement.closest("th")?.textContent.replace(/[↑↓]/, "") ?? ""),
      );
    }
    for (const column of ["Path", "Requests", "Server errors", "p95"]) assert.ok(reached.has(column), column);
    await page.locator('.chart[data-key="requests"] .plot').focus();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    const said = await page.locator('.chart[data-key="requests"] [role=status]').textContent();
    assert.match(said, /\d\d:\d\d – \d\d:\d\d.*all [\d,]+/);
    const link = page.locator("tbody th.path a").first();
    const path = await link.textContent();
    await link.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: path, level: 1, exact: true }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.localName), "h1");
  });

  test("a chosen theme outlives a reload", async (t) => {
    const page = await show(t, "", { theme: "light" });
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await ground();
    await page.getByRole("button", { name: /^Theme/ }).click(); // from the system's to light
    await page.getByRole("button", { name: /^Theme/ }).click();
    assert.notEqual(await ground(), light);
    await page.reload();
    assert.notEqual(await ground(), light);
  });

  test("exemplars lead to what each store knows of them", async (t) => {
    const { paths } = await ask(`paths?${quiet}`);
    const page = await show(t, `?view=path&path=${encodeURIComponent(paths[0].path)}&${quiet}`);
    const link = page.locator("a.mono", { hasText: /^\d{13}-[0-9a-f]{8}$/ }).first();
    const id = await link.textContent();
    await link.click();
    await settled(page);
    assert.match(await page.locator(".verdict").textContent(), /It counts once|archive/);
    assert.ok(page.url().includes(id));
    const trace = await ask(`trace/${id}`);
    const cards = await page
      .locator(".two .card")
      .evaluateAll((list) => list.map((card) => !card.querySelector(".empty")));
    assert.deepEqual(cards, [trace.old.length > 0, trace.new.length > 0]);
  });

  test("the table as CSV has every path", async (t) => {
    const page = await show(t, `?${quiet}`);
    const href = await page.getByRole("link", { name: "CSV" }).getAttribute("href");
    const response = await fetch(new URL(href, at("")), { headers });
    assert.match(response.headers.get("content-type"), /^text\/csv/);
    const lines = (await response.text()).trim().split("\r\n");
    assert.equal(lines.length - 1, (await ask(`paths?${quiet}`)).routes);
  });

  test("all that a page needs is small", async (t) => {
    const page = await show(t, "?live=off");
    await settled(page);
    const sizes = await page.evaluate(() => {
      const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      return /** @type {PerformanceResourceTiming[]} */ (entries)
        .filter(({ name }) => !name.includes("/v1/"))
        .map(({ name, decodedBodySize }) => /** @type {const} */ ([new URL(name).pathname, decodedBodySize]));
    });
    const snapshot = await page.evaluate(() => document.getElementById("snapshot").textContent.length);
    const total = sizes.reduce((sum, [, size]) => sum + size, -snapshot);
    t.diagnostic(`${total} bytes without the snapshot, which is data`);
    assert.ok(sizes.length >= 2 && total < LIMIT, JSON.stringify([sizes, snapshot]));
  });
});
