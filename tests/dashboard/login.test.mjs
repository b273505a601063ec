// Login in a browser, against the built Worker: with it the page shows figures, without it nothing.
import assert from "node:assert/strict";
import { test } from "node:test";

import { startGateway } from "../worker/harness.mjs";
import { open, overflow, seriousFindings, settled, startBrowser } from "./browser.mjs";

const SECRETS = { READ_TOKEN: "reader", ADMIN_TOKEN: "admin" };

const NAME = "a wrong token is told, a good one opens the dashboard where the session ended, signing out closes it";

test(NAME, { timeout: 120_000 }, async (t) => {
  const gateway = await startGateway(t, { secrets: SECRETS });
  await gateway.requests("/api/orders", 5);
  const { origin } = (await gateway.server.listen()).url;
  const browser = await startBrowser(t);
  // The browser itself tells of the refusals that this test causes.
  const page = await open(t, browser, `${origin}/_collector/`, { expects: /status of 401/ });
  const submit = async (token) => {
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
  };
  assert.equal(page.url(), `${origin}/_collector/login`);
  assert.equal(await overflow(page), 0);
  await submit("guess");
  await page.getByText("This token is not one of them").waitFor();
  assert.deepEqual(await seriousFindings(page), []);
  await submit("reader");
  await page.waitForURL(`${origin}/_collector/*`);
  await page.getByText("/api/orders").first().waitFor();
  assert.equal(await page.evaluate(() => document.cookie), "", "no script sees the session");

  await page.goto(`${origin}/_collector/?range=24h&sort=p95`);
  await settled(page);
  await page.context().clearCookies(); // as another tab does that signs out
  await page.getByRole("link", { name: "6\u202fh" }).click();
  await page.getByRole("alert").getByRole("link", { name: "Sign in" }).click();
  await submit("reader");
  await page.waitForURL(/range=6h/);
  await settled(page);
  assert.equal(await page.locator("th[aria-sort]").textContent(), "p95↓");

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${origin}/_collector/login`);
  await page.goto(`${origin}/_collector/`);
  assert.equal(page.url(), `${origin}/_collector/login`);
  // Before the gateway ends, which the page might still ask for its icon.
  await page.close();
});
