// docs/openapi.json against the Worker: every route is in it, and every answer is as it says.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";

import { EMPTY_WINDOW, FLAG, ROUTE, WINDOW, startWithEverything } from "./everything.mjs";
import { eventually, startGateway } from "./harness.mjs";
import { call, document, operations, validator } from "./openapi.mjs";

const file = (name) => readFile(new URL(`../../${name}`, import.meta.url), "utf8");

/** A route with its parameters unnamed. */
const bare = (route) => route.replaceAll(/\{[^}]*\}/g, "{}");
const all = (text, pattern) => [...text.matchAll(pattern)].map((match) => match.slice(1));

/** The pages that the source has, as `GET /_collector/login`; those of the table of routes are made from it. */
async function pagesOfSource() {
  const page = await file("src/http/page.rs");
  const posts = all(page, /"(\/[a-z]+)" if method == "POST"/g).map(([route]) => `POST /_collector${route}`);
  const pages = all(page, /"(\/[a-z]+)" => return login/g).map(([route]) => `GET /_collector${route}`);
  return new Set([...posts, ...pages]);
}

const RANGES = ["15m", "1h", "6h", "24h", "7d", "30d", "90d"];

async function figures(ask) {
  const path = { path: ROUTE };
  for (const range of RANGES) {
    for (const id of ["stats", "series", "paths", "exemplars"]) await ask(id, { query: { range } });
    for (const id of ["path", "pathSeries"]) await ask(id, { path, query: { range } });
  }
  const { body } = await ask("stats", { query: { detail: "total" } });
  assert.ok(body.total.requests > 60 && !body.paths);
  await ask("stats", { query: { from: "1730956800000", to: "1730960400000" } });
  await ask("series", { query: path });
  await ask("exemplars", { query: path });
  await ask("path", { path: { path: "/nowhere" } });
  await ask("paths", { query: { format: "csv" } });
  await ask("paths", { query: { sort: "p95", order: "asc", search: "API", limit: "1", cursor: "0-2f" } });
}

async function flag(ask) {
  for (const id of ["flag", "flagHistory", "flagStatus"]) await ask(id);
  const { body } = await ask("flagDocument");
  const { version } = body.document;
  await ask("previewFlag", { body: { ...FLAG, mode: "queue-only" } });
  await ask("changeFlag", { body: FLAG }, 428);
  await ask("changeFlag", { body: FLAG, headers: { "If-Match": '"4000000"' } }, 409);
  await ask("changeFlag", { body: { ...FLAG, mode: "all" }, headers: { "If-Match": `"${version}"` } }, 400);
  await ask("changeFlag", { body: FLAG, headers: { "If-Match": `"${version}"` } });
  const author = { updatedBy: "jo", reason: "as before" };
  await ask("rollbackFlag", { body: { ...author, version: 2 } });
  await ask("rollbackFlag", { body: { ...author, version: 999 } }, 404);
  await ask("flagStatus", { query: { minutes: "60" } });
  const stopped = (await ask("stopFlag", { body: author })).body;
  await ask("changeFlag", { body: FLAG, headers: { "If-Match": `"${version + 2}"` } }, 409);
  for (const id of ["flag", "flagDocument", "flagHistory", "flagStatus"]) {
    assert.ok(JSON.stringify((await ask(id)).body).includes(stopped.stop.id), id);
  }
  await ask("evaluateFlag", { body: { context: { targetingKey: "x" } } });
  await ask("releaseFlag", { body: { ...author, id: "stop-00000000" } }, 404);
  await ask("releaseFlag", { body: { ...author, id: stopped.stop.id, doOnly: true } });
  await ask("stopFlag", { text: "x".repeat(300_000) }, 413);
}

async function parity(ask) {
  await ask("parityReport", { path: { window: EMPTY_WINDOW } }, 404);
  const { body } = await ask("runParity", { query: { window: WINDOW } });
  const kinds = new Set(body.differences.map(({ kind }) => kind));
  assert.deepEqual([[...kinds].sort(), body.loss.gaps.length], [["only-new", "only-old", "value-differs"], 1]);
  await ask("parityReport", { path: { window: WINDOW } });
  await ask("parityReports", { query: { kind: "hour", limit: "3" } });
  await ask("readiness");
  await ask("testParity");
}

async function deadLetters(ask, id) {
  await ask("deadLetters");
  await ask("deadLetters", { query: { source: "consumer", limit: "1" } });
  await ask("deadLetter", { path: { id } });
  await ask("deadLetter", {}, 404);
  const { body } = await ask("redriveLetters", { body: { all: true } });
  assert.deepEqual([body.refused, body.refusals.length], [2, 2]);
  await ask("purgeLetters", { body: {} }, 400);
  await ask("purgeLetters", { body: { id } });
  await ask("purgeLetters", { text: `{"id":"${"x".repeat(5_000)}"}` }, 413);
}

