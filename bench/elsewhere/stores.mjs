// Stands in for queue, consumer and object in a process of its own, where only the gateway's own latency is measured: on
// the platform they run on other machines, in the gateway's process they would hold up its only thread. Keeps what
// it is sent, and counts it when asked.
import { fork } from "node:child_process";
import { createServer } from "node:http";
import { constants, setPriority } from "node:os";
import { fileURLToPath } from "node:url";

/** A body is one event of the plan's design, or our message of many. */
const eventsIn = (text) => JSON.parse(text).events?.length ?? 1;

function serve() {
  const bodies = [];
  const copies = () => bodies.reduce((sum, body) => sum + eventsIn(body.toString()), 0);
  const server = createServer(async (request, response) => {
    const { method, url } = request;
    const body = Buffer.concat(await request.toArray());
    // What isolates tell of themselves, to other paths, is no event. Counted when asked: now it would take the processor
    // from what is measured.
    if (method === "POST" && ["/record", "/queue"].includes(url)) bodies.push(body);
    if (url.startsWith("/address-key")) response.end(new Uint8Array(32));
    else response.end(url === "/copies" ? String(copies()) : "{}");
  });
  server.listen(0, "127.0.0.1", () => process.send(`127.0.0.1:${server.address().port}`));
}

/** Starts them; gives their address, how many copies of events came so far, and how to stop them. */
export async function startStores() {
  const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, NODE_OPTIONS: "" } });
  // On one machine they must not take the processor from what is measured.
  setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  const address = await new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`the stores elsewhere ended with ${code}`)));
  });
  const copies = async () => Number(await (await fetch(`http://${address}/copies`)).text());
  return { address, copies, stop: () => child.kill() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve();
