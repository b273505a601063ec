// What is measured: the floors, the plan's design, and ours, each in its modes.
import { readdir } from "node:fs/promises";

import { alike } from "./plan_ids.mjs";
import { project, start } from "./runtime.mjs";

const MILLION = 1_000_000;

const floor = { stores: 0, count: () => null, alike: () => 0 };

const baseline = (mode) => ({
  entry: "bench/baseline/src/index.ts",
  metered: { entry: "bench/meter/baseline.ts" },
  elsewhere: { entry: "bench/elsewhere/baseline.ts" },
  config: "bench/baseline/wrangler.toml",
  migrations: "bench/baseline/migrations",
  flag: { mode },
  stores: 1,
  alike,
  count: async (gateway) => {
    const stored = await gateway.read("/_baseline/stats");
    return { events: stored.old + stored.new, copies: stored.old + stored.new };
  },
});

// An operator's settings, but that events are not logged one by one: no variant does. Reads are open without a secret.
const ours = (flag) => ({
  entry: "build/index.js",
  metered: { entry: "bench/meter/ours.mjs" },
  elsewhere: { entry: "bench/elsewhere/ours.mjs" },
  wasm: "build/index_bg.wasm",
  config: "wrangler.toml",
  migrations: "migrations",
  vars: { LOG_EVENTS: "false", LOCAL_DEVELOPMENT: "true" },
  flag: { schema: 1, version: 1, updatedBy: "bench", reason: "bench", ...flag },
  stores: flag.mode === "dual-write" ? 2 : 1,
  // Its digests are 64 bits: none is excused.
  alike: () => 0,
  count: async (gateway) => {
    const { total, exact } = await gateway.read("/_collector/v1/stats");
    // A store that gives no answer has nothing as yet: it is asked again.
    const { isolate, stores } = await gateway.read("/_collector/v1/health");
    return {
      events: total.requests,
      copies: [...(stores.old ?? []), stores.new].reduce((sum, store) => sum + (store?.events ?? 0), 0),
      exact,
      lost: isolate.lost ?? 0,
      fallback: isolate.fallback ?? 0,
    };
  },
});

/** By name, in the order in which they are run. */
export const VARIANTS = {
  floor_rust: { ...floor, entry: "target/bench/floor-rust/index.js", wasm: "target/bench/floor-rust/index_bg.wasm" },
  floor_js: { ...floor, entry: "bench/floor-js/index.js" },
  baseline_queue: baseline("queue-only"),
  baseline_do: baseline("do-only"),
  ours_queue: ours({ mode: "queue-only" }),
  ours_do: ours({ mode: "do-only" }),
  ours_dual: ours({ mode: "dual-write", samplePpm: MILLION }),
};

export const FLOORS = ["floor_rust", "floor_js"];

/** Starts a variant with empty stores; `over` replaces parts of it. */
export async function startVariant(name, over = {}) {
  const variant = { ...VARIANTS[name], ...over };
  const gateway = await start(variant);
  if (variant.migrations) {
    const files = (await readdir(project(variant.migrations))).sort();
    await gateway.migrate(files.map((file) => `${variant.migrations}/${file}`));
    await gateway.putFlag(variant.flag);
  }
  return gateway;
}