async function reports(ask) {
  const { body: described } = operations.find(({ id }) => id === "ingest");
  const [request] = described.content["application/json"].example.requests;
  const { body } = await ask("ingest", { body: { requests: [{ ...request, startedAt: Date.now() }, request] } });
  assert.deepEqual([body.accepted, body.refused], [1, 1]);
  await ask("ingest", { body: { requests: [] } }, 400);
  await ask("ingest", { text: "x".repeat(1_100_000) }, 413);
}

async function evaluation(ask) {
  const body = { context: { targetingKey: "1730956800000-1a2b3c4d", path: ROUTE } };
  const { headers } = await ask("evaluateFlags", { body });
  await ask("evaluateFlags", { body, headers: { "If-None-Match": headers.get("ETag") } }, 304);
  await ask("evaluateFlags", { body: {} }, 400);
  await ask("evaluateFlag", { body });
  await ask("evaluateFlag", { text: "{" }, 400);
  await ask("evaluateFlag", { path: { key: "other" }, body }, 404);
}

/** Nine days later, when the day of the events goes to the archive. */
async function archive(ask, gateway) {
  await ask("archiveDays");
  await gateway.setClock(Date.now() + 9 * 24 * 3_600_000);
  const day = await eventually(async () => {
    await gateway.cron();
    const { days } = await gateway.read("archive");
    const done = days.find(({ state, rows }) => state === "done" && rows > 0);
    assert.ok(done, JSON.stringify(days));
    return done.day;
  }, 60_000);
  await ask("archiveDays", { query: { before: "2100-01-01" } });
  const { body } = await ask("archiveDay", { path: { day } });
  await ask("archivePart", { path: { day, part: body.parts[0].name } });
  await ask("archiveDay", {}, 404);
  await ask("archivePart", {}, 404);
  for (const id of ["snapshot", "health", "flagStatus", "stats"]) await ask(id);
}

/** Answers that stay the same are given once. */
async function unchanged(ask) {
  const fixed = { query: { from: "1730956800000", to: "1730960400000" } };
  const same = ["stats", "series", "paths", "exemplars", "path", "flag", "flagDocument", "flagHistory", "openapi"];
  for (const id of same) {
    const { parameters } = operations.find((operation) => operation.id === id);
    const query = parameters.some(({ name }) => name === "from") ? fixed : {};
    const { headers } = await ask(id, query);
    const etag = headers.get("ETag");
    for (const known of [etag, `"other", ${etag}`, "*"]) await ask(id, { ...query, headers: { "If-None-Match": known } }, 304);
  }
}

/** What a parameter's schema forbids, the Worker refuses. */
async function refused(ask) {
  for (const { id, parameters } of operations) {
    const judged = ({ schema }) => schema.type !== "string" || schema.pattern;
    for (const { name } of parameters.filter((one) => one.in === "query" && judged(one))) {
      await ask(id, { query: { [name]: "x" } }, 400);
    }
    if (parameters.some(({ name }) => name === "range")) await ask(id, { query: { rnage: "1h" } }, 400);
  }
  await ask("trace", { path: { id: "x" } }, 400);
  await ask("parityReport", { path: { window: "week:1" } }, 400);
  await ask("archiveDay", { path: { day: "2024-13-01" } }, 400);
  await ask("archivePart", { path: { part: "x" } }, 400);
}

