// A headless Chromium, and pages that fail the test if they log an error or break the Content-Security-Policy.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Both widths that the dashboard is held to. */
export const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };

/** Starts the browser; it ends with the test. */
export async function startBrowser(t) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  // Root can't have Chromium's sandbox.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath, args }).catch((error) => {
    throw new Error(`${executablePath} doesn't start. Get it: scripts/setup browser\n${error.message}`);
  });
  t.after(() => browser.close());
  return browser;
}

/**
 * A page of its own at this address. `expects` is a pattern of console errors that the test causes; any other fails
 * it. `token` goes with every request. `timezoneId` is where its reader is. Its clock is `offset` ms ahead; with `clock`, the test can hurry it.
 * `prepare(page)` is called before the first request.
 * @param {import("node:test").TestContext} t
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @param {{ size?: { width: number, height: number }, theme?: "light" | "dark", expects?: RegExp, token?: string, timezoneId?: string,
 *   offset?: number, clock?: boolean, prepare?: (page: import("playwright-core").Page) => unknown }} [options]
 */
export async function open(
  t,
  browser,
  url,
  { size = SIZES.wide, theme = "light", expects, token, timezoneId = "Europe/Berlin", offset = 0, clock, prepare } = {},
) {
  const extraHTTPHeaders = token ? { Authorization: `Bearer ${token}` } : {};
  const context = await browser.newContext({ viewport: size, colorScheme: theme, timezoneId, locale: "en-GB", extraHTTPHeaders });
  const page = await context.newPage();
  const errors = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !expects?.test(message.text())) errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(error.stack ?? error.message));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) errors.push(`asks another origin: ${request.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) => {
      console.error(`policy: ${violatedDirective} ${blockedURI} ${sourceFile}:${lineNumber}`);
    });
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(errors, [], "what the page logged");
  });
  if (clock) await page.clock.install({ time: Date.now() + offset });
  else await page.addInitScript(`{ const now = Date.now; Date.now = () => now() + ${offset}; }`);
  await prepare?.(page);
  await page.goto(url);
  return page;
}

/** Waits until nothing is being read for the first time. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector(".bone, .boot, [aria-busy=true]"));
}

/** What axe finds serious or critical, with the elements. */
export async function seriousFindings(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map(({ html, any }) => `${html.slice(0, 160)} ${any[0]?.message ?? ""}`)
          .slice(0, 3)
          .join(" | ")}`,
    );
}

/** How far the page reaches beyond its window to the right, in px. */
export const overflow = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
