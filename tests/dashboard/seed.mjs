// The built Worker with two days of made-up traffic in its stores, which is written to them as a gateway's is.
//
// For the Worker and its pages it is half past noon (UTC): the hour before can be compared, and midnight is far.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { ask } from "../worker/ask.mjs";
import { NOON, eventually, startGateway } from "../worker/harness.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = NOON + HOUR / 2;
/** How far the Worker's clock is ahead, in ms. */
const OFFSET = NOW - Date.now();
/** Beginning of the newest hour that can be compared. */
const NEWEST = NOON - HOUR;

/** How many requests go through the gateway itself. */
const LIVE = 12;

/** A route that would do harm if a page took it for markup. */
export const HOSTILE = `/<img src=x onerror="document.title='owned'">/{'"}</script>`;
/** The busiest first. */
const ROUTES = `
  / /health /api/users /api/users/{id} /api/users/{id}/orders /api/users/{id}/avatar /api/orders /api/orders/{id}
  /api/orders/{id}/items /api/orders/{id}/refund /api/products /api/products/{id} /api/products/{id}/reviews
  /api/products/{id}/stock /api/search /api/search/suggest /api/cart /api/cart/items /api/cart/items/{id}
  /api/checkout /api/checkout/{session}/confirm /api/payments /api/payments/{id} /api/payments/{id}/capture
  /api/sessions /api/sessions/refresh /api/notifications /api/notifications/{id}/read /api/webhooks/stripe
  /api/webhooks/github /api/reports/daily /api/reports/{year}/{month} /api/export/{format} /api/admin/users
  /api/admin/users/{id}/roles /api/admin/audit /graphql /static/app.js /static/styles.css /static/img/{file} /docs
  /docs/{page} /docs/reference/{section}/{page} (unmatched)
  /api/organisations/{organisation}/projects/{project}/environments/{environment}/deployments/{deployment}/logs`
  .trim()
  .split(/\s+/)
  .concat(HOSTILE);

/** The event of a number and a time (ms), with these fields. All else follows from the number. */
function event(number, timestamp, fields = {}) {
  const hash = createHash("sha256").update(`${number}`).digest();
  const [route, end, took] = [8, 10, 12].map((at) => hash.readUInt16BE(at) / 65_536);
  // A few routes have most of the traffic, and each has some.
  const rank = number % 9 ? Math.floor(ROUTES.length * route ** 3) : (number / 9) % ROUTES.length;
  const digest = hash.toString("hex", 0, 8);
  const seq = Math.floor(number / 3);
  return {
    idempotentId: `${timestamp - (timestamp % MINUTE)}-${digest.slice(0, 8)}`, digest, timestamp, path: ROUTES[rank],
    method: "GET", status: [503, 404, 304, 200][[0.015, 0.05, 0.1, 1].findIndex((share) => end < share)],
    responseTime: Math.round((3 + rank) / (1.02 - took)),
    clientIpHash: hash.toString("hex", 14, 15).padStart(16, "0"),
    cohort: "dual", flagVersion: FLAGS.length, producer: `${number % 3}`.repeat(16), seq, write: seq, ...fields,
  };
}

/** When requests arrived, in order: every quarter of an hour for 48 hours, and all through the last 50 minutes. */
function arrivals() {
  const times = Array.from({ length: 600 }, (_, n) => NOW - 50 * MINUTE + 5_000 * n);
  for (let quarter = 1; quarter <= 190; quarter += 1) {
    const start = NOON - 25 * MINUTE - quarter * 15 * MINUTE;
    const hours = Math.floor((NOON - start) / HOUR);
    // Two hours have too few to judge.
    const count = [15, 16].includes(hours) ? 2 : Math.round(45 + 10 * Math.sin(hours / 4));
    for (let n = 0; n < count; n += 1) times.push(start + n);
  }
  return times.sort((a, b) => a - b);
}

/** What the stores hold: of one hour D1 lacks a third, and lately some events were meant for one of them alone. */
function traffic() {
  const all = arrivals().map((time, n) => event(n, time, time > NOON && n % 4 === 0 ? { cohort: "single" } : {}));
  const apart = NEWEST - 40 * HOUR;
  const isLate = ({ timestamp, seq }) => timestamp >= apart && timestamp < apart + HOUR && seq % 3 === 0;
  return {
    all,
    old: all.filter(({ cohort, seq }) => cohort === "dual" || seq % 2),
    fresh: all.filter((one) => (one.cohort === "dual" ? !isLate(one) : one.seq % 2 === 0)),
  };
}

/** Gives events to the object, and others to the queue. */
async function give(gateway, old, fresh) {
  const { PATH_COLLECTOR, TRAFFIC_QUEUE } = await gateway.env();
  const message = (events) => JSON.stringify({ v: 1, events });
  await ask(PATH_COLLECTOR.getByName("default"), "record", message(old));
  // A message holds at most 128,000 bytes.
  for (let at = 0; at < fresh.length; at += 300) {
    await TRAFFIC_QUEUE.send(message(fresh.slice(at, at + 300)), { contentType: "text" });
  }
}

/** Sets the Worker's clock to so long (ms) before these tests' present. */
const goBack = (gateway, ago = 0) => gateway.setClock(Date.now() + OFFSET - ago);

const compare = async (gateway, window) =>
  assert.equal((await gateway.order("POST", `v1/parity/run?window=${window}`)).status, 200);