describe("docs/openapi.json", { concurrency: 3, timeout: 180_000 }, () => {
  test("names every page, and no other; and no two operations alike", async () => {
    const pages = operations.filter(({ security }) => security?.length === 0);
    const documented = new Set(pages.map(({ method, route }) => `${method} ${route}`));
    // This document is one of the dashboard's files.
    documented.delete("GET /_collector/openapi.json");
    assert.deepEqual([...documented].sort(), [...(await pagesOfSource())].sort());
    assert.equal(new Set(operations.map(({ id }) => id)).size, operations.length);
  });

  test("has examples that are what it says", () => {
    let examples = 0;
    const escaped = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");
    const look = (node, pointer) => {
      if (node === null || typeof node !== "object") return;
      if (node.example !== undefined && node.schema) {
        validator(`${pointer}/schema`)(node.example);
        examples += 1;
      }
      if (Array.isArray(node.examples)) node.examples.forEach(validator(pointer));
      for (const [key, child] of Object.entries(node)) {
        if (key !== "example" && key !== "examples") look(child, `${pointer}/${escaped(key)}`);
      }
    };
    look(document, "");
    assert.ok(examples > 10, String(examples));
  });

  test("tells what every route answers, with something of everything in the stores", async (t) => {
    const { gateway, event, letter } = await startWithEverything(t);
    const seen = new Set();
    const ask = async (id, how = {}, status = 200) => {
      const answer = await call(gateway, id, how);
      const shown = `${id} ${JSON.stringify(how).slice(0, 300)}: ${answer.bytes.toString().slice(0, 500)}`;
      assert.equal(answer.status, status, shown);
      seen.add(`${id} ${status}`);
      return answer;
    };
    await figures(ask);
    await ask("ids", { query: { store: "old" } });
    await ask("ids", { query: { store: "new", range: "24h" } });
    await ask("trace", { path: { id: event } });
    await ask("trace");
    await flag(ask);
    await parity(ask);
    for (const id of ["snapshot", "health", "probe", "metrics", "loginPage", "openapi"]) await ask(id);
    await deadLetters(ask, letter);
    await evaluation(ask);
    await reports(ask);
    await ask("login", { form: { token: "any" } }, 303);
    await ask("logout", {}, 303);
    await archive(ask, gateway);
    await unchanged(ask);
    await refused(ask);
    const succeeded = (id) => [200, 303].some((status) => seen.has(`${id} ${status}`));
    const missing = operations.filter(({ id }) => !succeeded(id));
    assert.deepEqual(missing.map(({ id }) => id), []);
  });

  test("tells what is closed, to whom, and how a browser gets in", async (t) => {
    const secrets = { READ_TOKEN: "reads", ADMIN_TOKEN: "administers" };
    const vars = { LOCAL_DEVELOPMENT: "false" };
    const [closed, locked] = [await startGateway(t, { vars }), await startGateway(t, { vars, secrets })];
    for (const { id, security } of operations) {
      if (security?.length === 0) continue;
      assert.equal((await call(closed, id)).status, 403, id);
      assert.equal((await call(locked, id)).status, 401, id);
      // A right to read is none to change.
      const headers = { Authorization: "Bearer reads" };
      if (security) assert.equal((await call(locked, id, { headers })).status, 401, id);
    }
    assert.equal((await call(closed, "login", { form: { token: "x" } })).status, 403);
    assert.equal((await call(locked, "login", { form: { token: "wrong" } })).status, 401);
    const session = await call(locked, "login", { form: { token: "administers" } });
    const [cookie] = session.headers.get("Set-Cookie").split(";");
    assert.ok(cookie.startsWith(`${document.components.securitySchemes.session.name}=`), cookie);
    assert.equal((await call(locked, "flag", { headers: { Cookie: cookie } })).status, 200);
    const elsewhere = { "Sec-Fetch-Site": "cross-site", Cookie: cookie };
    const body = { updatedBy: "x", reason: "y" };
    assert.equal((await call(locked, "stopFlag", { headers: elsewhere, body })).status, 403);
    assert.equal((await call(locked, "logout", { headers: elsewhere })).status, 403);
    const wrong = { headers: { Authorization: "Bearer wrong" }, ip: "203.0.113.9" };
    for (let n = 0; n < 10; n++) assert.equal((await call(locked, "flag", wrong)).status, 401);
    const right = { headers: { Authorization: "Bearer administers" }, ip: wrong.ip };
    for (const [expected, request] of /** @type {const} */ ([[429, wrong], [200, right], [401, { ip: wrong.ip }]])) {
      const { status, headers } = await call(locked, "flag", request);
      assert.deepEqual([status, headers.has("Retry-After")], [expected, expected === 429]);
    }
  });

  test("tells what is answered while everything is away", async (t) => {
    const gateway = await startGateway(t);
    await gateway.fault({ DB: "fails", FLAGS: "fails", PATH_COLLECTOR: "fails", ARCHIVE: "fails" });
    const statuses = {};
    for (const { id } of operations) statuses[id] = (await call(gateway, id)).status;
    assert.equal(statuses.probe, 503);
    for (const id of ["stats", "trace", "deadLetters", "flagHistory"]) assert.equal(statuses[id], 503, id);
    for (const id of ["flag", "flagStatus", "health", "readiness"]) assert.equal(statuses[id], 200, id);
  });

  test("is served to those who ask for it, and routes that are none say which there are", async (t) => {
    const gateway = await startGateway(t);
    const { body } = await call(gateway, "openapi");
    assert.deepEqual(body, document);
    const unknown = (await (await gateway.request("/_collector/v1/nothing")).json()).detail;
    const refused = (await (await gateway.request("/_collector/v1/nothing", { method: "POST" })).json()).detail;
    const [reads, orders] = [unknown, refused].map((detail) => bare(detail.split(" has ")[1]).split(", "));
    for (const { method, route } of operations) {
      const [, name] = /^\/_collector(\/v1\/.*)$/.exec(bare(route)) ?? [];
      if (name && method === "GET") assert.ok(reads.includes(name), name);
      if (name && method !== "GET") assert.ok(orders.includes(`${method} ${name}`), name);
    }
  });
});
