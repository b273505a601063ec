// One Worker in the local runtime, reached without anything in between.
//
// Wrangler's own servers put a proxy before the Worker that costs more than the Worker does. So its runtime is started
// with the same bindings and a socket of the Worker's own. Upstream, queue, KV, D1 and objects are in one process.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";

import { build } from "esbuild";
import { unstable_getMiniflareWorkerOptions as optionsOf, unstable_splitSqlQuery as splitSql } from "wrangler";

// The one that Wrangler brings: it is no dependency of ours.
const beside = createRequire(createRequire(import.meta.url).resolve("wrangler"));
const { Miniflare, convertV4MiniflareOptions } = await import(pathToFileURL(beside.resolve("miniflare")));

// This process collects its garbage when it has nothing else to do, for some 0.3 s of the processor: while it waits for
// what it measures.
setFlagsFromString("--no-memory-reducer");

export const project = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Bundles a Worker as Wrangler does; gives it as modules, the entry first. `wasm` is imported by its name alone. */
async function modulesOf(entry, wasm) {
  const { outputFiles } = await build({
    entryPoints: [project(entry)],
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "*.wasm"],
    write: false,
    outdir: "/",
    logLevel: "error",
  });
  const modules = [{ type: "ESModule", path: "/index.js", contents: outputFiles[0].text }];
  if (wasm) modules.push({ type: "CompiledWasm", path: "/index_bg.wasm", contents: await readFile(project(wasm)) });
  return modules;
}

/** The Workers of a runtime: the gateway with the bindings of its `config`, and its upstream. */
async function workersOf({ entry, wasm, config, compatibilityFlags, vars = {}, batchTimeoutS, storesAddress }) {
  const { workerOptions = {} } = config ? optionsOf(project(config)) : {};
  // Without the dashboard's files: here a proxy asks a Worker of its own about each request first.
  const { modulesRules, assets, ...options } = workerOptions;
  const consumers = Object.entries(options.queueConsumers ?? {}).map(([queue, consumer]) => [
    queue,
    { ...consumer, maxBatchTimeout: batchTimeoutS ?? consumer.maxBatchTimeout },
  ]);
  const common = { compatibilityDate: "2026-10-01", modulesRoot: "/" };
  const stores = storesAddress ? { STORES: { external: { address: storesAddress, http: {} } } } : {};
  const gateway = {
    ...common,
    ...options,
    ...(compatibilityFlags && { compatibilityFlags }),
    name: "gateway",
    modules: await modulesOf(entry, wasm),
    bindings: { ...options.bindings, ...vars },
    queueConsumers: Object.fromEntries(consumers),
    serviceBindings: { UPSTREAM: "upstream", ...stores },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
  return [gateway, { ...common, name: "upstream", modules: await modulesOf("bench/upstream.js") }];
}

/** Starts the runtime with these options of V8. */
async function runtimeOf(options, v8Options) {
  const name = "MINIFLARE_WORKERD_V8_FLAGS";
  const before = process.env[name];
  if (v8Options) process.env[name] = v8Options.join(" ");
  try {
    const runtime = new Miniflare(convertV4MiniflareOptions(options));
    await runtime.ready;
    return runtime;
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}

/**
 * Starts a Worker: `entry` with the bindings of `config` (a `wrangler.toml`, or none), these variables, and the common
 * upstream. `compatibilityFlags` go before the config's. `storesAddress`: where the binding `STORES` leads, if anywhere.
 * `inspectorPort` opens the runtime's inspector, `openStores` the objects' databases, and `v8Options` are the engine's.
 */
export async function start({ inspectorPort, openStores, v8Options, ...options }) {
  const errors = [];
  const handleStructuredLogs = ({ level, message }) => level === "error" && errors.length < 5 && errors.push(message);
  const workers = await workersOf(options);
  const common = { cf: false, inspectorPort, unsafeInspectDurableObjects: openStores, handleStructuredLogs };
  const runtime = await runtimeOf({ ...common, workers }, v8Options);
  return new Gateway(runtime, await runtime.unsafeGetDirectURL("gateway"), errors);
}

class Gateway {
  /** `errors`: the first few that the Worker logs. */
  constructor(runtime, url, errors) {
    this.runtime = runtime;
    this.url = url;
    this.errors = errors;
  }

  async read(path, init) {
    const response = await fetch(new URL(path, this.url), init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  /** Applies migrations, in the order of the files given. */
  async migrate(files) {
    const database = await this.runtime.getD1Database("DB", "gateway");
    for (const file of files) {
      for (const statement of splitSql(await readFile(project(file), "utf8"))) await database.prepare(statement).run();
    }
  }

  async putFlag(document) {
    const flags = await this.runtime.getKVNamespace("FLAGS", "gateway");
    await flags.put("collector", JSON.stringify(document));
  }

  stop() {
    return this.runtime.dispose();
  }
}
