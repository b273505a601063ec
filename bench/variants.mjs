// What is measured: the floors, the plan's design, and ours, each in its modes.
import { start } from "./runtime.mjs";

const MILLION = 1_000_000;

const floor = { stores: 0 };

/** A variant that has stores, under the meter. */
export const METERED = { wrapper: "bench/wrappers/metered.mjs" };

const baseline = (mode) => ({
  entry: "bench/baseline/src/index.ts",
  config: "bench/baseline/wrangler.toml",
  migrations: "bench/baseline/migrations",
  flag: { mode },
  stores: 1,
  count: async (gateway) => {
    const { old, new: queued } = await gateway.read("/_baseline/stats");
    return { events: old + queued, copies: old + queued };
  },
});

// An operator's settings, but that events are not logged one by one: no variant does. Reads are open without a secret.
const ours = (flag) => ({
  entry: "build/index.js",
  wasm: "build/index_bg.wasm",
  config: "wrangler.toml",
  migrations: "migrations",
  vars: { LOG_EVENTS: "false", LOCAL_DEVELOPMENT: "true" },
  flag: { schema: 1, version: 1, updatedBy: "bench", reason: "bench", ...flag },
  stores: flag.mode === "dual-write" ? 2 : 1,
  count: async (gateway) => {
    const { total, exact } = await gateway.read("/_collector/v1/stats");
    // A store that gives no answer has nothing as yet: it is asked again.
    const { isolate, stores } = await gateway.read("/_collector/v1/health");
    const copies = [...(stores.old ?? []), stores.new].reduce((sum, store) => sum + (store?.events ?? 0), 0);
    return { events: total.requests, copies, exact, lost: isolate.lost ?? 0, fallback: isolate.fallback ?? 0 };
  },
});

/** By name, in the order in which they are run. */
export const VARIANTS = {
  floor_rust: { ...floor, entry: "target/bench/floor-rust/index.js", wasm: "target/bench/floor-rust/index_bg.wasm" },
  floor_js: { ...floor, source: "export default { fetch: (request, env) => env.UPSTREAM.fetch(request) };" },
  baseline_queue: baseline("queue-only"),
  baseline_do: baseline("do-only"),
  ours_queue: ours({ mode: "queue-only" }),
  ours_do: ours({ mode: "do-only" }),
  ours_dual: ours({ mode: "dual-write", samplePpm: MILLION }),
};

export const FLOORS = ["floor_rust", "floor_js"];

/** Starts a variant with empty stores; `over` replaces parts of it. */
export const startVariant = (name, over = {}) => start({ ...VARIANTS[name], ...over });
