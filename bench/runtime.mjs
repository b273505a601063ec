// One Worker in the local runtime, reached without anything in between.
//
// Wrangler's own servers put a proxy before the Worker that costs more than the Worker does. So its runtime is started
// with the same bindings and a socket of the Worker's own. Upstream, queue, KV, D1 and objects are in one process.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { build } from "esbuild";
import { unstable_getMiniflareWorkerOptions as optionsOf, unstable_splitSqlQuery as splitSql } from "wrangler";

// The one that Wrangler brings: it is no dependency of ours.
const beside = createRequire(createRequire(import.meta.url).resolve("wrangler"));
const { Miniflare, convertV4MiniflareOptions } = await import(pathToFileURL(beside.resolve("miniflare")));

/** Name of the Worker that stands in for consumer and object. */
const ELSEWHERE = "elsewhere";

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

/** The Workers of a runtime: the gateway with the bindings of its `config`, its upstream, and stores elsewhere. */
async function workersOf({ entry, wasm, config, vars = {}, batchTimeoutS, elsewhere }) {
  const { workerOptions = {} } = config ? optionsOf(project(config)) : {};
  // Without the dashboard's files: here a proxy asks a Worker of its own about each request first.
  const { modulesRules, assets, ...options } = workerOptions;
  const consumers = Object.entries(options.queueConsumers ?? {}).map(([queue, consumer]) => [
    queue,
    { ...consumer, maxBatchTimeout: batchTimeoutS ?? consumer.maxBatchTimeout },
  ]);
  const common = { compatibilityDate: "2026-10-01", modulesRoot: "/" };
  const gateway = {
    ...common,
    ...options,
    name: "gateway",
    modules: await modulesOf(entry, wasm),
    bindings: { ...options.bindings, ...vars },
    queueConsumers: Object.fromEntries(consumers),
    serviceBindings: { UPSTREAM: "upstream" },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
  const workers = [gateway, { ...common, name: "upstream", modules: await modulesOf("bench/upstream.js") }];
  if (elsewhere && config) {
    const durableObjects = { PATH_COLLECTOR: { className: "PathCollector", useSQLite: true } };
    workers.push({
      ...common,
      name: ELSEWHERE,
      modules: await modulesOf("bench/elsewhere.js"),
      durableObjects,
      queueConsumers: gateway.queueConsumers,
    });
    gateway.queueConsumers = {};
    gateway.durableObjects = { PATH_COLLECTOR: { ...durableObjects.PATH_COLLECTOR, scriptName: ELSEWHERE } };
  }
  return workers;
}

/**
 * Starts a Worker: `entry` with the bindings of `config` (a `wrangler.toml`, or none), these variables, and the common
 * upstream. `elsewhere`: consumer and object are stood in for. `inspectorPort` opens the runtime's inspector, and
 * `openStores` the objects' databases.
 */
export async function start({ inspectorPort, openStores, ...options }) {
  const errors = [];
  const handleStructuredLogs = ({ level, message }) => level === "error" && errors.length < 5 && errors.push(message);
  const workers = await workersOf(options);
  const common = { cf: false, inspectorPort, unsafeInspectDurableObjects: openStores, handleStructuredLogs };
  const runtime = new Miniflare(convertV4MiniflareOptions({ ...common, workers }));
  await runtime.ready;
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

  /** Copies of events that came to the stand-in for consumer and object. */
  async copiesElsewhere() {
    const worker = await this.runtime.getWorker(ELSEWHERE);
    return (await worker.fetch("http://elsewhere/")).json();
  }

  stop() {
    return this.runtime.dispose();
  }
}
