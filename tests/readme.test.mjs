// The README's commands, as they stand there: each shell block is run, or is on the list of those that CI runs itself.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cp, mkdtemp, readFile, readdir, rm, symlink } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

const root = new URL("..", import.meta.url).pathname;
const execute = promisify(execFile);
/** CI runs these as its own steps. */
const RUN_BY_CI = ["make demo", "make test"];
const MINUTES = 60_000;

const readme = await readFile(`${root}README.md`, "utf8");
const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) =>
  block.split("\n").map((line) => line.replace(/\s+#.*$/, "").trim()).filter(Boolean),
);
/** The ports that the README names, and those that are free here. */
const ports = { 8080: 0, 8787: 0 };
const here = (line) => line.replaceAll(/localhost:(8080|8787)/g, (_, port) => `localhost:${ports[port]}`);
const bash = (line) =>
  execute("bash", ["-euo", "pipefail", "-c", here(line)], {
    cwd: root,
    env: { ...process.env, PATHCTL_TARGET: `http://localhost:${ports[8787]}` },
    timeout: 10 * MINUTES,
    maxBuffer: 1e8,
  });

let upstream, gateway, checkout;

/** Listens on a free port; returns the server. */
const listen = (server) =>
  new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", () => resolve(server)));

/** A port that nothing listens on now. */
async function freePort() {
  const server = await listen(createServer());
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What was built and fetched: shared with the copy below. */
const SHARED = [".tools", "build", "node_modules", "target"];

/** A copy of this checkout without its local stores: a developer's own are neither read nor changed. */
async function withoutStores() {
  const folder = await mkdtemp(join(tmpdir(), "path-collector-readme-"));
  const entries = (await readdir(root)).filter((name) => ![".git", ".wrangler"].includes(name));
  await Promise.all(
    entries.map((name) => {
      const [from, to] = [join(root, name), join(folder, name)];
      return SHARED.includes(name) ? symlink(from, to) : cp(from, to, { recursive: true });
    }),
  );
  return folder;
}

/** Calls `attempt` until it succeeds, for at most `ms`. */
async function eventually(attempt, ms = 2 * MINUTES) {
  const deadline = Date.now() + ms;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

before(async () => {
  upstream = await listen(createServer((request, response) => response.end(request.url)));
  ports[8080] = upstream.address().port;
  ports[8787] = await freePort();
  checkout = await withoutStores();
  const run = blocks.flat().find((line) => line.startsWith("make run"));
  // The one option more is where to listen.
  const script = here(run).replace(/"$/, ` --port ${ports[8787]}"`);
  gateway = spawn("bash", ["-c", script], { cwd: checkout, detached: true, stdio: "ignore", env: { ...process.env, CI: "true" } });
  await eventually(async () => assert.equal((await fetch(here("http://localhost:8787/hello"))).status, 200), 5 * MINUTES);
});

after(async () => {
  upstream?.close();
  // The whole group: make, Wrangler and the runtime.
  if (gateway) process.kill(-gateway.pid, "SIGKILL");
  if (checkout) await rm(checkout, { recursive: true, force: true });
});

test("every command is run here or by CI", () => {
  const known = /^(make run |curl |cargo run --quiet -p pathctl -- |cargo xtask )/;
  const others = blocks.flat().filter((line) => !known.test(line) && !RUN_BY_CI.includes(line));
  assert.deepEqual(others, []);
  assert.ok(blocks.length >= 4);
});

const flagHere = async () => (await fetch(here("http://localhost:8787/_collector/v1/flag"))).json();
/** The line with the name of the stop that holds, as a reader would write it. */
const withStop = async (line) =>
  / flag release |flag\/release /.test(line) ? line.replace(/stop-[0-9a-f]{8}/, (await flagHere()).stop.id) : line;

test("the flag is changed, obeyed, rolled back, stopped and released", async () => {
  const run = async (line) => JSON.parse((await bash(line.replace("curl", "curl --silent --fail-with-body"))).stdout);
  const [changes, steps, latch] = blocks.filter((lines) => lines[0].startsWith("curl"));
  const [put, flag, stats] = changes;
  assert.equal((await run(put)).document.version, 1);
  await eventually(async () => assert.equal((await run(flag)).samplePpm, 1_000_000));
  assert.equal(typeof (await run(stats)).total.requests, "number");
  const [history, rollback] = steps;
  assert.equal((await run(history)).history.length, 1);
  assert.equal((await run(rollback)).document.version, 2);
  const [stop, release] = latch;
  const { id } = (await run(stop)).stop;
  await eventually(async () => assert.equal((await run(flag)).stop?.id, id));
  await run(await withStop(release));
  await eventually(async () => assert.deepEqual([(await run(flag)).stop, (await run(flag)).samplePpm], [null, 1_000_000]));
  assert.deepEqual([changes, steps, latch].map((lines) => lines.length), [3, 2, 2]);
});

test("pathctl's commands and the developers' tasks work", async () => {
  const lines = blocks.flat().filter((line) => /^cargo (run|xtask) /.test(line));
  const outputs = [];
  for (const line of lines) {
    outputs.push((await bash(await withStop(line))).stdout);
    // The gateway that is asked for the stop's name reads its copies by and by.
    if (line.includes(" flag stop")) await eventually(async () => assert.ok((await flagHere()).stop));
  }
  assert.match(outputs[0], /"idempotentId":\s*"1730956800000-[0-9a-f]{8}"/);
  assert.match(outputs.join(""), /stopped: gateways take the old path alone until .*pathctl flag release stop-[0-9a-f]{8}/);
  assert.match(outputs.join(""), /stop-[0-9a-f]{8} is released: gateways obey the flag/);
  assert.match(outputs.join(""), /each counted once/);
  assert.match(outputs.join(""), /USD a month/);
  assert.equal(lines.length, 9);
});
