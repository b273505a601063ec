// Where the gateway's time goes: `node bench/profile.mjs VARIANT [SECONDS]` loads a variant and prints what took most.
// Functions of the Worker have names only in a build that keeps them:
// `worker-build --release --no-opt --out-dir target/bench/profiled`, which is taken if it is there.
import { access } from "node:fs/promises";

import { inspect } from "./inspector.mjs";
import { load } from "./load.mjs";
import { project } from "./runtime.mjs";
import { startVariant, VARIANTS } from "./variants.mjs";

const SHOWN = 45;
const PROFILED = "target/bench/profiled";

/** Share of samples by function, the largest first. Time outside of any script is the runtime's own, and waiting. */
export function shares({ nodes, samples }) {
  const nameOf = ({ callFrame: { functionName, url } }) =>
    `${functionName || "(anonymous)"}${url.startsWith("wasm") ? " [wasm]" : ""}`;
  const names = new Map(nodes.map((node) => [node.id, nameOf(node)]));
  const counts = new Map();
  for (const id of samples) counts.set(names.get(id), (counts.get(names.get(id)) ?? 0) + 1);
  const all = [...counts].map(([name, count]) => [name, count / samples.length]);
  return all.sort(([, a], [, b]) => b - a);
}

/** How long the isolate stood still for each collection of garbage, in ms, the longest first. */
export function collections({ nodes, samples, timeDeltas }) {
  const { id } = nodes.find(({ callFrame }) => callFrame.functionName === "(garbage collector)") ?? {};
  const pauses = [];
  samples.forEach((sample, n) => {
    if (sample !== id) return;
    if (samples[n - 1] !== id) pauses.push(0);
    pauses[pauses.length - 1] += (timeDeltas[n + 1] ?? 0) / 1_000;
  });
  return pauses.sort((a, b) => b - a);
}

async function profile(name, seconds) {
  const named = await access(project(`${PROFILED}/index.js`)).then(() => true, () => false);
  const build = { entry: `${PROFILED}/index.js`, wasm: `${PROFILED}/index_bg.wasm` };
  const over = named && name.startsWith("ours") ? build : {};
  const inspectorPort = 20_000 + Math.floor(Math.random() * 20_000);
  const gateway = await startVariant(name, { ...over, inspectorPort });
  const closed = (part, s) =>
    load("closed", { url: String(gateway.url), run: `profile-${part}`, connections: 32, seconds: s });
  await closed("warm-up", 2);
  const inspector = await inspect(inspectorPort, "gateway");
  await inspector.call("Profiler.enable");
  await inspector.call("Profiler.setSamplingInterval", { interval: 200 });
  await inspector.call("Profiler.start");
  const { perSecond } = await closed("measured", seconds);
  const found = await inspector.call("Profiler.stop");
  inspector.close();
  await gateway.stop();
  console.log(`${name}: ${Math.round(perSecond)}/s`);
  const pauses = collections(found.profile).map((ms) => ms.toFixed(0));
  console.log(`${pauses.length} collections of garbage; the longest took ${pauses.slice(0, 5).join(", ")} ms`);
  for (const [what, share] of shares(found.profile).slice(0, SHOWN)) {
    console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${what}`);
  }
}

const [name, seconds = "5"] = process.argv.slice(2);
if (!VARIANTS[name]) throw new Error(`give a variant: ${Object.keys(VARIANTS).join(", ")}`);
await profile(name, Number(seconds));
