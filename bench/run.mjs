// `make bench`: measures all variants and writes target/bench/report.json, and what is behind it into details.json.
// Ends with 1 if an event was lost or counted twice; a target that is missed is reported and no more.
import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";

import { capacity } from "./capacity.mjs";
import { cost } from "./cost.mjs";
import { memory } from "./memory.mjs";
import { microFigures } from "./micro.mjs";
import { consumerTime, streamCost } from "./new_path.mjs";
import { inWords, planOf } from "./plan.mjs";
import { BUSY, busyBefore, inShares, percent, processors, shares, STOLEN } from "./quiet.mjs";
import { cpuTimes, latencies, runRounds, throughputs } from "./rounds.mjs";
import { project } from "./runtime.mjs";
import { markdown, replaced } from "./table.mjs";
import { targets } from "./targets.mjs";
import { FLOORS, VARIANTS } from "./variants.mjs";

/** Isolates of the simulated stream: all in one, and as many as share a busy gateway's traffic. */
const ISOLATES = [1, 20];

/** The load generator must be this much faster than what it measures. */
const HEADROOM = 2;

const say = (line) => process.stderr.write(`${line}\n`);

const run = Date.now().toString(36);
const args = process.argv.slice(2);
const plan = planOf(args);
const date = new Date().toISOString().slice(0, 10);
const busy = await busyBefore();
const begun = await processors();

const costs = {};
for (const name of Object.keys(VARIANTS).filter((name) => !FLOORS.includes(name))) {
  costs[name] = await cost(name, { run: `${run}-cost`, ...plan.cost, ...plan });
  say(`cost of ${name}: ${costs[name].costUsdPerMillion.toFixed(4)} USD per million`);
}
const stream = [];
for (const isolates of ISOLATES) {
  stream.push(await streamCost({ run, perSecond: 1_000, isolates, minutes: plan.streamMinutes }));
  say(`stream from ${isolates} isolates: ${stream.at(-1).rowsWrittenPerEvent.toFixed(4)} rows written per event`);
}
const consumer = await consumerTime({ run, rounds: plan.consumerRounds });
say(`consumer: ${consumer.ms} ms per 100 messages of 50 events`);
const generator = await capacity({ ...plan, seconds: 3 });
say(`load generator: ${Math.round(generator)}/s`);
const measured = await runRounds({ run, plan, say });
const memoryFound = plan.memory && (await memory({ run: `${run}-memory`, ...plan.memory, ...plan }));
const micro = await microFigures();

const complaintsOf = (what, found) => found.flatMap(({ complaints }) => complaints.map((said) => `${what}: ${said}`));
const complaints = [
  ...Object.entries(measured).flatMap(([name, rounds]) => complaintsOf(name, rounds)),
  ...Object.entries(costs).flatMap(([name, found]) => complaintsOf(`cost of ${name}`, [found])),
  ...[...stream, consumer, memoryFound].flatMap((found) => found?.complaints ?? []),
];
const withIds = [...Object.values(measured).flat(), ...Object.values(costs)];
const merged = withIds.reduce((sum, found) => sum + found.merged, 0);
const stolen = shares(begun, await processors())?.stolen ?? null;
const fastest = Math.max(...Object.values(throughputs(measured)));
const warnings = [
  generator < HEADROOM * fastest && `the load generator makes only ${Math.round(generator)}/s`,
  busy > BUSY && `other work kept ${percent(busy)} of the processors busy: latencies say little`,
  stolen > STOLEN && `${percent(stolen)} of the processors' time went to other machines: latencies say little`,
  measured.floor_rust.some(({ here }) => !here.keptUp) && "even the floor could not keep up: latencies say nothing",
].filter(Boolean);

const ofVariants = (field) =>
  Object.fromEntries(Object.keys(VARIANTS).map((name) => [name, Number((costs[name]?.[field] ?? 0).toFixed(4))]));
const report = {
  throughput: throughputs(measured),
  latency_ms: latencies(measured),
  stored_equals_sent: complaints.length === 0,
  consumer_ms_per_100_messages: consumer.ms,
  id_ns: micro.id === undefined ? null : Number(micro.id.toFixed(1)),
  wasm_gzip_bytes: execFileSync("gzip", ["-9c", project("build/index_bg.wasm")]).byteLength,
  cost_usd_per_million: ofVariants("costUsdPerMillion"),
  rows_written_per_million: ofVariants("rowsWrittenPerMillion"),
  queue_ops_per_million: ofVariants("queueOpsPerMillion"),
};
const [{ model }] = cpus();
const details = {
  date,
  command: ["make bench", args.length && `ARGS="${args.join(" ")}"`].filter(Boolean).join(" "),
  machine: `${cpus().length} × ${model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`,
  plan: inWords(plan),
  quiet: inShares({ busy, stolen }),
  generatorPerSecond: generator,
  cpuUs: cpuTimes(measured),
  gatewayLatency: latencies(measured, "gateway"),
  uncollectedLatency: latencies(measured, "uncollected"),
  targets: targets({ measured, report, stream, memory: memoryFound }),
  complaints,
  merged,
  warnings,
  micro,
  memory: memoryFound,
  stream,
  consumer,
  costs,
  rounds: measured,
};

await mkdir(project("target/bench"), { recursive: true });
await writeFile(project("target/bench/report.json"), `${JSON.stringify(report, null, 2)}\n`);
await writeFile(project("target/bench/details.json"), `${JSON.stringify(details, null, 2)}\n`);
const text = markdown({ report, details, targets: details.targets });
// A short run is no measurement to publish.
if (!args.includes("--quick")) {
  const page = project("docs/performance.md");
  await writeFile(page, replaced(await readFile(page, "utf8"), text));
}
console.log(text);
for (const warning of warnings) say(`Warning: ${warning}`);
if (complaints.length) {
  say(`Not every event was stored once:\n${complaints.map((complaint) => `  ${complaint}`).join("\n")}`);
  process.exitCode = 1;
}
