// The gateway passes requests and answers untouched, and counts them.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as send } from "node:http";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { eventually, startGateway, startOnNetwork, startUpstream } from "./harness.mjs";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** What a WebSocket client sends is masked; the echo of a short text frame is not. */
function echoWebSocket(request, socket) {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`; // RFC 6455, 1.3
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Accept: ${createHash("sha1").update(key).digest("base64")}\r\n\r\n`,
  );
  socket.on("error", () => {});
  socket.on("data", (frame) => {
    if ((frame[0] & 0x0f) !== 1) return socket.end();
    const [length, mask] = [frame[1] & 0x7f, frame.subarray(2, 6)];
    const text = frame.subarray(6, 6 + length).map((byte, n) => byte ^ mask[n % 4]);
    socket.write(Buffer.concat([Buffer.from([0x81, length]), text]));
  });
}

/** Sends one text over a WebSocket; gives what comes back. */
async function overWebSocket(url, text) {
  const socket = new WebSocket(url);
  await once(socket, "open");
  socket.send(text);
  const [{ data }] = await once(socket, "message");
  socket.close();
  return data;
}

/** Sends a request with nothing added or decoded; gives the answer with its body's bytes. */
async function raw(url, options = {}, body) {
  const request = send(url, options);
  request.end(body);
  const [response] = await once(request, "response");
  const chunks = await response.toArray();
  const { statusCode: status, headers } = response;
  return { status, headers, body: Buffer.concat(chunks) };
}

test("an upstream on the network", { timeout: 60_000 }, async (t) => {
  const asked = [];
  let respond;
  const { url, server } = await startUpstream(t, (request, response) => {
    asked.push(request.url);
    respond(request, response);
  });
  server.on("upgrade", echoWebSocket);
  const gateway = await startOnNetwork(t, { UPSTREAM_URL: `${url}/` });

  const at = (path) => new URL(path, gateway);

  /** The events of a route, once there are any. */
  const eventsOf = (path) =>
    eventually(async () => {
      const { events } = await (await fetch(at("/_collector/v1/ids?store=old"))).json();
      const found = events.filter((event) => event.path === path);
      assert.ok(found.length > 0);
      return found;
    });

  await t.test("gets every method with its body, and the query as it was", async () => {
    respond = (request, response) => {
      response.setHeader("X-Asked", `${request.method} ${request.url}`);
      request.pipe(response);
    };
    const target = "/echo//twice/a%2Fb%20c?a=1&b=%20%2F+&a=2&empty=&bare&%FF";
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "PROPFIND"]) {
      const body = method === "GET" ? undefined : `the body of ${method}`;
      const headers = body ? { "Content-Length": body.length } : {};
      const answer = await raw(at("/"), { method, path: target, headers }, body);
      assert.deepEqual(
        [answer.status, answer.headers["x-asked"], answer.body.toString()],
        [200, `${method} ${target}`, body ?? ""],
      );
    }
    await eventually(async () => {
      const methods = (await eventsOf("/echo/twice/{id}")).map((event) => event.method);
      assert.deepEqual(methods.sort(), ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PROPFIND", "PURGE", "PUT"]);
    });
  });

  await t.test("answers HEAD with headers alone", async () => {
    respond = (_request, response) => response.writeHead(200, { "Content-Length": 1234, ETag: '"a"' }).end();
    const answer = await raw(at("/head"), { method: "HEAD" });
    assert.deepEqual([answer.status, answer.headers["content-length"], answer.headers.etag], [200, "1234", '"a"']);
    assert.equal(answer.body.length, 0);
    assert.equal((await eventsOf("/head"))[0].method, "HEAD");
  });

  await t.test("gets 5 MB whole, and gives them back", async () => {
    respond = (request, response) => request.pipe(response);
    const body = randomBytes(5_000_000);
    const response = await fetch(at("/large"), { method: "POST", body });
    assert.equal(sha256(Buffer.from(await response.arrayBuffer())), sha256(body));
  });

  await t.test("gets the beginning of a body before the client has sent its end", async () => {
    const arrived = new Promise((resolve) => {
      respond = (request, response) => {
        request.once("data", (chunk) => resolve(chunk.toString()));
        request.on("end", () => response.end("all there"));
      };
    });
    const request = send(at("/upload"), { method: "POST" });
    request.write("beginning");
    assert.equal(await arrived, "beginning");
    request.end("end");
    const [response] = await once(request, "response");
    assert.equal((await response.toArray()).join(""), "all there");
  });

  await t.test("streams: the client has the first chunk before the upstream sends the second", async () => {
    let finish;
    respond = (_request, response) => {
      response.write("first");
      finish = () => response.end("second");
    };
    // Not `fetch`: it asks for compression, which the local runtime then does, and that waits for more.
    const [response] = await once(send(at("/stream")).end(), "response");
    assert.equal((await once(response, "data")).toString(), "first");
    // Counted when the headers were there, while the body still streams.
    assert.equal((await eventsOf("/stream")).length, 1);
    finish();
    assert.equal((await response.toArray()).join(""), "second");
  });

  await t.test("breaks off: so does the answer", async () => {
    respond = (_request, response) => {
      response.writeHead(200, { "Content-Length": 100 });
      response.write("only this", () => response.destroy());
    };
    await assert.rejects(async () => (await fetch(at("/broken"))).text());
    assert.equal((await eventsOf("/broken"))[0].status, 200);
  });

  await t.test("redirects: the client is told, and nobody follows for it", async () => {
    respond = (_request, response) => response.writeHead(302, { Location: "https://example.com/elsewhere?x=1" }).end();
    const answer = await raw(at("/redirect"));
    assert.deepEqual([answer.status, answer.headers.location], [302, "https://example.com/elsewhere?x=1"]);
    assert.equal((await eventsOf("/redirect"))[0].status, 302);
  });

  await t.test("sets headers and cookies: they arrive one by one, and a compressed body as it was", async () => {
    const body = gzipSync("compressed");
    respond = (_request, response) =>
      response
        .writeHead(203, [
          ...["Set-Cookie", "a=1; Path=/; HttpOnly", "Set-Cookie", "b=2, with a comma"],
          ...["Content-Type", "text/plain", "Content-Encoding", "gzip", "Cache-Control", "private", "X-Own", "kept"],
        ])
        .end(body);
    const answer = await raw(at("/headers"), { headers: { "Accept-Encoding": "gzip" } });
    assert.equal(answer.status, 203);
    assert.deepEqual(answer.headers["set-cookie"], ["a=1; Path=/; HttpOnly", "b=2, with a comma"]);
    const { "content-encoding": encoding, "cache-control": cache, "x-own": own } = answer.headers;
    assert.deepEqual([encoding, cache, own], ["gzip", "private", "kept"]);
    assert.deepEqual(answer.body, body);
    assert.ok(!/collector/i.test(JSON.stringify(answer.headers)), "no header of ours");
  });

  await t.test("gives answers without a body", async () => {
    for (const status of [204, 304]) {
      respond = (_request, response) => response.writeHead(status).end();
      const answer = await raw(at(`/empty/with-${status}`));
      assert.deepEqual([answer.status, answer.body.length], [status, 0]);
    }
  });

  await t.test("has no such page: its own 404 arrives, and counts as unmatched", async () => {
    respond = (_request, response) => response.writeHead(404).end("the upstream's own page");
    const answer = await raw(at("/wp-login.php"));
    assert.deepEqual([answer.status, answer.body.toString()], [404, "the upstream's own page"]);
    assert.equal((await eventsOf("(unmatched)"))[0].status, 404);
  });

  await t.test("has an error: it arrives as it is", async () => {
    respond = (_request, response) => response.writeHead(503, { "Retry-After": "7" }).end("busy");
    const answer = await raw(at("/busy"));
    assert.deepEqual([answer.status, answer.headers["retry-after"], answer.body.toString()], [503, "7", "busy"]);
    assert.equal((await eventsOf("/busy"))[0].status, 503);
  });

  await t.test("upgrades to WebSocket: messages go both ways", async () => {
    const url = at("/socket");
    url.protocol = "ws:";
    assert.equal(await overWebSocket(url, "hello"), "hello");
    assert.equal((await eventsOf("/socket"))[0].status, 101);
  });

  await t.test("never sees the reserved prefix, but all that only looks like it", async () => {
    respond = (_request, response) => response.end("upstream");
    asked.length = 0;
    for (const path of ["/_collector", "/_collector/", "/_collector/v1/flag", "/_collector/other?x=1"]) {
      const response = await fetch(at(path), { method: "GET" });
      assert.notEqual(await response.text(), "upstream", path);
    }
    assert.deepEqual(asked, []);
    assert.equal(await (await fetch(at("/_collectors"))).text(), "upstream");
    assert.equal(await (await fetch(at("/api/_collector/v1"))).text(), "upstream");
    assert.deepEqual(asked, ["/_collectors", "/api/_collector/v1"]);
  });
});

