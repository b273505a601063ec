// Login in a browser, against the built Worker: with it the page shows figures, without it nothing.
import assert from "node:assert/strict";
import { test } from "node:test";

import { startGateway } from "../worker/harness.mjs";
import { eventually, open, startBrowser } from "./browser.mjs";

const SECRETS = { READ_TOKEN: "reader", ADMIN_TOKEN: "admin" };

const NAME = "a wrong token is told, a good one opens the dashboard, signing out closes it";

test(NAME, { timeout: 120_000 }, async (t) => {
  const gateway = await startGateway(t, { secrets: SECRETS });
  await gateway.requests("/api/orders", 5);
  const { origin } = (await gateway.server.listen()).url;
  const browser = await startBrowser(t);
  // The browser itself tells of the refusal that this test causes.
  const page = await open(t, browser, `${origin}/_collector/`, { expects: /status of 401/ });
  const submit = async (token) => {
    await page.fill("#token", token);
    await page.click("button[type=submit]");
  };
  assert.equal(page.url(), `${origin}/_collector/login`);
  await submit("guess");
  await page.waitForSelector('[data-when="refused"]', { state: "visible" });
  await submit("reader");
  await page.waitForURL(`${origin}/_collector/*`);
  await eventually(async () => assert.match(await page.innerText("body"), /\/api\/orders/));
  assert.equal(await page.evaluate(() => document.cookie), "", "no script sees the session");
  await page.click(".sign-out button");
  await page.waitForURL(`${origin}/_collector/login`);
  await page.goto(`${origin}/_collector/`);
  assert.equal(page.url(), `${origin}/_collector/login`);
  // Before the gateway ends, which the page might still ask for its icon.
  await page.close();
});
