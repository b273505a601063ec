// How long reads of the API take, on stores with 100 routes and 30 days:
//
//   node bench/api.mjs             into docs/performance.md
//   node bench/api.mjs --quick     a few calls of each, which are no measurement to publish
//
// Rows are those that folding makes of real events: they are made of one route, and then copied to 100 routes and to
// all intervals that ranges up to 30 days read: minutes of 6 hours, hours of 8 days (of all routes together 30), days.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { setTimeout as pause } from "node:timers/promises";

import { busyBefore, percent } from "./quiet.mjs";
import { project } from "./runtime.mjs";
import { percentile } from "./statistics.mjs";
import { replaced } from "./table.mjs";
import { startVariant } from "./variants.mjs";

const QUICK = process.argv.includes("--quick");

/** Calls of each route and range. */
const CALLS = QUICK ? 5 : 100;
const TARGET_MS = 50;
const ROUTES = 100;
const [MINUTE_MS, HOUR_MS, DAY_MS] = [60_000, 3_600_000, 86_400_000];

/** Requests of a route, which are the same in each store. */
const EVENTS = { [MINUTE_MS]: 20, [HOUR_MS]: 1_200, [DAY_MS]: 28_800 };

/** Distinct clients of a route. */
const CLIENTS = 5_000;

const route = (n) => `/api/resource-${n}/{id}`;

const UNFOLDED = `
  SELECT count(*) AS n FROM segments WHERE seq > coalesce((SELECT max(to_seq) FROM folds), 0)`;

let sent = 0;
function event(timestamp, path) {
  sent += 1;
  const digest = createHash("sha256").update(`${sent}`).digest("hex");
  const noise = Number.parseInt(digest.slice(16, 24), 16) / 2 ** 32;
  const client = createHash("sha256").update(`${Math.floor(noise * CLIENTS)}`).digest("hex").slice(0, 16);
  return {
    idempotentId: `${timestamp - (timestamp % MINUTE_MS)}-${digest.slice(0, 8)}`, digest: digest.slice(0, 16),
    timestamp, path, method: "GET", status: noise > 0.99 ? 500 : 200, responseTime: Math.floor(5 * Math.exp(6 * noise ** 3)),
    clientIpHash: client, cohort: "dual", flagVersion: 1, producer: "00000000000000aa", seq: sent, write: sent,
  };
}

/** Events of a whole interval of this length, evenly over it. */
function events(length, start) {
  const at = (n) => start + Math.floor((n * length) / EVENTS[length]);
  return Array.from({ length: EVENTS[length] }, (_, n) => event(at(n), `/${length}`));
}

/** Lets the object fold events of three routes: a minute, an hour and a day of them. */
async function makeTemplates(object, storage) {
  const day = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS;
  const all = [MINUTE_MS, HOUR_MS, DAY_MS].flatMap((length) => events(length, day));
  for (let at = 0; at < all.length; at += 400) {
    const body = JSON.stringify({ v: 1, events: all.slice(at, at + 400) });
    const { status } = await object.fetch("https://collector/record", { method: "POST", body });
    if (status >= 300) throw new Error(`the object answers ${status}`);
  }
  // The object's alarm comes by itself.
  while ((await storage.exec(UNFOLDED))[0].n) await pause(500);
}

const COLUMNS = `requests, status_1, status_2, status_3, status_4, status_5, time_sum, time_min, time_max, digest_high,
  digest_low, value_high, value_low`;
const BLOBS = ["latency", "addresses", "exemplars"];

/** One statement that copies a template to these starts, of each route or of all together. */
function copies(template, grain, from, to, together) {
  const values = COLUMNS.split(",").map((name) => template[name.trim()]);
  const blobs = BLOBS.map((name) => `x'${template[name]}'`);
  const names = JSON.stringify(Array.from({ length: ROUTES }, (_, n) => route(n)));
  return `
    WITH RECURSIVE
      starts(start) AS (SELECT ${from} UNION ALL SELECT start + ${grain} FROM starts WHERE start + ${grain} < ${to}),
      routes(path) AS (${together ? "SELECT ''" : `SELECT value FROM json_each('${names}')`})
    INSERT INTO rollups (grain, start, path, cohort, ${COLUMNS}, latency, addresses, exemplars)
    SELECT ${grain}, start, path, 1, ${values.join(", ")}, ${blobs.join(", ")} FROM starts CROSS JOIN routes`;
}

