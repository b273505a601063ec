// What Prometheus is told, read by its own client: the same figures as everywhere.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { text as textOf } from "node:stream/consumers";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { NOON, eventually, startGateway } from "./harness.mjs";

const project = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const PYTHON = project(".tools/metrics");

/** What Prometheus' client reads; what it can't read is an error. */
async function parsed(text) {
  assert.ok(existsSync(PYTHON), "Prometheus' client is missing. Get it: scripts/setup metrics");
  const python = spawn("python3", [project("tests/worker/read_metrics.py")], { env: { ...process.env, PYTHONPATH: PYTHON } });
  python.stdin.end(text);
  const [out, complaint, code] = await Promise.all([
    textOf(python.stdout), textOf(python.stderr), new Promise((resolve) => python.on("close", resolve)),
  ]);
  assert.equal(code, 0, complaint);
  return JSON.parse(out);
}

/** Scrapes as Prometheus does. */
async function scrape(gateway) {
  const response = await gateway.request("/_collector/metrics");
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.equal(response.headers.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  return { text, families: await parsed(text) };
}

/** The value of a sample, by its name and some of its labels. */
function value(families, name, labels = {}) {
  const fits = (sample) =>
    sample.name === `path_collector_${name}` && Object.entries(labels).every(([label, text]) => sample.labels[label] === text);
  return families.flatMap(({ samples }) => samples).find(fits)?.value;
}

/** What `promtool check metrics` would say, and what is agreed here. */
function complaints(families) {
  const found = [];
  for (const { name, type, help, samples } of families) {
    const say = (what) => found.push(`${name}: ${what}`);
    if (!/^path_collector(_[a-z][a-z0-9]*)+$/.test(name)) say("its name");
    if (!/^[A-Z0-9].*\.$/.test(help)) say("its help is no sentence");
    if (!["counter", "gauge", "histogram"].includes(type)) say(`its type ${type}`);
    if (/_(total|count|sum|bucket)$/.test(name)) say("an ending that belongs to samples");
    if (/(^|_)(counter|gauge|histogram|ms|milliseconds|seconds_[a-z]+|percent|ppm)$/.test(name)) say("its type or another unit in its name");
    if (samples.length === 0) say("no samples");
    for (const sample of samples) {
      if (type === "counter" && sample.name !== `${name}_total`) say(`a counter without _total: ${sample.name}`);
      if (!Number.isFinite(sample.value) || sample.value < 0) say(`the value ${sample.value}`);
      if (!Object.keys(sample.labels).every((label) => /^[a-z]+$/.test(label) && label !== "job")) say("a label");
    }
  }
  return found;
}

describe("metrics", { concurrency: 3, timeout: 180_000 }, () => {
  test("Prometheus' client reads both formats, and finds the figures of the API", async (t) => {
    const upstream = (request, response) => response.writeHead(request.url.startsWith("/bad") ? 503 : 200).end();
    const gateway = await startGateway(t, { upstream });
    await gateway.setClock(NOON); // counters begin anew at midnight
    const ramp = { steps: [100_000, 500_000], everyMs: 3_600_000 };
    await gateway.changeFlag(0, { mode: "dual-write", samplePpm: 1_000_000, queuePpm: 0, ramp });
    const send = (path, count) =>
      Promise.all(Array.from({ length: count }, (_, n) => gateway.request(path, { ip: `203.0.113.${n}`, ray: `${path}-${n}` })));
    await Promise.all([send("/good", 12), send("/bad", 3)]);
    await gateway.delivered({ old: 15, new: 15 });
    await (await gateway.env()).TRAFFIC_QUEUE.send("no event", { contentType: "text" });
    await eventually(async () => assert.equal((await gateway.letters()).length, 1));
    await gateway.cron();
    await eventually(async () => {
      const { families, text } = await scrape(gateway);
      assert.ok(value(families, "cron_last_success_timestamp_seconds", { task: "snapshot" }) > 0, text);
    });
    // Later than what was kept of that scrape; and what is compared below is read at one time.
    await gateway.freezeClock(NOON + 600_000);
    const { text, families } = await scrape(gateway);
    assert.deepEqual(complaints(families), []);
    const { total, paths } = await gateway.stats();
    const health = await gateway.read("health");
    const expected = {
      requests_total: [{ class: "5xx" }, total.status["5xx"]],
      route_requests_total: [{ path: "/good", class: "2xx" }, paths.find(({ path }) => path === "/good").requests],
      response_time_seconds_count: [{}, total.requests],
      response_time_seconds_bucket: [{ le: "+Inf" }, 15],
      route_response_time_seconds_count: [{ path: "/bad" }, 3],
      routes: [{}, 2],
      store_requests_total: [{ store: "new", cohort: "dual" }, 15],
      flag_mode: [{ mode: "dual-write" }, 1],
      flag_sample_ratio: [{}, 1],
      flag_version: [{}, (await gateway.read("flag/status")).newest],
      ramp_steps: [{}, 2],
      health: [{ status: health.status }, 1],
      health_reasons: [{ code: "dead-letters" }, 1],
      dead_letters_kept: [{}, 1],
      sends_total: [{ store: "old" }, 15],
      consumer_events_total: [{ outcome: "stored" }, health.consumer.stored],
      store_up: [{ store: "new" }, 1],
      cron_failed: [{ task: "flag" }, 0],
    };
    const found = Object.entries(expected).map(([name, [labels]]) => [name, value(families, name, labels)]);
    assert.deepEqual(found, Object.entries(expected).map(([name, [, figure]]) => [name, figure]), text);
    const seconds = value(families, "response_time_seconds_sum");
    assert.ok(Math.abs(seconds * 1_000 - total.responseTime.mean * total.requests) < 1, `${seconds}`);
    t.diagnostic(`${text.length} bytes, ${families.length} metrics`);
  });

  test("who scrapes often gets the same text, and what can't be read is left out", async (t) => {
    const gateway = await startGateway(t);
    await gateway.setClock(NOON);
    await gateway.putFlag({ mode: "dual-write", samplePpm: 1_000_000 });
    await gateway.requests("/api/test", 3);
    await gateway.delivered({ old: 3, new: 3 });
    const count = async () => value((await scrape(gateway)).families, "response_time_seconds_count");
    await eventually(async () => assert.equal(await count(), 3));
    await gateway.fault({ DB: "fails" });
    await eventually(async () => {
      const { families } = await scrape(gateway);
      assert.equal(value(families, "store_up", { store: "new" }), 0);
      // A total without one store's events would look as if counters had begun anew.
      assert.equal(value(families, "response_time_seconds_count"), undefined);
      assert.equal(value(families, "health", { status: "failing" }), 1);
    });
    await gateway.fault({});
    await eventually(async () => assert.equal(await count(), 3));
    await gateway.freezeClock(NOON + 600_000);
    const first = await scrape(gateway);
    await gateway.requests("/api/test", 1, "later");
    await gateway.delivered({ old: 4, new: 4 });
    assert.equal((await scrape(gateway)).text, first.text);
    await gateway.freezeClock(NOON + 660_000);
    assert.equal(await count(), 4);
  });

  test("reading them needs the right to read", async (t) => {
    const secrets = { READ_TOKEN: "r".repeat(32), ADMIN_TOKEN: "a".repeat(32) };
    const gateway = await startGateway(t, { secrets, vars: { LOCAL_DEVELOPMENT: "false" } });
    const status = async (headers) => (await gateway.request("/_collector/metrics", { headers })).status;
    assert.equal(await status({}), 401);
    assert.equal(await status({ Authorization: `Bearer ${secrets.READ_TOKEN}` }), 200);
  });
});
