// Starts the built Worker without anything before it.
//
// Wrangler's servers put a proxy before a Worker, which keeps its own connection when a client hangs up: the Worker would
// not learn of it. So it is started as the benchmark starts it: its runtime has a socket of the Worker's own.
import { connect } from "node:net";

import { start } from "../../bench/runtime.mjs";
import { startUpstream } from "./harness.mjs";

/**
 * Starts the Worker with these settings; ends with the test. Its upstream is reached over the network.
 * @param {import("node:test").TestContext} t
 * @param {{ vars?: object, upstream?: import("node:http").RequestListener }} [options]
 */
export async function startDirect(t, { vars = {}, upstream } = {}) {
  const { url: UPSTREAM_URL, server } = await startUpstream(t, upstream);
  const logs = [];
  const gateway = await start({
    entry: "build/index.js",
    wasm: "build/index_bg.wasm",
    config: "wrangler.toml",
    migrations: "migrations",
    vars: { LOCAL_DEVELOPMENT: "true", UPSTREAM_URL, ...vars },
    isUpstreamBound: false,
    onLog: (message) => logs.push(message),
  });
  t.after(() => gateway.stop());
  return new DirectGateway(gateway, logs, server);
}

class DirectGateway {
  #gateway;

  constructor(gateway, logs, upstream) {
    this.#gateway = gateway;
    this.url = new URL(gateway.url);
    this.logs = logs;
    this.upstream = upstream;
  }

  putFlag(document) {
    return this.#gateway.putFlag({ schema: 1, version: 1, ...document });
  }

  fetch(path, init) {
    return fetch(new URL(path, this.url), init);
  }

  /** Reads a route of the API. */
  read(route) {
    return this.#gateway.read(`/_collector/v1/${route}`);
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
