// How fast the load generator is by itself: against a server that does nothing. It must not be what is measured.
import { createServer } from "node:net";
import { Worker, isMainThread, parentPort } from "node:worker_threads";
import { fileURLToPath } from "node:url";

import { load } from "./load.mjs";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

if (!isMainThread) {
  const server = createServer((socket) => {
    socket.setNoDelay(true).on("data", () => socket.write(ANSWER));
    socket.on("error", () => {}); // the client's end is no concern
  });
  server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
}

/** Requests a second that the closed loop makes where nothing holds it up. */
export async function capacity({ connections, seconds }) {
  const server = new Worker(fileURLToPath(import.meta.url));
  const port = await new Promise((resolve, reject) => server.once("message", resolve).once("error", reject));
  try {
    const url = `http://127.0.0.1:${port}`;
    return (await load("closed", { url, run: "capacity", connections, warmUpS: 0.5, seconds })).perSecond;
  } finally {
    await server.terminate();
  }
}
