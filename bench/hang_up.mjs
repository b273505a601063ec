// What it costs each request that the gateway listens for its client hanging up: CPU time of the runtime with and
// without, in short turns, so that whatever else the machine does meets both.
//
// `node bench/hang_up.mjs [turns] [requests]`, after `make build`.
import { readdir } from "node:fs/promises";

import { closedLoop } from "./closed_loop.mjs";
import { runtimeCpuS } from "./cpu_time.mjs";
import { project, start } from "./runtime.mjs";

const [turns = 20, requests = 2_000] = process.argv.slice(2).map(Number);
const migrations = (await readdir(project("migrations"))).sort().map((file) => `migrations/${file}`);

/** A gateway that has answered requests already. */
async function gateway(variant) {
  const vars = { LOG_EVENTS: "false", LOCAL_DEVELOPMENT: "true" };
  const started = await start({ ...variant, wasm: "build/index_bg.wasm", config: "wrangler.toml", vars });
  await started.migrate(migrations);
  await load(started, "warm-up", 2 * requests);
  return started;
}

/** Sends requests; returns the CPU time that they took, in s. */
async function load({ url }, run, count) {
  const before = await runtimeCpuS();
  const { sent, failed } = await closedLoop({ url, run, connections: 8, requests: count });
  if (failed) throw new Error(`${failed} of ${sent} requests failed`);
  return (await runtimeCpuS()) - before;
}

const listening = await gateway({ entry: "build/index.js" });
const deaf = await gateway({ entry: "bench/deaf.js", compatibilityFlags: [] });
const spent = new Map([[listening, []], [deaf, []]]);
for (let turn = 0; turn < turns; turn += 1) {
  const both = [...spent];
  for (const [one, seconds] of turn % 2 ? both.reverse() : both) {
    seconds.push(await load(one, `turn-${turn}`, requests));
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const us = (seconds) => ((median(seconds) / requests) * 1e6).toFixed(0);
const ratios = spent.get(listening).map((seconds, turn) => seconds / spent.get(deaf)[turn]);
console.log(`listening ${us(spent.get(listening))} µs, deaf ${us(spent.get(deaf))} µs of CPU for a request (medians)`);
console.log(`ratio of ${turns} pairs: median ${median(ratios).toFixed(3)}, from ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`);
await Promise.all([listening.stop(), deaf.stop()]);