async function fill({ runtime }) {
  const { PATH_COLLECTOR, DB: database } = await runtime.getBindings("gateway");
  const storage = await runtime.unsafeGetDurableObjectStorage("gateway", "PathCollector", { name: "default" });
  await makeTemplates(PATH_COLLECTOR.getByName("default"), storage);
  const templates = {};
  for (const grain of [MINUTE_MS, HOUR_MS, DAY_MS]) {
    const blobs = BLOBS.map((name) => `hex(${name}) AS ${name}`).join(", ");
    const select = `SELECT ${COLUMNS}, ${blobs} FROM rollups WHERE grain = ${grain} AND path = '/${grain}' LIMIT 1`;
    [templates[grain]] = await storage.exec(select);
  }
  const now = Date.now();
  const whole = (grain, back, together) => {
    const to = Math.floor(now / grain) * grain + grain;
    const statements = [];
    for (let from = to - back; from < to; from += Math.max(grain, back / 24)) {
      const aligned = Math.ceil(from / grain) * grain;
      const end = Math.min(to, Math.ceil((from + Math.max(grain, back / 24)) / grain) * grain);
      if (aligned < end) statements.push(copies(templates[grain], grain, aligned, end, together));
    }
    return statements;
  };
  const statements = [
    ...["DELETE FROM rollups", "DELETE FROM segments", "DELETE FROM ledger"],
    ...[false, true].flatMap((together) => [
      ...whole(MINUTE_MS, 6 * HOUR_MS, together),
      ...whole(HOUR_MS, (together ? 30 : 8) * DAY_MS, together),
      ...whole(DAY_MS, 31 * DAY_MS, together),
    ]),
  ];
  for (const statement of statements) {
    await storage.exec(statement);
    await database.prepare(statement).run();
  }
  // Rollups come from folds: a store without any fold would be new to a reader each time.
  await database.prepare(`INSERT INTO folds (from_seq, to_seq, folded_at) VALUES (0, 1, ${now})`).run();
}

const READS = {
  "stats?detail=total": (range) => `stats?detail=total&range=${range}`,
  stats: (range) => `stats?range=${range}`,
  series: (range) => `series?range=${range}`,
  paths: (range) => `paths?range=${range}`,
  "paths?format=csv": (range) => `paths?format=csv&range=${range}`,
  "paths/{path}": (range) => `paths/${encodeURIComponent(route(7))}?range=${range}`,
  "paths/{path}/series": (range) => `paths/${encodeURIComponent(route(7))}/series?range=${range}`,
  exemplars: (range) => `exemplars?range=${range}`,
};
const PLAIN = [
  ...["flag", "flag/document", "flag/history", "flag/status", "parity", "readiness", "health", "snapshot"],
  ...["dead-letters", "archive"],
];

/** Times of a read in ms: the first, which finds nothing remembered, and percentiles of those after it. */
async function measure(gateway, read) {
  const times = [];
  for (let n = 0; n <= CALLS; n++) {
    const began = performance.now();
    const response = await fetch(new URL(`/_collector/v1/${read}`, gateway.url));
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`${read} answers ${response.status}`);
    times.push(performance.now() - began);
  }
  const [first, ...rest] = times;
  rest.sort((a, b) => a - b);
  return { first, p50: percentile(rest, 50), p95: percentile(rest, 95) };
}

const cell = ({ first, p50, p95 }) =>
  `${first.toFixed(0)}; ${p50.toFixed(0)} / ${p95.toFixed(0)}${p95 > TARGET_MS ? " **missed**" : ""}`;
const row = (name, figures) => `| \`${name}\` | ${figures.map(cell).join(" | ")} |`;

async function tables(gateway) {
  const ranges = ["1h", "24h", "7d", "30d"];
  const table = [`| first; p50 / p95, ms | ${ranges.join(" | ")} |`, `|---|${"--:|".repeat(ranges.length)}`];
  for (const [name, read] of Object.entries(READS)) {
    const figures = [];
    for (const range of ranges) figures.push(await measure(gateway, read(range)));
    table.push(row(name, figures));
  }
  const plain = ["| first; p50 / p95, ms | |", "|---|--:|"];
  for (const name of PLAIN) plain.push(row(name, [await measure(gateway, name)]));
  return [table, plain].map((lines) => lines.join("\n")).join("\n\n");
}

const busy = await busyBefore();
const gateway = await startVariant("ours_dual", { entry: "bench/opened.mjs", openStores: true });
try {
  await fill(gateway);
  const { exact } = await gateway.read("_collector/v1/stats?range=30d&detail=total");
  if (exact !== true) throw new Error("the stores differ");
  // The snapshot is what cron left.
  await (await gateway.runtime.getWorker("gateway")).scheduled({ cron: "* * * * *" });
  const about =
    `Measured on ${new Date().toISOString().slice(0, 10)} with \`node bench/api.mjs\`: ${cpus()[0].model.trim()}, ` +
    `${percent(busy)} busy before; ${CALLS} calls of each after the first, held to a p95 of ${TARGET_MS} ms.`;
  const text = `${about}\n\n${await tables(gateway)}`;
  if (!QUICK) {
    const page = project("docs/performance.md");
    await writeFile(page, replaced(await readFile(page, "utf8"), text, "reads"));
  }
  console.log(text);
} finally {
  await gateway.stop();
}
