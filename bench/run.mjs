// `make bench`: measures all variants, and writes target/bench/report.json and docs/performance.md; with --quick, which
// is no measurement to publish, only the former. Ends with 1 if an event was lost or counted twice; a target that is
// missed is reported and no more.
import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";

import { cost, SPREAD } from "./cost.mjs";
import { measureStart } from "./measure.mjs";
import { memory } from "./memory.mjs";
import { growth, idNs } from "./native.mjs";
import { consumerTime } from "./new_path.mjs";
import { markdown, replaced } from "./page.mjs";
import { inWords, planOf } from "./plan.mjs";
import { BUSY, busyWhile, percent } from "./processors.mjs";
import { runRounds } from "./rounds.mjs";
import { project } from "./runtime.mjs";
import { median } from "./statistics.mjs";
import { targets } from "./targets.mjs";
import { FLOORS, VARIANTS } from "./variants.mjs";

/** A load generator that is busier, of 1, measures itself. */
const GENERATOR_BUSY = 0.5;

const say = (line) => process.stderr.write(`${line}\n`);

/** What `figure` gives for each of these keys, one after the other. */
async function each(keys, figure) {
  const found = {};
  for (const key of keys) {
    found[key] = await figure(key);
    say(`${figure.name} of ${key}: ${JSON.stringify(found[key])}`);
  }
  return found;
}

const args = process.argv.slice(2);
const plan = planOf(args);
const run = Date.now().toString(36);
const busy = await busyWhile();

const costOf = (name) => cost(name, { run: `${run}-cost`, plan });
const startMsOf = async (name) => median(await measureStart(name, plan.rounds));
const found = {
  costs: await each([...Object.keys(VARIANTS).filter((name) => !FLOORS.includes(name)), SPREAD], costOf),
  startMs: await each([...FLOORS, "ours_queue"], startMsOf),
  consumer: await consumerTime({ run: `${run}-consumer`, plan }),
  measured: await runRounds({ run, plan, say }),
  memory: plan.memory && (await memory({ run: `${run}-memory`, plan })),
  idNs: await idNs(),
  wasmGzipBytes: execFileSync("gzip", ["-9c", project("build/index_bg.wasm")]).byteLength,
};

const rounds = Object.values(found.measured).flat();
const loops = rounds.flatMap(({ closed, open }) => [closed, open]);
const checked = [...Object.values(found.costs), found.consumer, ...loops, found.memory].filter(Boolean);
const complaints = checked.flatMap(({ name, complaints }) => complaints.map((complaint) => `${name}: ${complaint}`));
const generatorBusy = Math.max(...rounds.map(({ closed }) => closed.utilization));
const warnings = [
  generatorBusy > GENERATOR_BUSY && `the load generator was busy ${percent(generatorBusy)} of the time`,
  busy > BUSY && `other work kept ${percent(busy)} of the processors busy: latencies say little`,
].filter(Boolean);

const command = ["make bench", args.length && `ARGS="${args.join(" ")}"`].filter(Boolean).join(" ");
const machine = `${cpus().length} × ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB`;
const measuredOn =
  `Measured on ${new Date().toISOString().slice(0, 10)} with \`${command}\`: ${machine}, Node ${process.version}; ` +
  `before, ${percent(busy)} of the processors' time was busy.`;
const about = `${measuredOn} ${inWords(plan)}`;
const report = { about, ...found, complaints, warnings, targets: targets({ ...found, complaints }) };
await mkdir(project("target/bench"), { recursive: true });
await writeFile(project("target/bench/report.json"), `${JSON.stringify(report, null, 2)}\n`);

const tables = { bench: markdown(report), growth: `${measuredOn} ${growth(args.length > 0)}` };
console.log(Object.values(tables).join("\n\n"));
if (args.length === 0) {
  const page = project("docs/performance.md");
  const filled = (text, [name, table]) => replaced(text, table, name);
  await writeFile(page, Object.entries(tables).reduce(filled, await readFile(page, "utf8")));
}
for (const warning of warnings) say(`Warning: ${warning}`);
if (complaints.length) {
  say(`Not every event was stored once:\n${complaints.map((complaint) => `  ${complaint}`).join("\n")}`);
  process.exitCode = 1;
}