test("an upstream that can't be reached gives a clear 502, which counts", { timeout: 60_000 }, async (t) => {
  const { url, server } = await startUpstream(t);
  server.close();
  const gateway = await startOnNetwork(t, { UPSTREAM_URL: url });
  const response = await fetch(new URL("/api/test", gateway), { method: "POST", body: "lost" });
  assert.equal(response.status, 502);
  assert.match(await response.text(), /^502 Bad Gateway: the upstream of this gateway gave no answer/);
  await eventually(async () => {
    const { events } = await (await fetch(new URL("/_collector/v1/ids?store=old", gateway))).json();
    assert.deepEqual(events.map(({ path, status, method }) => [path, status, method]), [["/api/test", 502, "POST"]]);
  });
});

test("a bound service goes before UPSTREAM_URL, and is passed everything", { timeout: 60_000 }, async (t) => {
  const gateway = await startGateway(t, {
    boundUpstream: "tests/worker/bound_upstream.mjs",
    upstream: (_request, response) => response.end("from the URL"),
  });
  const text = async (path, init) => (await gateway.request(path, init)).text();
  assert.equal(await text("/api/test?a=1&a=2"), "bound GET /api/test?a=1&a=2\n");
  assert.equal(await text("/api/test", { method: "DELETE" }), "bound DELETE /api/test\n");

  const redirect = await gateway.request("/redirect");
  assert.deepEqual([redirect.status, redirect.headers.get("Location")], [302, "/elsewhere"]);

  const { url } = await gateway.server.listen();
  assert.equal(await overWebSocket(new URL("/socket", `ws://${url.host}`), "hello"), "hello");

  await gateway.fault({ UPSTREAM: "fails" });
  const failed = await gateway.request("/api/test");
  assert.equal(failed.status, 502);
  assert.match(await failed.text(), /^502 Bad Gateway/);

  const { total } = await gateway.delivered({ old: 5 });
  assert.deepEqual(total.status, { "1xx": 1, "2xx": 2, "3xx": 1, "4xx": 0, "5xx": 1 });
});
