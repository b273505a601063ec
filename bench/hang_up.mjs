// What it costs each request that the gateway listens for its client hanging up: CPU time of the runtime with and
// without, in short turns, so that whatever else the machine does meets both.
//
// `node bench/hang_up.mjs [turns] [requests]`, after `make build`.
import { load } from "./load.mjs";
import { runtimeCpuS } from "./processors.mjs";
import { median } from "./statistics.mjs";
import { startVariant } from "./variants.mjs";

const [turns = 20, requests = 2_000] = process.argv.slice(2).map(Number);

/** The built gateway without signals of its requests: it never learns of a client that hangs up. */
const DEAF = {
  source: `Object.defineProperty(Request.prototype, "signal", { get: () => undefined });
    export * from "./build/index.js"; export { default } from "./build/index.js";`,
  compatibilityFlags: [],
};

/** Sends requests; gives the CPU time that each took, in µs. */
async function spent({ url }, run, count) {
  const before = await runtimeCpuS();
  const { sent, failed } = await load("closed", { url, run, connections: 8, requests: count });
  if (failed) throw new Error(`${failed} of ${sent} requests failed`);
  return (((await runtimeCpuS()) - before) * 1e6) / sent;
}

const gateways = [await startVariant("ours_do"), await startVariant("ours_do", DEAF)];
for (const gateway of gateways) await spent(gateway, "warm-up", 2 * requests);
const found = [[], []];
for (let turn = 0; turn < turns; turn += 1) {
  for (const which of turn % 2 ? [1, 0] : [0, 1]) {
    found[which].push(await spent(gateways[which], `turn-${turn}`, requests));
  }
}
const [listening, deaf] = found.map((us) => median(us).toFixed(0));
const ratios = found[0].map((us, turn) => us / found[1][turn]);
const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
console.log(`listening ${listening} µs, deaf ${deaf} µs of CPU for a request (medians)`);
console.log(`ratio of ${turns} pairs: median ${median(ratios).toFixed(3)}, from ${least} to ${most}`);
await Promise.all(gateways.map((gateway) => gateway.stop()));
