// The load generator against a server of which all is known.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";

import { closedLoop, load, openLoop } from "./load.mjs";
import { distinct, digestOf, PATHS, requestOf } from "./requests.mjs";

/** A server; `seen` are the requests that came to it. */
async function serve(t, respond) {
  const seen = [];
  const server = createServer((request, response) => {
    const { "cf-connecting-ip": address, "cf-ray": ray } = request.headers;
    seen.push({ path: request.url, address, ray });
    respond(response, seen.length);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}`, seen };
}

// The gateway's own IDs, of `printf '10.0.0.0:/v1/orders/list:r-0' | sha256sum`.
test("the plan's IDs are those that its gateway makes, and a run leaves out requests with that of another", () => {
  assert.equal(digestOf(requestOf("r", 0)).slice(0, 8), "16d65dfc");
  const ids = ["a", "b", "a", "c", "b", "d"];
  const rays = distinct("r", ({ ray }) => ids[Number(ray.split("-")[1])]).map(({ ray }) => ray);
  assert.deepEqual([...rays.take(4)], ["r-0", "r-1", "r-3", "r-5"]);
  assert.equal(new Set(PATHS.map((_, n) => requestOf("r", n).path)).size, 100, "each path in turn");
});

test("a closed loop sends as many as it is told, each once, and counts failures", async (t) => {
  const { url, seen } = await serve(t, (response, n) => {
    if (n % 20 === 0) return response.socket.destroy();
    response.statusCode = n % 20 === 10 ? 503 : 200;
    response.end("ok");
  });
  const result = await closedLoop({ url, run: "r", connections: 7, requests: 100 });
  assert.deepEqual([result.sent, result.failed, seen.length], [100, 10, 100]);
  const expected = Array.from({ length: 100 }, (_, n) => requestOf("r", n));
  const byRay = (list) => list.sort((a, b) => (a.ray < b.ray ? -1 : 1));
  assert.deepEqual(byRay(seen), byRay(expected));
});

test("an open loop charges a stall to all that had to wait", async (t) => {
  // Everything that is due within the stall is answered at its end.
  let stalledUntil = 0;
  const { url, seen } = await serve(t, (response, n) => {
    if (n === 50) stalledUntil = performance.now() + 600;
    setTimeout(() => response.end("ok"), Math.max(0, stalledUntil - performance.now()));
  });
  const { sent, failed, latency } = await openLoop({ url, run: "r", perSecond: 200, seconds: 1 });
  assert.deepEqual([sent, failed, seen.length], [200, 0, 200]);
  // 120 requests of 200 were due in those 600 ms: half waited for 100 ms and more, however busy the machine.
  assert.ok(latency.p50 >= 90 && latency.p99 >= 580, JSON.stringify(latency));
});

test("in a process of its own a loop gives the same, and what is wrong with it", async (t) => {
  const { url, seen } = await serve(t, (response) => response.end("ok"));
  const { sent, failed } = await load("closed", { url, run: "r", connections: 2, requests: 10 });
  assert.deepEqual([sent, failed, seen.length], [10, 0, 10]);
  await assert.rejects(load("closed", { url: "nowhere", run: "r", connections: 2, requests: 10 }), /load: .*URL/i);
});
