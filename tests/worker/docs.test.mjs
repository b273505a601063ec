// The commands of docs/, in their order: each is run as it stands there, or is one of pathctl's or xtask's own.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startGateway } from "./harness.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const bash = (line) => promisify(execFile)("bash", ["-euo", "pipefail", "-c", line], { cwd: root });

const commands = (text) =>
  [...text.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block]) => block.split("\n").filter(Boolean));

const HOUR_MS = 3_600_000;

/** Sends a request in an hour that is closed by now; gives the hour. Of one without events there is no report to read. */
async function hourWithTraffic(gateway) {
  const hour = Math.floor(Date.now() / HOUR_MS - 2) * HOUR_MS;
  await gateway.setClock(hour + HOUR_MS / 2);
  await gateway.requests("/items/7", 1);
  await gateway.delivered({ old: 1 });
  await gateway.setClock(Date.now());
  return hour;
}

test("every curl of every page succeeds", { timeout: 240_000 }, async (t) => {
  const pages = (await readdir(`${root}docs`)).filter((name) => name.endsWith(".md"));
  assert.ok(pages.includes("flag.md"));
  for (const page of pages) {
    const lines = commands(await readFile(`${root}docs/${page}`, "utf8"));
    assert.deepEqual(lines.filter((line) => !/^(curl|pathctl|cargo xtask) /.test(line)), [], page);
    const curls = lines.filter((line) => line.startsWith("curl "));
    if (curls.length === 0) continue;
    const gateway = await startGateway(t);
    const { host } = (await gateway.server.listen()).url;
    const hour = await hourWithTraffic(gateway);
    for (const [number, line] of curls.entries()) {
      // A change in a page starts from what the commands before it left.
      const { version, stop } = await gateway.read("flag");
      const named = line.replace(/stop-[0-9a-f]{8}/, stop?.id ?? "$&");
      const recent = named.replace(/hour:\d+/, `hour:${hour}`).replace("'If-Match: 0'", `'If-Match: ${version}'`);
      const run = recent.replace("curl", "curl --silent --fail-with-body").replace("localhost:8787", host);
      const { stdout } = await bash(run).catch((error) => assert.fail(`${page}, ${number}: ${line}\n${error.stdout}`));
      assert.doesNotThrow(() => JSON.parse(stdout), line);
    }
  }
});
