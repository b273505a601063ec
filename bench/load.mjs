// The load generator, in a process of its own: `node bench/load.mjs '{"loop":"closed", …}'` prints what came of it.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

import { closedLoop } from "./closed_loop.mjs";
import { openLoop } from "./open_loop.mjs";

const LOOPS = { closed: closedLoop, open: openLoop };

/** Runs a loop in a process of its own. */
export function load(loop, options) {
  const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, NODE_OPTIONS: "" } });
  return new Promise((resolve, reject) => {
    child.once("message", ({ result, error }) => (error ? reject(new Error(`load: ${error}`)) : resolve(result)));
    child.once("exit", (code) => code && reject(new Error(`the load generator ended with ${code}`)));
    child.send({ loop, options });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once("message", async ({ loop, options }) => {
    const answer = await LOOPS[loop](options).then((result) => ({ result }), (error) => ({ error: String(error) }));
    process.send(answer, () => process.exit(0));
  });
}
