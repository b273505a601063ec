// What the dashboard shows when things aren't well: nothing there, slow, failing, stopped, or hostile.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { eventually, startGateway } from "../worker/harness.mjs";
import { SIZES, open, overflow, seriousFindings, settled, startBrowser } from "./browser.mjs";
import { HOSTILE, makeTrouble, startSeeded } from "./seed.mjs";

const FAILED_READ = /Failed to load resource/;
const ALL = { DB: "fails", PATH_COLLECTOR: "fails", FLAGS: "fails" };

const browser = await startBrowser({ after });
const site = await startSeeded({ after });
const { gateway } = site;
const show = (t, query = "", options = {}) =>
  open(t, browser, `${site.url}/_collector/${query}`, { offset: site.offset, ...options });
const requests = (page) => page.locator('[data-tile="Requests"] .note data').getAttribute("value").then(Number);

/** Leaves reads of the API without an answer. */
const unanswered = (page) => page.route("**/v1/**", () => {});

/** Makes bindings fail, but no longer than the test lasts. */
async function fault(t, faults) {
  t.after(() => gateway.fault({}));
  await gateway.fault(faults);
}

/** Counts what a page asks of the API, and the answers that are as before. */
function watch() {
  const seen = { asked: 0, unchanged: 0 };
  const isRead = (message) => message.url().includes("/v1/");
  const prepare = (page) => {
    page.on("request", (request) => {
      if (isRead(request)) seen.asked += 1;
    });
    page.on("response", (response) => {
      if (isRead(response) && response.status() === 304) seen.unchanged += 1;
    });
  };
  return { seen, prepare };
}

/** Asserts that the page fits into both widths, and that axe finds nothing serious. */
async function fits(page) {
  for (const size of Object.values(SIZES)) {
    await page.setViewportSize(size);
    assert.equal(await overflow(page), 0);
    assert.deepEqual(await seriousFindings(page), []);
  }
}

