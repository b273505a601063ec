// What the dashboard shows when things aren't well: nothing there, slow, failing, signed out, or hostile.
import assert from "node:assert/strict";
import { test } from "node:test";

import { SIZES, eventually, open, overflow, seriousFindings, settled, startBrowser } from "./browser.mjs";
import { Mock } from "./mock/server.mjs";

const FAILED_READ = /Failed to load resource/;

test("states of the dashboard", { timeout: 240_000 }, async (t) => {
  const browser = await startBrowser(t);
  // It outlives the pages that are shown from it.
  const site = async (scenario) => {
    const mock = await new Mock(scenario).listen();
    t.after(() => mock.close());
    return mock;
  };
  const show = (t, mock, query = "", options = {}) => open(t, browser, `${mock.url}/_collector/${query}`, options);
  const requests = (page) => page.locator('[data-tile="Requests"] .note data').getAttribute("value");

  await t.test("the first paint needs the snapshot alone", async (t) => {
    const mock = await site("busy");
    mock.hold = true;
    const page = await show(t, mock);
    assert.ok(Number(await requests(page)) > 10_000);
    assert.equal(await page.getByRole("button", { name: "Sign out" }).count(), 0, "nobody signed in");
    await eventually(async () => assert.equal(await page.locator("tbody tr").count(), 46));
    await eventually(async () => assert.equal(await page.locator(".chart canvas").count(), 2));
    assert.match(
      await page.locator(".summary").textContent(),
      /1\s%on both paths|1\s% on both paths.*agrees.*Nothing is lost/,
    );
    const painted = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    t.diagnostic(`first contentful paint after ${Math.round(painted)} ms`);
  });

  await t.test("without a snapshot it says that it reads", async (t) => {
    const mock = await site("busy");
    Object.assign(mock, { hold: true, withSnapshot: false });
    const page = await show(t, mock);
    assert.match(await page.locator(".liveness").textContent(), /Reading/);
    assert.ok((await page.locator(".bone").count()) > 6);
  });

  await t.test("old figures stay while reads fail, with a notice, and come anew after", async (t) => {
    const mock = await site("busy");
    const page = await show(t, mock, "", { expects: FAILED_READ });
    await settled(page);
    mock.scenario = "down";
    const notice = page.getByRole("alert");
    await notice.waitFor();
    assert.match(
      await notice.textContent(),
      /can’t be read now.*A store can't be read now.*What is shown is of \d\d:\d\d:\d\d/,
    );
    assert.ok(Number(await requests(page)) > 10_000);
    assert.match(await page.locator(".liveness").textContent(), /Not current/);
    assert.deepEqual(await seriousFindings(page), []);
    mock.scenario = "busy";
    await page.getByRole("button", { name: "Try again" }).click();
    await notice.waitFor({ state: "detached" });
    await eventually(async () => assert.match(await page.locator(".liveness").textContent(), /Live/));
  });

  await t.test("where nothing could ever be read, each part says so", async (t) => {
    const mock = await site("down");
    for (const size of Object.values(SIZES)) {
      const page = await show(t, mock, "", { expects: FAILED_READ, size });
      await page.getByRole("alert").waitFor();
      await eventually(async () => assert.equal(await page.getByText("Not readable now.").count(), 4));
      assert.equal(await overflow(page), 0);
    }
  });

  await t.test("figures that lack a store are shown, with a notice that says which, until it is back", async (t) => {
    const mock = await site("busy");
    mock.missing = [{ store: "new", reason: "no answer within 5000 ms" }];
    const page = await show(t, mock);
    const notice = page.getByRole("alert");
    await notice.getByText("D1 (no answer within 5000 ms) could not be read").waitFor();
    assert.ok(Number(await requests(page)) > 10_000);
    assert.deepEqual(await seriousFindings(page), []);
    assert.equal(await overflow(page), 0);
    mock.missing = undefined;
    await notice.waitFor({ state: "detached" });
  });

  await t.test("an empty deployment explains itself", async (t) => {
    const mock = await site("empty");
    const page = await show(t, mock);
    await settled(page);
    assert.match(
      await page.locator("main").textContent(),
      /Every request is counted on the old path.*not compared yet.*No path had a request/s,
    );
    for (const [view, text] of [
      ["rollout", "never changed"],
      ["parity", "There is no report yet"],
      ["pipeline", "every event could be stored"],
    ]) {
      await page.goto(`${mock.url}/_collector/?view=${view}`);
      await page.getByText(text).first().waitFor();
      assert.deepEqual(await seriousFindings(page), [], view);
    }
  });

  await t.test("an emergency stop is told first, with its name and where it holds", async (t) => {
    const mock = await site("busy");
    const reason = "errors on every route of the new path since the last deployment, see incident 4711";
    mock.operation.stop = { id: "stop-1f2e3d4c", at: Date.now() - 60_000, by: "maria@example.org", reason };
    const page = await show(t, mock);
    await page.getByRole("link", { name: /Rollout.*Stopped by maria/ }).click();
    assert.match(await page.getByRole("alert").textContent(), /Stopped by maria.*until stop-1f2e3d4c is released/);
    await page.getByText("1 stop: D1 can’t be read, the object has it, KV has it").waitFor();
    await page.getByRole("table", { name: /Emergency stops/ }).getByText("holds").waitFor();
    for (const size of Object.values(SIZES)) {
      await page.setViewportSize(size);
      assert.equal(await overflow(page), 0);
      assert.deepEqual(await seriousFindings(page), []);
    }
  });

  await t.test("trouble is named: failing parity, its events, a held ramp, dead letters", async (t) => {
    const mock = await site("trouble");
    const page = await show(t, mock);
    assert.match(
      await page.locator(".summary").textContent(),
      /disagrees: at least [\d.]+\s% differs.*412 events have waited.*And 3 more/s,
    );
    await page.getByRole("link", { name: /Parity.*disagrees/ }).click();
    await page.locator(".cell.fail").first().waitFor();
    await page.getByRole("link", { name: "The whole report" }).first().click();
    await page.getByText("unexplained ones first").waitFor();
    const [report] = mock.operation.parity.reports("hour", 2).slice(1);
    assert.equal(
      await page.locator("td b.unexplained").count(),
      report.differences.filter(({ reason }) => !reason).length,
    );
    for (const size of Object.values(SIZES)) {
      await page.setViewportSize(size);
      assert.equal(await overflow(page), 0);
      assert.deepEqual(await seriousFindings(page), []);
    }
    const dead = page.locator("tr", { hasText: "in a dead letter" }).first().locator("a").first();
    await dead.click();
    await page.getByText("It was meant for both, and the new store lacks it").waitFor();
    await page.goto(`${mock.url}/_collector/?view=rollout`);
    await page.getByText("The newest hour's parity report says fail.").waitFor();
    await page.goto(`${mock.url}/_collector/?view=pipeline`);
    await page.getByText("11 letters kept").waitFor();
    for (const size of Object.values(SIZES)) {
      await page.setViewportSize(size);
      assert.equal(await overflow(page), 0);
      assert.deepEqual(await seriousFindings(page), []);
    }
  });

  await t.test("a paused or hidden page reads nothing; it goes on when it is seen again", async (t) => {
    const mock = await site("busy");
    const page = await show(t, mock, "", { clock: true });
    await page.clock.runFor(100);
    const asked = () => mock.asked.length;
    const advance = () => page.clock.runFor(10_000);
    await eventually(async () => {
      await page.clock.runFor(2_500);
      assert.ok(asked() > 12, "it reads again and again");
    });
    await page.getByRole("button", { name: /Pause live figures/ }).click();
    await page.clock.runFor(100);
    await page.waitForLoadState("networkidle");
    const paused = asked();
    await advance();
    assert.equal(asked(), paused);
    assert.match(await page.locator(".liveness").textContent(), /Paused/);
    await page.getByRole("button", { name: /Resume live figures/ }).click();
    await eventually(async () => {
      await page.clock.runFor(2_500);
      assert.ok(asked() > paused);
    });
    const see = (state) =>
      page.evaluate((state) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => state === "hidden" });
        document.dispatchEvent(new Event("visibilitychange"));
      }, state);
    await see("hidden");
    await page.waitForLoadState("networkidle");
    const hidden = asked();
    await advance();
    assert.equal(asked(), hidden);
    await see("visible");
    await eventually(async () => {
      await page.clock.runFor(500);
      assert.ok(asked() > hidden);
    });
  });

  await t.test("an answer that is as before is not sent again, and its figures stay current", async (t) => {
    const mock = await site("busy");
    const to = Math.floor(Date.now() / 60_000) * 60_000 - 60_000;
    const page = await show(t, mock, `?from=${to - 3_600_000}&to=${to}`, { clock: true });
    await eventually(async () => {
      await page.clock.runFor(11_000);
      assert.ok(mock.unchanged > 3, "the flag's and others");
    });
    await page.clock.runFor(100);
    assert.ok(Number(await requests(page)) > 10_000);
    assert.match(await page.locator(".liveness").textContent(), /Live/);
  });

  await t.test(
    "signing in: a wrong token is refused, the right one leads back to where the session ended",
    async (t) => {
      const mock = await site("busy");
      const page = await show(t, mock, "?range=24h&sort=p95", { expects: FAILED_READ });
      await settled(page);
      mock.scenario = "closed";
      await page.getByRole("link", { name: "6\u202fh" }).click();
      const notice = page.getByRole("alert");
      await notice.getByRole("link", { name: "Sign in" }).click();
      await page.getByLabel("Token").fill("wrong");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("This token is not one of them").waitFor();
      assert.deepEqual(await seriousFindings(page), []);
      await page.getByLabel("Token").fill("open-sesame");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.waitForURL(/range=6h/);
      await settled(page);
      assert.equal(await page.locator("th[aria-sort]").textContent(), "p95↓");
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("Token").waitFor();
      assert.equal(await overflow(page), 0);
    },
  );

  await t.test("a selection in a chart becomes the range; a switched-off class stays off over reload", async (t) => {
    const mock = await site("busy");
    const page = await show(t, mock, "?range=1h");
    await settled(page);
    const box = await page.locator('.chart[data-key="requests"] .u-over').boundingBox();
    await page.mouse.move(box.x + box.width * 0.25, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/from=\d{13}&to=\d{13}/);
    const query = new URL(page.url()).searchParams;
    const minutes = (query.get("to") - query.get("from")) / 60_000;
    assert.ok(minutes >= 14 && minutes <= 18, `${minutes} minutes`);
    await page.getByRole("link", { name: "Back to the range before" }).click();
    await page.getByRole("link", { name: /2xx success/ }).click();
    await page.waitForURL(/hide=2xx/);
    await page.reload();
    assert.equal(await page.locator(".legend a.off").textContent(), "2xx success (hidden)");
  });

  await t.test("a path or an ID is only ever text", async (t) => {
    const mock = await site("busy");
    const hostile = `/<img src=x onerror="document.title='owned'">/{'"}</script>`;
    mock.traffic.extra.push({ path: hostile, at: Date.now() - 60_000, status: 200 });
    const page = await show(t, mock, "?search=img%20src");
    const link = page.getByRole("link", { name: hostile, exact: true });
    await link.click();
    await page.getByRole("heading", { level: 1, name: hostile, exact: true }).waitFor();
    await settled(page);
    assert.equal(await page.locator("main img").count(), 0);
    await page.goto(`${mock.url}/_collector/?view=trace&id=${encodeURIComponent("<b>x</b>")}`);
    await page.getByText("“<b>x</b>” is no ID").waitFor();
  });
});
