// The README's commands, as they stand there: each shell block is run, or is on the list of those that CI runs itself.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync, renameSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
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
const bash = (script) => execute("bash", ["-euo", "pipefail", "-c", script], { cwd: root, timeout: 10 * MINUTES, maxBuffer: 1e8 });

const stores = `${root}.wrangler/state`;
const kept = `${root}.wrangler/state-kept`;
let upstream, gateway;

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
  // The commands use the local stores as they are; a developer's own are put aside meanwhile.
  if (existsSync(stores)) renameSync(stores, kept);
  upstream = createServer((request, response) => response.end(request.url));
  await new Promise((resolve, reject) => upstream.once("error", reject).listen(8080, "127.0.0.1", resolve));
  const run = blocks.flat().find((line) => line.startsWith("make run"));
  gateway = spawn("bash", ["-c", run], { cwd: root, detached: true, stdio: "ignore", env: { ...process.env, CI: "true" } });
  await eventually(async () => assert.equal((await fetch("http://localhost:8787/hello")).status, 200), 5 * MINUTES);
});

after(() => {
  upstream?.close();
  // The whole group: make, Wrangler and the runtime.
  if (gateway) process.kill(-gateway.pid, "SIGKILL");
  rmSync(stores, { recursive: true, force: true });
  if (existsSync(kept)) renameSync(kept, stores);
});

test("every command is run here or by CI", () => {
  const known = /^(make run |curl |cargo run --quiet -p pathctl -- )/;
  const others = blocks.flat().filter((line) => !known.test(line) && !RUN_BY_CI.includes(line));
  assert.deepEqual(others, []);
  assert.ok(blocks.length >= 4);
});

test("the flag is changed, obeyed, rolled back and stopped", async () => {
  const run = async (line) => JSON.parse((await bash(line.replace("curl", "curl --silent --fail-with-body"))).stdout);
  const [changes, steps] = blocks.filter((lines) => lines[0].startsWith("curl"));
  const [put, flag, stats] = changes;
  assert.equal((await run(put)).document.version, 1);
  await eventually(async () => assert.equal((await run(flag)).samplePpm, 1_000_000));
  assert.equal(typeof (await run(stats)).total.requests, "number");
  const [history, rollback, stop] = steps;
  assert.equal((await run(history)).history.length, 1);
  assert.equal((await run(rollback)).document.version, 2);
  assert.equal((await run(stop)).document.mode, "do-only");
  await eventually(async () => assert.equal((await run(flag)).mode, "do-only"));
});

test("pathctl's commands work", async () => {
  const lines = blocks.flat().filter((line) => line.startsWith("cargo run"));
  const outputs = [];
  for (const line of lines) outputs.push((await bash(line)).stdout);
  assert.match(outputs[0], /"idempotentId":\s*"1730956800000-[0-9a-f]{8}"/);
  assert.match(outputs.join(""), /do-only/);
  assert.match(outputs.join(""), /each counted once/);
  assert.match(outputs.join(""), /USD a month/);
  assert.equal(lines.length, 8);
});