describe("states of the dashboard", { timeout: 240_000 }, () => {
  test("the first paint needs the snapshot alone", async (t) => {
    const page = await show(t, "", { prepare: unanswered });
    assert.equal(await requests(page), site.requests.all);
    assert.equal(await page.getByRole("button", { name: "Sign out" }).count(), 0, "nobody signed in");
    await eventually(async () => assert.equal(await page.locator("tbody tr").count(), site.routes));
    await eventually(async () => assert.equal(await page.locator(".chart canvas").count(), 3));
    assert.match(await page.locator(".summary").textContent(), /1\s% on both paths.*agrees.*Nothing is lost/);
    const painted = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    t.diagnostic(`first contentful paint after ${Math.round(painted)} ms`);
  });

  test("without a snapshot it says that it reads", async (t) => {
    await fault(t, { DB: "hangs", PATH_COLLECTOR: "hangs" });
    const page = await show(t, "", { prepare: unanswered });
    assert.match(await page.locator(".liveness").textContent(), /Reading/);
    assert.ok((await page.locator(".bone").count()) > 6);
  });

  test("old figures stay while reads fail, with a notice, and come anew after", async (t) => {
    const page = await show(t, "", { expects: FAILED_READ });
    await settled(page);
    await fault(t, ALL);
    const notice = page.getByRole("alert");
    const told = /can’t be read now.*could not be reached, or refused.*What is shown is of \d\d:\d\d:\d\d/;
    await notice.filter({ hasText: told }).waitFor();
    assert.equal(await requests(page), site.requests.all);
    assert.match(await page.locator(".liveness").textContent(), /Not current/);
    assert.deepEqual(await seriousFindings(page), []);
    await gateway.fault({});
    await page.getByRole("button", { name: "Try again" }).click();
    await notice.waitFor({ state: "detached" });
    await eventually(async () => assert.match(await page.locator(".liveness").textContent(), /Live/));
  });

  test("where nothing could ever be read, each part says so", async (t) => {
    await fault(t, ALL);
    for (const size of Object.values(SIZES)) {
      const page = await show(t, "", { expects: FAILED_READ, size });
      await page.getByRole("alert").waitFor();
      await eventually(async () => assert.equal(await page.getByText("Not readable now.").count(), 5));
      assert.equal(await overflow(page), 0);
    }
  });

  test("figures that lack a store are shown, with a notice that says which, until it is back", async (t) => {
    await fault(t, { PATH_COLLECTOR: "fails" });
    // Changes of the flag, which D1 alone knows, are asked for beside the figures.
    const page = await show(t, "", { clock: true, expects: FAILED_READ });
    const notice = page.getByRole("alert");
    const away = "(it could not be reached, or refused) could not be read";
    await notice.getByText(`the PathCollector object ${away}`).waitFor();
    assert.equal(await requests(page), site.requests.new);
    assert.deepEqual(await seriousFindings(page), []);
    assert.equal(await overflow(page), 0);
    await gateway.fault({});
    await page.clock.fastForward(11_000);
    await notice.waitFor({ state: "detached" });
    await eventually(async () => assert.equal(await requests(page), site.requests.all));
    await gateway.fault({ DB: "fails" });
    await page.goto(`${site.url}/_collector/?view=path&path=%2F`);
    await notice.getByText(`D1 ${away}`).waitFor();
  });

  test("with D1 away every page shows what the object has, says once what is missing, and claims nothing", async (t) => {
    await fault(t, { DB: "fails" });
    const page = await show(t, "", { expects: FAILED_READ });
    await page.getByRole("alert").getByText("D1 (it could not be reached, or refused) could not be read").waitFor();
    assert.ok((await requests(page)) > 0);
    assert.equal(await page.locator(".tiles .change").count(), 0, "nothing is compared with a whole");
    for (const [view, ...texts] of [
      ["pipeline", "D1 can’t be read", "in the object", "What is archived can’t be read now"],
      ["rollout", "Version 5 holds everywhere, as far as can be seen", "Not all events could be looked at"],
      ["parity", "Until it can be read, no hour is judged"],
    ]) {
      await page.goto(`${site.url}/_collector/?view=${view}`);
      await settled(page);
      for (const text of texts) await page.locator("main").getByText(text).first().waitFor();
      assert.equal(await page.getByText("Not readable now.").count(), 1, view);
      await fits(page);
    }
  });

  test("an answer that does not come is not called reading for ever", async (t) => {
    const page = await show(t, "?view=pipeline", { clock: true, prepare: unanswered });
    const liveness = page.locator(".liveness");
    await eventually(async () => {
      await page.clock.runFor(1_500);
      assert.match(await liveness.textContent(), /No answer yet/);
    });
    await page.close();
  });

  test("an empty deployment explains itself", async (t) => {
    const empty = await startGateway(t);
    await empty.cron();
    const url = `${(await empty.server.listen()).url.origin}/_collector/`;
    const page = await open(t, browser, url);
    await settled(page);
    assert.match(
      await page.locator("main").textContent(),
      /Every request is counted on the old path.*not compared yet.*No path had a request/s,
    );
    const origin = new URL(url).origin;
    await page.getByText(`curl -i ${origin}/`).waitFor();
    for (const [view, text] of [
      ["rollout", "never changed"],
      ["rollout", `pathctl --target ${origin} flag set --mode dual-write --sample 1% --reason 'stage 1: sample'`],
      ["parity", "No event goes to both paths, so nothing can be compared. Begin with a sample"],
      ["pipeline", "every event could be stored"],
    ]) {
      await page.goto(`${url}?view=${view}`);
      await page.getByText(text).first().waitFor();
      assert.deepEqual(await seriousFindings(page), [], view);
    }
  });

  test("a paused or hidden page reads nothing; it goes on when it is seen again", async (t) => {
    const { seen, prepare } = watch();
    const page = await show(t, "", { clock: true, prepare });
    await page.clock.runFor(100);
    const asked = () => seen.asked;
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

  test("an answer that is as before is not sent again, and its figures stay current", async (t) => {
    const { from, to } = site.quiet;
    const { seen, prepare } = watch();
    const page = await show(t, `?from=${from}&to=${to}`, { clock: true, prepare });
    await eventually(async () => {
      await page.clock.runFor(11_000);
      assert.ok(seen.unchanged > 3, "the flag's and others");
    });
    // The page's time ran on while answers were on their way: the next ones have to come within what it calls current.
    await eventually(async () => {
      await page.clock.runFor(500);
      assert.match(await page.locator(".liveness").textContent(), /Live/);
    });
    assert.equal(await requests(page), (await gateway.read(`stats?from=${from}&to=${to}`)).total.requests);
  });

  test("a selection in a chart becomes the range; a switched-off class stays off over reload", async (t) => {
    const page = await show(t, "?range=1h");
    await settled(page);
    const box = await page.locator('.chart[data-key="requests"] .u-over').boundingBox();
    await page.mouse.move(box.x + box.width * 0.25, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/from=\d{13}&to=\d{13}/);
    const query = new URL(page.url()).searchParams;
    const minutes = (Number(query.get("to")) - Number(query.get("from"))) / 60_000;
    assert.ok(minutes >= 14 && minutes <= 18, `${minutes} minutes`);
    await page.getByRole("link", { name: "Back to the range before" }).click();
    await page.getByRole("link", { name: /2xx success/ }).click();
    await page.waitForURL(/hide=2xx/);
    await page.reload();
    assert.equal(await page.locator(".legend a.off").textContent(), "2xx success (hidden)");
  });

  test("a path or an ID is only ever text", async (t) => {
    const page = await show(t, "?search=img%20src");
    const link = page.getByRole("link", { name: HOSTILE, exact: true });
    await link.click();
    await page.getByRole("heading", { level: 1, name: HOSTILE, exact: true }).waitFor();
    await settled(page);
    assert.equal(await page.locator("main img").count(), 0);
    await page.goto(`${site.url}/_collector/?view=trace&id=${encodeURIComponent("<b>x</b>")}`);
    await page.getByText("“<b>x</b>” is no ID").waitFor();
  });

  // From here on the Worker is not well.
  test("trouble is named: failing parity, its events, a held ramp, dead letters", async (t) => {
    await makeTrouble(site);
    const page = await show(t);
    assert.match(
      await page.locator(".summary").textContent(),
      /disagrees: at least [\d.]+\s% differs.*D1 takes no writes.*And \d+ more/s,
    );
    await page.getByRole("link", { name: /Parity.*disagrees/ }).click();
    await page.locator(".cell.fail").first().waitFor();
    await page.getByRole("link", { name: "The whole report" }).first().click();
    await page.getByText("unexplained ones first").waitFor();
    const [{ window }] = (await gateway.read("parity?kind=hour&limit=1")).reports;
    const { differences } = await gateway.read(`parity/hour:${window.from}`);
    const unexplained = differences.filter(({ reason }) => !reason).length;
    assert.ok(unexplained > 0 && unexplained < differences.length);
    assert.equal(await page.locator("td b.unexplained").count(), unexplained);
    await fits(page);
    await page.locator("tr", { hasText: "in a dead letter" }).first().locator("a").first().click();
    await page.getByText("It was meant for both, and the new store lacks it").waitFor();
    await page.goto(`${site.url}/_collector/?view=rollout`);
    await page.getByText(/50\s% is due, and held back: The parity report hour:\d+ says fail/).waitFor();
    // How much waits, the local runtime doesn't tell.
    await page.route("**/v1/health", async (route) => {
      const response = await route.fetch();
      const queues = { queue: { backlog: 412, oldestMs: 840_000 }, slowLane: { backlog: 19, oldestMs: 540_000 } };
      await route.fulfill({ response, json: { ...(await response.json()), ...queues } });
    });
    await page.goto(`${site.url}/_collector/?view=pipeline`);
    await page.getByText("11 letters kept").waitFor();
    await page.getByText("412 waiting").waitFor();
    const reasons = page.locator(".reasons > li");
    const { reasons: told } = await gateway.read("health");
    assert.equal(await reasons.count(), new Set(told.map(({ code }) => code)).size, "one entry to a code");
    const target = `pathctl --target ${site.url}`;
    await reasons.filter({ hasText: "D1 keeps 11 dead letters" }).getByText(`${target} dead-letters list`).waitFor();
    await reasons.filter({ hasText: "event lost" }).getByText("npx wrangler tail --env staging --search 'event lost'").waitFor();
    const [{ id }] = (await gateway.read("dead-letters")).letters;
    await page.getByText(`${target} dead-letters show ${id}`).waitFor();
    assert.match(await page.locator(".flow").textContent(), /Gateway.*2 lost in 24 hours.*Stores.*in the object.*in D1.*Dead letters11 kept/s);
    await fits(page);
  });

  test("an emergency stop is told first, with its name and where it holds", async (t) => {
    const reason = "errors on every route of the new path since the last deployment, see incident 4711";
    const order = { updatedBy: "maria@example.org", reason };
    await fault(t, { DB: "fails" });
    const { id } = (await gateway.order("POST", "v1/flag/stop", order)).body.stop;
    const page = await show(t, "", { expects: FAILED_READ });
    await page.getByRole("link", { name: /Rollout.*Stopped by maria/ }).click();
    await page.getByRole("alert").getByText(`until ${id} is released`).waitFor();
    await page.getByText("1 stop: D1 can’t be read, the object has it, KV has it").waitFor();
    await gateway.fault({});
    await gateway.cron();
    await page.reload();
    await page.getByText("1 stop: D1 has it, the object has it, KV has it").waitFor();
    assert.match(await page.getByRole("alert").textContent(), new RegExp(`Stopped by maria.*until ${id} is released`));
    await page.getByRole("table", { name: /Emergency stops/ }).getByText("holds").waitFor();
    await page.getByText(`pathctl --target ${site.url} flag release ${id} --reason 'what was mended'`).waitFor();
    await fits(page);
    assert.equal((await gateway.order("POST", "v1/flag/release", { ...order, id })).status, 200);
  });
});
