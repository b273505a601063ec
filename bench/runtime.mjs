// One Worker in the local runtime, reached without anything in between.
//
// Wrangler's own servers put a proxy before the Worker that costs more than the Worker does. So its runtime is started
// with the same bindings and a socket of the Worker's own. Upstream, queue, KV, D1 and objects are in one process.
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";

import { build } from "esbuild";
import { unstable_getMiniflareWorkerOptions as optionsOf, unstable_splitSqlQuery as splitSql } from "wrangler";

// The one that Wrangler brings: it is no dependency of ours.
const beside = createRequire(createRequire(import.meta.url).resolve("wrangler"));
const { Miniflare, convertV4MiniflareOptions } = await import(pathToFileURL(beside.resolve("miniflare")).href);

// This process collects its garbage when it has nothing else to do, for some 0.3 s of the processor: while it waits for
// what it measures.
setFlagsFromString("--no-memory-reducer");

export const project = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const UPSTREAM = `export default { fetch: () => new Response("ok\\n") };`;

/** Source of a module that is another. */
const reexport = (entry) => `export * from "./${entry}"; export { default } from "./${entry}";`;

/**
 * Bundles a Worker as Wrangler does; gives it as modules, the entry first. `wasm` is imported by its name alone.
 * @param {{ entry?: string, wrapper?: string, wasm?: string, source?: string }} code
 */
async function modulesOf({ entry, wrapper, wasm, source = reexport(wrapper ?? entry) }) {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: project("."), loader: "ts" },
    alias: wrapper && { gateway: project(entry) },
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "*.wasm"],
    write: false,
    logLevel: "error",
  });
  const module = { type: "ESModule", path: "/index.js", contents: outputFiles[0].text };
  if (!wasm) return [module];
  return [module, { type: "CompiledWasm", path: "/index_bg.wasm", contents: await readFile(project(wasm)) }];
}

/**
 * The Workers of a runtime: the gateway with the bindings of its `config`, and its upstream.
 * @param {any} options
 */
async function workersOf({ config, compatibilityFlags, vars = {}, batchTimeoutS, isUpstreamBound = true, ...code }) {
  /** @type {{ workerOptions: any }} */
  const { workerOptions } = config ? optionsOf(project(config)) : { workerOptions: {} };
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
    ...(compatibilityFlags && { compatibilityFlags }),
    name: "gateway",
    modules: await modulesOf(code),
    bindings: { ...options.bindings, ...vars },
    queueConsumers: Object.fromEntries(consumers),
    serviceBindings: isUpstreamBound ? { UPSTREAM: "upstream" } : {},
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
  return [gateway, { ...common, name: "upstream", modules: await modulesOf({ source: UPSTREAM }) }];
}

/**
 * Starts a Worker with empty stores: `entry` or `source`, in a `wrapper` if one is given, with the bindings of `config`
 * (a `wrangler.toml`, or none), these variables, and the common upstream. `compatibilityFlags` go before the config's,
 * `migrations` is a folder, `flag` a document, and `inspectorPort` opens the runtime's inspector. `onLog` is called with
 * each line that is logged. Where `isUpstreamBound` is false, the gateway asks the `UPSTREAM_URL` of its variables.
 * @param {{ inspectorPort?: number, migrations?: string, flag?: object, onLog?: (message: string) => void,
 *   [more: string]: unknown }} options
 */
export async function start({ inspectorPort, migrations, flag, onLog, ...options }) {
  const errors = [];
  const handleStructuredLogs = ({ level, message }) => {
    if (level === "error" && errors.length < 5) errors.push(message);
    onLog?.(message);
  };
  const workers = await workersOf(options);
  const runtime = new Miniflare(convertV4MiniflareOptions({ cf: false, inspectorPort, handleStructuredLogs, workers }));
  await runtime.ready;
  const gateway = new Gateway(runtime, await runtime.unsafeGetDirectURL("gateway"), errors);
  if (migrations) await gateway.migrate(migrations);
  if (flag) await gateway.putFlag(flag);
  return gateway;
}

class Gateway {
  /** `errors`: the first few that the Worker logs. */
  constructor(runtime, url, errors) {
    this.runtime = runtime;
    this.url = String(url);
    this.errors = errors;
  }

  async read(path, init) {
    const response = await fetch(new URL(path, this.url), init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  /** Wakes a metered Worker as cron does. */
  cron() {
    return this.read("/_meter/scheduled", { method: "POST" });
  }

  async migrate(folder) {
    const database = await this.runtime.getD1Database("DB", "gateway");
    const files = (await readdir(project(folder))).filter((file) => file.endsWith(".sql"));
    for (const file of files.sort()) {
      const statements = splitSql(await readFile(project(`${folder}/${file}`), "utf8"));
      for (const statement of statements) await database.prepare(statement).run();
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
