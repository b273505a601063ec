// The load generator against a server of which all is known.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";

import { closedLoop } from "./closed_loop.mjs";
import { parseResponse } from "./connection.mjs";
import { openLoop } from "./open_loop.mjs";
import { PATHS, requestOf } from "./requests.mjs";

/** A server, which closes connections that were idle for `idleMs`. */
async function serve(t, respond, idleMs = 60_000) {
  const seen = [];
  const server = createServer({ keepAliveTimeout: idleMs, keepAliveTimeoutBuffer: 0 }, (request, response) => {
    const { "cf-connecting-ip": address, "cf-ray": ray } = request.headers;
    seen.push({ path: request.url, address, ray });
    respond(response, seen.length);
  });
  // Those too that had no request yet.
  server.setTimeout(idleMs);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, seen };
}

test("no two of a million requests have an ID's inputs in common, and each path has its share", () => {
  const rays = new Set();
  const paths = new Map(PATHS.map((path) => [path, 0]));
  for (let n = 0; n < 1_000_000; n += 1) {
    const { path, ray } = requestOf("run", n);
    rays.add(ray);
    paths.set(path, paths.get(path) + 1);
  }
  assert.equal(rays.size, 1_000_000);
  assert.deepEqual([PATHS.length, ...new Set(paths.values())], [100, 10_000]);
});

test("a closed loop sends as many as it is told, each once, and counts failures", async (t) => {
  const { url, seen } = await serve(t, (response, n) => {
    response.statusCode = n % 10 === 0 ? 503 : 200;
    response.end("ok");
  });
  const result = await closedLoop({ url, run: "r", connections: 7, requests: 100 });
  assert.deepEqual([result.sent, result.failed, seen.length], [100, 10, 100]);
  const expected = Array.from({ length: 100 }, (_, n) => requestOf("r", n));
  const byRay = (list) => list.sort((a, b) => (a.ray < b.ray ? -1 : 1));
  assert.deepEqual(byRay(seen), byRay(expected));
});

test("a closed loop fails where the gateway breaks off", async (t) => {
  const { url } = await serve(t, (response) => response.socket.destroy());
  await assert.rejects(closedLoop({ url, run: "r", connections: 2, requests: 10 }), /closed a connection|ECONNRESET/);
});

test("an open loop charges a stall to all that had to wait", async (t) => {
  // Everything that is due within the stall is answered at its end.
  let stalledUntil = 0;
  const { url, seen } = await serve(t, (response, n) => {
    if (n === 50) stalledUntil = performance.now() + 300;
    setTimeout(() => response.end("ok"), Math.max(0, stalledUntil - performance.now()));
  });
  const { sent, failed, latency } = await openLoop({ url, run: "r", perSecond: 200, seconds: 2 });
  assert.deepEqual([sent, failed, seen.length], [400, 0, 400]);
  // 60 requests of 400 were due in those 300 ms: a tenth waited for over 100 ms, however busy the machine.
  assert.ok(latency.p90 >= 90, JSON.stringify(latency));
  assert.ok(latency.max >= 295, JSON.stringify(latency));
});

test("an open loop doesn't send on connections that the gateway has closed for being idle", async (t) => {
  // The first connections are idle until a stall near the end needs them.
  let stalledUntil = 0;
  const { url, seen } = await serve(t, (response, n) => {
    if (n === 180) stalledUntil = performance.now() + 300;
    setTimeout(() => response.end("ok"), Math.max(0, stalledUntil - performance.now()));
  }, 3_500);
  const { sent, failed } = await openLoop({ url, run: "r", perSecond: 40, seconds: 5 });
  assert.deepEqual([sent, failed, seen.length], [200, 0, 200]);
});

test("a response is complete by its length or its last chunk", () => {
  const response = (text) => parseResponse(text.replaceAll("\n", "\r\n"));
  assert.deepEqual(response("HTTP/1.1 200 OK\nContent-Length: 3\n\nok."), { status: 200, end: 41 });
  assert.equal(response("HTTP/1.1 200 OK\nContent-Length: 3\n\nok"), null);
  assert.equal(response("HTTP/1.1 200 OK\nContent-Le"), null);
  const chunked = "HTTP/1.1 502 Bad\nTransfer-Encoding: chunked\n\n3\nok.\n0\n\n";
  assert.equal(response(chunked).status, 502);
  assert.equal(response(chunked.slice(0, -2)), null);
  assert.throws(() => response("HTTP/1.1 200 OK\n\n"), /without length/);
});
