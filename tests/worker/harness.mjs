// Starts the built Worker in the real runtime, with its own stores and an upstream of its own.
//
// Every test starts its own gateway (about a second), so that none sees another's events, flag or logs. `wrangler.toml`
// is used as it is, but for what a test must have otherwise.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import {
  createTestHarness,
  experimental_readRawConfig as readRawConfig,
  unstable_startWorker as startWorker,
} from "wrangler";

// The runtime would ask Cloudflare for an example of `request.cf`, which nothing here looks at.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Noon (UTC) of the day on which the tests began, in ms: a test that begins there meets no edge of a day. */
export const NOON = Math.floor(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2;

/** Settings unless a test says otherwise: each request reads the flag, and a busy machine is no failure. */
const SETTINGS = { LOCAL_DEVELOPMENT: "true", FLAG_TTL_MS: "0", SEND_DEADLINE_MS: "12000" };

const project = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * Writes `wrangler.toml` with another entry point and these settings into a folder of its own; gives the folder. An
 * empty one beside it stands for a dashboard that was not built, unless `files` are to be had.
 */
async function configure(t, main, vars, files, changes = {}) {
  const { rawConfig } = readRawConfig({ config: project("wrangler.toml") });
  const consumers = rawConfig.queues.consumers.map((consumer) => ({ ...consumer, max_batch_timeout: 1 }));
  const config = {
    ...rawConfig,
    main: project(main),
    build: undefined,
    env: undefined,
    vars: { ...rawConfig.vars, ...SETTINGS, ...vars },
    queues: { ...rawConfig.queues, consumers },
    assets: { ...rawConfig.assets, directory: files ? project(files) : "files" },
    d1_databases: rawConfig.d1_databases.map((database) => ({
      ...database,
      migrations_dir: project(database.migrations_dir),
    })),
    ...changes,
  };
  const folder = await mkdtemp(join(tmpdir(), "path-collector-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "files"));
  await writeFile(join(folder, "wrangler.json"), JSON.stringify(config));
  return folder;
}

const echo = (request, response) => response.end(`${request.method} ${request.url}\n`);

/** Answers every request with `respond(request, response)`; ends with the test. */
export async function startUpstream(t, respond = echo) {
  const server = createServer(respond);
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}`, server };
}

/** The outcome of `check` once it no longer throws; what it throws last if it still does after `deadlineMs`. */
export async function eventually(check, deadlineMs = 40_000) {
  const end = Date.now() + deadlineMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await pause(50);
    }
  }
}

/**
 * Starts the Worker with faulty bindings and these settings; ends with the test. What it asks of `UPSTREAM_URL` goes
 * through this process's `fetch`, which follows redirects and knows no upgrades: see `startOnNetwork`. With
 * `boundUpstream`, a service binding to that module goes before. `files` is the folder of the dashboard's files;
 * `config` replaces parts of `wrangler.toml`. `caller` is a module that calls the gateway as its service `GATEWAY`.
 * `reporter` is a module that reports its requests to `PATH_COLLECTOR`, unless it is `unbound`.
 */
export async function startGateway(t, options = {}) {
  const { vars = {}, secrets = {}, config = {}, upstream, boundUpstream, files = "dashboard/dist" } = options;
  const { caller, reporter, unbound = false } = options;
  const { url: UPSTREAM_URL } = await startUpstream(t, upstream);
  const root = await configure(t, "tests/worker/faulty.mjs", { UPSTREAM_URL, ...vars }, files, config);
  const bindingOverrides = boundUpstream && { UPSTREAM: "upstream" };
  /** @type {Parameters<typeof createTestHarness>[0]["workers"]} */
  const workers = [{ configPath: "wrangler.json", secrets, bindingOverrides }];
  if (boundUpstream) {
    workers.push({
      config: { name: "upstream", main: project(boundUpstream), compatibility_date: "2026-10-01" },
    });
  }
  const service = () => readRawConfig({ config: project("wrangler.toml") }).rawConfig.name;
  const other = async (name, main, services) => {
    const config = { name, main: project(main), compatibility_date: "2026-10-01", services };
    await writeFile(join(root, `${name}.json`), JSON.stringify(config));
    workers.push({ configPath: `${name}.json` });
  };
  if (caller) await other("caller", caller, [{ binding: "GATEWAY", service: service() }]);
  if (reporter) {
    const binding = { binding: "PATH_COLLECTOR", service: service(), entrypoint: "Ingest" };
    await other("reporter", reporter, unbound ? [] : [binding]);
  }
  const server = createTestHarness({ root, workers });
  t.after(() => server.close());
  await server.listen();
  await server.getWorker().applyD1Migrations("DB");
  return new Gateway(server);
}

/** Starts the Worker as it was built, with the network as its upstream; gives its URL. It has no tables in D1. */
export async function startOnNetwork(t, vars) {
  const folder = await configure(t, "src/entrypoints.mjs", vars, "dashboard/dist");
  const server = { hostname: "127.0.0.1", port: 0 };
  const dev = { server, inspector: false, persist: false, watch: false, logLevel: "none" };
  const worker = await startWorker({ config: join(folder, "wrangler.json"), dev });
  t.after(() => worker.dispose());
  return await worker.url;
}

class Gateway {
  #flagVersion = 0;

  constructor(server) {
    this.server = server;
    this.worker = server.getWorker();
  }

  /** The platform's bindings, without faults. */
  env() {
    return this.worker.getEnv();
  }

  /**
   * Sends a request as a client would: `ip` and `ray` as the platform's edge gives them.
   * @param {string} path
   * @param {Omit<RequestInit, "headers"> & { duplex?: "half", ip?: string, ray?: string, headers?: Record<string, string> }} [options]
   */
  async request(path, { ip, ray, headers = {}, ...init } = {}) {
    const { url } = await this.server.listen();
    const edge = { ...(ip && { "CF-Connecting-IP": ip }), ...(ray && { "CF-Ray": ray }) };
    return fetch(new URL(path, url), { redirect: "manual", ...init, headers: { ...edge, ...headers } });
  }

  /** Sends `count` requests that differ in address and ray, all at once; their answers must be the upstream's. */
  async requests(path, count, prefix = "ray") {
    const numbers = Array.from({ length: count }, (_, n) => n + 1);
    await Promise.all(
      numbers.map(async (n) => {
        const response = await this.request(path, { ip: `203.0.113.${n}`, ray: `${prefix}-${n}` });
        assert.deepEqual([response.status, await response.text()], [200, `GET ${path}\n`]);
      }),
    );
  }

  /** Puts a flag document with the next version in force. */
  async putFlag(fields) {
    this.#flagVersion += 1;
    await this.putFlagText(JSON.stringify({ schema: 1, version: this.#flagVersion, ...fields }));
  }

  async putFlagText(text) {
    await (await this.env()).FLAGS.put("collector", text);
  }

  /** Sets the faults of bindings, all at once; see faulty.mjs. */
  async fault(faults) {
    const response = await this.request("/_test/faults", { method: "PUT", body: JSON.stringify(faults) });
    assert.equal(response.status, 204);
  }

  /** Makes it this time (ms) for the Worker, from now on. */
  setClock(ms) {
    return this.#clock({ offsetMs: ms - Date.now() });
  }

  /** Makes it this time (ms) for the Worker, and keeps it so: what it says twice differs by what happened, and not by time. */
  freezeClock(ms = Date.now()) {
    return this.#clock({ frozenMs: ms });
  }

  async #clock(clock) {
    const body = JSON.stringify(clock);
    const response = await this.request("/_test/clock", { method: "PUT", body });
    assert.equal(response.status, 204);
  }

  /**
   * Puts a model of the queues in the place of the runtime's and freezes the clock at `now` (ms); see broker.mjs.
   * `retentionMs` is that of the queues.
   * @param {number} now
   * @param {{ retentionMs?: number }} [options]
   */
  startBroker(now, { retentionMs } = {}) {
    return this.#broker("PUT", { now, retentionMs });
  }

  /** Delivers what is due until a time (ms), which is now from then on; gives what happened so far. */
  deliverUntil(until) {
    return this.#broker("POST", { until });
  }

  /** What happened in the model of the queues so far; `send` is a message to send before. */
  broker(send) {
    return this.#broker("POST", { send });
  }

  async #broker(method, body) {
    const response = await this.request("/_test/broker", { method, body: JSON.stringify(body) });
    assert.equal(response.status, 200);
    return response.json();
  }

  /** Rings the object's alarm. */
  async alarm() {
    const stub = (await this.env()).PATH_COLLECTOR.getByName("default");
    assert.equal((await stub.fetch("https://collector/_test/alarm", { method: "POST" })).status, 204);
  }

  /** Reads a route of the API. */
  async read(route) {
    const response = await this.request(`/_collector/v1/${route}`);
    const body = await response.json();
    assert.equal(response.status, 200, JSON.stringify(body));
    return body;
  }

  /** All dead letters, whole, the newest first. */
  async letters() {
    const { letters } = await this.read("dead-letters?limit=200");
    return Promise.all(letters.map(({ id }) => this.letter(id)));
  }

  /** A dead letter, whole. */
  letter(id) {
    return this.read(`dead-letters/${encodeURIComponent(id)}`);
  }

  /**
   * Sends a request to a route of the API that isn't a plain read.
   * @param {string} method
   * @param {string} route
   * @param {unknown} [body]
   * @param {Record<string, string>} [headers] with `ip` for the client's address
   */
  async order(method, route, body, { ip, ...headers } = {}) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await this.request(`/_collector/${route}`, { method, body: text, ip, headers });
    const answer = await response.text();
    return { status: response.status, headers: response.headers, body: answer && JSON.parse(answer) };
  }

  /** Changes the flag from version `base`; must succeed. Gives the document. */
  async changeFlag(base, fields) {
    const document = { schema: 1, version: 0, updatedBy: "jo", reason: "test", ...fields };
    const { status, body } = await this.order("PUT", "v1/flag", document, { "If-Match": `"${base}"` });
    assert.equal(status, 200, JSON.stringify(body));
    return body.document;
  }

  /** Runs the scheduled work. */
  cron() {
    return this.worker.scheduled({ cron: "* * * * *" });
  }

  stats() {
    return this.read("stats");
  }

  /** The events of a store, `old` or `new`. */
  async ids(store) {
    return (await this.read(`ids?store=${store}`)).events;
  }

  /** Waits until the stores have taken in as many deliveries of events, repeats included; then gives the stats. */
  async delivered({ old = 0, new: fresh = 0 }) {
    await eventually(async () => {
      const health = await this.read("health");
      const taken = (states) => states.reduce((sum, state) => sum + state.events + state.absorbed, 0);
      assert.deepEqual([taken(health.stores.old), taken([health.stores.new])], [old, fresh], this.logs().join("\n"));
    });
    return this.stats();
  }

  /** What the Worker logged. */
  logs() {
    return this.server.getLogs().map(({ message }) => message);
  }

  /** Log lines that match. */
  logged(pattern) {
    return this.logs().filter((line) => pattern.test(line));
  }

  /** Waits until exactly `count` log lines match (they arrive a little late); gives the first group of each, sorted. */
  untilLogged(pattern, count, deadlineMs) {
    return eventually(() => {
      const lines = this.logged(pattern);
      assert.equal(lines.length, count, `${pattern}:\n${this.logs().join("\n")}`);
      return lines.map((line) => pattern.exec(line)[1]).sort();
    }, deadlineMs);
  }
}
