// The gateway with something of everything in its stores, for what a command asks of it:
//
//   node tests/fuzz/serve.mjs COMMAND…    runs it with GATEWAY_URL set, and ends as it does
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";

import { startWithEverything } from "../worker/everything.mjs";

const [command, ...args] = process.argv.slice(2);
assert.ok(command, "give a command");

/** Stands for a test's context: what is started ends with this process. */
const ends = [];
const { gateway } = await startWithEverything({ after: (end) => ends.unshift(end) });
const { url } = await gateway.server.listen();
const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, GATEWAY_URL: url.origin } });
const [code] = await once(child, "exit");
const exceptions = gateway.logged(/panicked|unreachable executed|Uncaught/);
if (exceptions.length) console.error(exceptions.slice(0, 20).join("\n"));
for (const end of ends) await end();
process.exit(code || (exceptions.length ? 1 : 0));
