// Requests that were served elsewhere: by a Worker that reports them over a binding, or in batches over HTTP.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually, startGateway } from "./harness.mjs";

const REPORTER = "tests/worker/reporting_worker.ts";
const HONO = "tests/worker/reporting_hono.ts";
const MILLION = 1_000_000;

/** A request to the Worker that reports, with what the platform's edge gives it; returns status and text of its answer. */
async function serve(gateway, path, n) {
  const headers = { "CF-Ray": `ray-${n}`, "CF-Connecting-IP": `203.0.113.${n % 250}` };
  const response = await gateway.server.getWorker("reporter").fetch(`https://application${path}`, { headers });
  return [response.status, await response.text()];
}

const countersOf = async (gateway) =>
  (await gateway.server.getWorker("reporter").fetch("https://application/_test/counters")).json();

const batch = (...requests) => ({
  requests: requests.map((request, n) => ({
    key: `key-${n}`,
    method: "GET",
    path: `/users/${n + 1}`,
    status: 200,
    startedAt: Date.now(),
    responseTime: 5,
    ...request,
  })),
});

describe("a Worker that reports its requests", { concurrency: 2, timeout: 240_000 }, () => {
  test("5,000 requests over three modes and two changes of the flag count once each, and answers are as they were", async (t) => {
    const gateway = await startGateway(t, { reporter: REPORTER, vars: { FLAG_TTL_MS: "0" } });
    let sent = 0;
    const stages = [
      { rule: { mode: "do-only" }, count: 1_600 },
      { rule: { mode: "dual-write", samplePpm: MILLION }, count: 1_700 },
      { rule: { mode: "queue-only" }, count: 1_700 },
    ];
    for (const { rule, count } of stages) {
      await gateway.putFlag(rule);
      for (let left = count; left > 0; left -= 100) {
        const first = sent + 1;
        const some = Array.from({ length: 100 }, (_, n) => serve(gateway, "/items", first + n));
        sent += some.length;
        for (const answer of await Promise.all(some)) assert.deepEqual(answer, [200, "GET /items\n"]);
      }
      // Reports wait for each other a moment: the next flag must not take these.
      await eventually(async () => assert.equal((await countersOf(gateway)).reported, sent));
    }
    await eventually(async () => {
      const { total, stores } = await gateway.stats();
      assert.deepEqual([total.requests, stores.both], [5_000, 1_700]);
    });
    assert.deepEqual(await countersOf(gateway), { reported: 5_000, refused: 0, unbound: 0, failed: 0 });
  });

  test("failures of the application are counted as what the client got", async (t) => {
    const gateway = await startGateway(t, { reporter: REPORTER });
    assert.deepEqual(await serve(gateway, "/missing", 1), [404, "GET /missing\n"]);
    await assert.rejects(async () => assert.ok((await serve(gateway, "/throws", 2))[0] < 500));
    const { total } = await gateway.delivered({ old: 2 });
    assert.deepEqual([total.status["4xx"], total.status["5xx"]], [1, 1]);
  });

  test("a collector that takes nothing changes no answer, and is counted", async (t) => {
    const gateway = await startGateway(t, { reporter: REPORTER });
    await gateway.fault({ INGEST: "fails" });
    for (let n = 0; n < 5; n += 1) assert.equal((await serve(gateway, "/items", n))[0], 200);
    await eventually(async () => assert.equal((await countersOf(gateway)).failed, 5));
  });

  test("a Hono application is counted by its routes' answers, its errors among them", async (t) => {
    const gateway = await startGateway(t, { reporter: HONO });
    assert.deepEqual(await serve(gateway, "/users/7", 1), [200, "7"]);
    assert.deepEqual(await serve(gateway, "/stream", 2), [200, "streamed"]);
    assert.deepEqual(await serve(gateway, "/throws", 3), [500, "Internal Server Error"]);
    assert.deepEqual(await serve(gateway, "/missing", 4), [404, "404 Not Found"]);
    const { total } = await gateway.delivered({ old: 4 });
    assert.deepEqual([total.status["2xx"], total.status["4xx"], total.status["5xx"]], [2, 1, 1]);
    const paths = (await gateway.ids("old")).map(({ path }) => path).sort();
    assert.deepEqual(paths, ["(unmatched)", "/stream", "/throws", "/users/{id}"]);
  });

  test("without the binding nothing is reported, and is counted", async (t) => {
    const gateway = await startGateway(t, { reporter: REPORTER, unbound: true });
    for (let n = 0; n < 5; n += 1) assert.equal((await serve(gateway, "/items", n))[0], 200);
    await eventually(async () => assert.equal((await countersOf(gateway)).unbound, 5));
  });
});

describe("batches over HTTP", { concurrency: 2, timeout: 120_000 }, () => {
  test("each request has its own outcome, and what was sent twice counts once", async (t) => {
    const gateway = await startGateway(t);
    const sent = batch({}, {}, { key: "key-0", path: "/users/1" }, { status: 42 }, { startedAt: 1_000 });
    const { status, body } = await gateway.order("POST", "v1/events", sent);
    assert.equal(status, 200);
    assert.deepEqual([body.accepted, body.repeated, body.refused], [2, 1, 2]);
    assert.deepEqual(body.results.map(({ outcome }) => outcome), ["accepted", "accepted", "repeated", "refused", "refused"]);
    assert.match(body.results[3].reason, /`status`.*100 to 599/);
    assert.match(body.results[4].reason, /`startedAt`.*3 days/);
    await gateway.order("POST", "v1/events", sent);
    const { total } = await gateway.delivered({ old: 4 });
    assert.equal(total.requests, 2);
    const [first] = body.results;
    assert.equal((await gateway.read(`trace/${first.id}`)).old.length, 1);
  });

  test("a token of its own may report and do nothing else, and others may not report", async (t) => {
    const secrets = { ADMIN_TOKEN: "admin", READ_TOKEN: "read", INGEST_TOKEN: "ingest" };
    const gateway = await startGateway(t, { secrets, vars: { LOCAL_DEVELOPMENT: "" } });
    const report = async (token) => {
      const headers = token && { Authorization: `Bearer ${token}` };
      return (await gateway.order("POST", "v1/events", batch({}), headers)).status;
    };
    assert.deepEqual(await Promise.all(["ingest", "admin", "read", "x", ""].map(report)), [200, 200, 401, 401, 401]);
    const headers = { Authorization: "Bearer ingest" };
    assert.equal((await gateway.request("/_collector/v1/stats", { headers })).status, 401);
    assert.equal((await gateway.order("POST", "v1/flag/stop", { updatedBy: "x", reason: "x" }, headers)).status, 401);
  });

  test("without secrets it is closed", async (t) => {
    const gateway = await startGateway(t, { vars: { LOCAL_DEVELOPMENT: "" } });
    assert.equal((await gateway.order("POST", "v1/events", batch({}))).status, 403);
  });

  test("where neither path takes it, it says so", async (t) => {
    const gateway = await startGateway(t, { vars: { SEND_DEADLINE_MS: "1000" } });
    await gateway.fault({ PATH_COLLECTOR: "fails", TRAFFIC_QUEUE: "fails" });
    const { status, body } = await gateway.order("POST", "v1/events", batch({}, {}));
    assert.equal(status, 503);
    assert.match(body.detail, /send the same again/);
    await gateway.fault({});
    await gateway.order("POST", "v1/events", batch({}, {}));
    await eventually(async () => assert.equal((await gateway.stats()).total.requests, 2));
  });
});