const GUARD = { maxDiffPpm: 10_000, minEvents: 10_000, action: "rollback" };
const RAMP = { steps: [1_000, 10_000, 100_000, 500_000, 1_000_000], everyMs: DAY, next: 3 };
const OVERRIDES = [{ path: "/api/payments/{*rest}", mode: "do-only" }, { path: "/health", mode: "queue-only" }];
const ROLLOUT = {
  mode: "dual-write", samplePpm: 10_000, queuePpm: 100_000, guard: GUARD, overrides: OVERRIDES,
  updatedBy: "ramp", reason: "Step 3 of 5.",
};
/**
 * The flag's documents, with how long ago (ms) each was put.
 * @type {[number, object][]}
 */
const FLAGS = [
  [22 * DAY, { mode: "do-only", updatedBy: "preset", reason: "Old path: every event to the PathCollector object." }],
  [19 * DAY, {
    mode: "dual-write", samplePpm: 1_000_000, updatedBy: "maria@example.org",
    reason: "Parallel run, as planned for week 46. Compared daily.",
  }],
  [17 * DAY, {
    mode: "do-only", updatedBy: "guard",
    reason: "Parity day:1731024000000 failed: 1,204 of 8,812,004 differ, at least 1.2 %; the limit is 1.000 %.",
  }],
  [6 * DAY, {
    mode: "dual-write", samplePpm: 10_000, guard: GUARD, overrides: OVERRIDES, updatedBy: "jonas@example.org",
    reason: "Seven clean days: sampled comparison from now on.",
  }],
  [14 * HOUR, { ...ROLLOUT, ramp: { ...RAMP, dueAt: NOW + 10 * HOUR } }],
];

/** Files yesterday's report for the days before the last two, too: events so old are refused. */
async function repeatReport(database, days) {
  const report = await database.prepare("SELECT * FROM parity_reports WHERE kind = 'day' ORDER BY start DESC").first();
  const names = Object.keys(report);
  const insert = `INSERT INTO parity_reports (${names}) VALUES (${names.map(() => "?")})`;
  const copies = Array.from({ length: days }, (_, n) => {
    const [start, end] = [report.start - (n + 2) * DAY, report.end - (n + 2) * DAY];
    const body = JSON.stringify({ ...JSON.parse(report.body), window: { kind: "day", from: start, to: end } });
    return database.prepare(insert).bind(...Object.values({ ...report, start, end, body }));
  });
  await database.batch(copies);
}

/**
 * Starts it. Gives beside the gateway how far its clock is ahead (ms), a range whose figures stay as they are, and how
 * many requests of the last hour `all` and D1 (`new`) know of.
 */
export async function startSeeded(t) {
  const gateway = await startGateway(t, { vars: { LOG_EVENTS: "false", ENVIRONMENT: "staging" } });
  for (const [version, [ago, fields]] of FLAGS.entries()) {
    await goBack(gateway, ago);
    await gateway.changeFlag(version, fields);
  }
  await goBack(gateway);
  const { all, old, fresh } = traffic();
  await give(gateway, old, fresh);
  await gateway.requests("/health", LIVE); // by the queue alone: see OVERRIDES
  await gateway.delivered({ old: old.length, new: fresh.length + LIVE });
  for (let hour = 47; hour >= 0; hour -= 1) await compare(gateway, `hour:${NEWEST - hour * HOUR}`);
  for (const day of [2, 1]) await compare(gateway, `day:${NOON - DAY / 2 - day * DAY}`);
  await repeatReport((await gateway.env()).DB, 17);
  await gateway.alarm();
  await gateway.cron();
  const lately = (events) => events.filter(({ timestamp }) => timestamp > NOW - HOUR).length + LIVE;
  const { origin: url } = (await gateway.server.listen()).url;
  const quiet = { from: NOW - HOUR, to: NOW - 10 * MINUTE };
  const requests = { all: lately(all), new: lately(fresh) };
  return { gateway, url, offset: OFFSET, quiet, routes: ROUTES.length, requests };
}

/** The newest hour's comparison fails and holds the ramp, letters are dead, events are lost, and D1 refuses writes. */
export async function makeTrouble({ gateway }) {
  // Letters of the last 10 minutes would hold the ramp by themselves.
  await goBack(gateway, 20 * MINUTE);
  const ramp = { ...RAMP, dueAt: NOW - 40 * MINUTE };
  await gateway.changeFlag(FLAGS.length, { ...ROLLOUT, ramp, updatedBy: "jonas@example.org", reason: "On with it." });
  // One is in neither store. D1 lacks 59 more, of which 4 can't be read on their way to it, and has another 60th.
  const numbered = (n) => ({ producer: "d".repeat(16), seq: n, write: n });
  const late = Array.from({ length: 120 }, (_, n) => event(100_000 + n, NEWEST + 30 * MINUTE + n, numbered(n)));
  const [other] = late.splice(59, 1);
  late.splice(100, 1);
  await give(gateway, [...late, other], [...late.slice(59), { ...other, status: 503, responseTime: 1_204 }]);
  await Promise.all(late.slice(0, 4).map((one) => give(gateway, [], [{ ...one, status: 0 }])));
  const { TRAFFIC_QUEUE } = await gateway.env();
  for (let n = 0; n < 7; n += 1) await TRAFFIC_QUEUE.send(`no message, number ${n}`, { contentType: "text" });
  await eventually(async () => assert.equal((await gateway.read("dead-letters")).count, 11));
  await goBack(gateway);
  await compare(gateway, `hour:${NEWEST}`);
  await gateway.fault({ TRAFFIC_QUEUE: "fails", PATH_COLLECTOR: "fails" });
  await gateway.requests("/health", 2, "lost");
  await gateway.untilLogged(/event lost: (\S+)/, 2);
  await gateway.fault({ DB: "refuses-writes" });
  await give(gateway, [], [event(300_000, NOW)]);
  await gateway.untilLogged(/(retried)/, 1);
  await gateway.cron();
  await gateway.fault({});
}
