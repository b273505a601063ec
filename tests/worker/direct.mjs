// Starts the built Worker without anything before it.
//
// Wrangler's servers put a proxy before a Worker, which keeps its own connection when a client hangs up: the Worker would
// not learn of it. So its runtime is started with the bindings of `wrangler.toml` and a socket of the Worker's own.
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { build } from "esbuild";
import { unstable_getMiniflareWorkerOptions as optionsOf, unstable_splitSqlQuery as splitSql } from "wrangler";

import { startUpstream } from "./harness.mjs";

// The one that Wrangler brings: it is no dependency of ours.
const beside = createRequire(createRequire(import.meta.url).resolve("wrangler"));
const { Miniflare, convertV4MiniflareOptions } = await import(pathToFileURL(beside.resolve("miniflare")).href);

const project = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The built Worker as modules, as Wrangler bundles it. */
async function modules() {
  const { outputFiles } = await build({
    entryPoints: [project("build/index.js")],
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "*.wasm"],
    write: false,
    outdir: "/",
    logLevel: "error",
  });
  return [
    { type: "ESModule", path: "/index.js", contents: outputFiles[0].text },
    { type: "CompiledWasm", path: "/index_bg.wasm", contents: await readFile(project("build/index_bg.wasm")) },
  ];
}

/**
 * Starts the Worker with these settings; ends with the test. Its upstream is reached over the network.
 * @param {import("node:test").TestContext} t
 * @param {{ vars?: object, upstream?: import("node:http").RequestListener }} [options]
 */
export async function startDirect(t, { vars = {}, upstream } = {}) {
  const { url: UPSTREAM_URL, server } = await startUpstream(t, upstream);
  const { modulesRules, assets, ...options } = optionsOf(project("wrangler.toml")).workerOptions;
  const bindings = { .../** @type {object} */ (options.bindings), LOCAL_DEVELOPMENT: "true", UPSTREAM_URL, ...vars };
  const own = { name: "gateway", modulesRoot: "/", modules: await modules(), bindings };
  const logs = [];
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      handleStructuredLogs: ({ message }) => logs.push(message),
      workers: [{ ...options, ...own, unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] }],
    }),
  );
  t.after(() => runtime.dispose());
  await runtime.ready;
  const database = await runtime.getD1Database("DB", "gateway");
  const files = (await readdir(project("migrations"))).filter((file) => file.endsWith(".sql"));
  for (const file of files.sort()) {
    const text = await readFile(join(project("migrations"), file), "utf8");
    for (const statement of splitSql(text)) await database.prepare(statement).run();
  }
  return new DirectGateway(runtime, await runtime.unsafeGetDirectURL("gateway"), logs, server);
}

class DirectGateway {
  constructor(runtime, url, logs, upstream) {
    this.runtime = runtime;
    this.url = url;
    this.logs = logs;
    this.upstream = upstream;
  }

  async putFlag(document) {
    const flags = await this.runtime.getKVNamespace("FLAGS", "gateway");
    await flags.put("collector", JSON.stringify({ schema: 1, version: 1, ...document }));
  }

  fetch(path, init) {
    return fetch(new URL(path, this.url), init);
  }

  /** Reads a route of the API. */
  async read(route) {
    const response = await this.fetch(`/_collector/v1/${route}`);
    if (!response.ok) throw new Error(`${route}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /**
   * Opens a connection of its own and sends a request; gives its socket. `resetAndDestroy()` hangs up: the runtime
   * takes no notice of an end of the stream (FIN) alone.
   */
  async send(path, headers = {}) {
    const socket = connect(Number(this.url.port), this.url.hostname);
    socket.on("error", () => {});
    await new Promise((resolve) => socket.once("connect", resolve));
    const lines = Object.entries({ Host: this.url.host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
    return socket;
  }
}
