// Limits of the administrative routes: wrong tokens, too many changes, too long bodies.
import assert from "node:assert/strict";
import { request as sendRequest } from "node:http";
import { describe, test } from "node:test";

import { startGateway } from "./harness.mjs";

const STOP = { updatedBy: "op", reason: "test" };
const CLOSED = { vars: { LOCAL_DEVELOPMENT: "false" }, secrets: { READ_TOKEN: "reader", ADMIN_TOKEN: "admin" } };

describe("limits", { concurrency: 3, timeout: 120_000 }, () => {
  test("ten wrong tokens from a shared address throttle wrong ones alone: the right one reads, changes and stops", async (t) => {
    const gateway = await startGateway(t, CLOSED);
    const read = async (ip, token) =>
      gateway.request("/_collector/v1/flag", { ip, headers: token ? { Authorization: `Bearer ${token}` } : {} });
    const stop = (ip, token) => gateway.order("POST", "v1/flag/stop", STOP, { ip, Authorization: `Bearer ${token}` });
    const statuses = [];
    // Without a token nothing is guessed.
    for (let n = 0; n < 12; n += 1) statuses.push((await read("192.0.2.1")).status);
    for (let n = 0; n < 11; n += 1) statuses.push((await read("192.0.2.1", `guess-${n}`)).status);
    assert.deepEqual(statuses, [...Array(22).fill(401), 429]);
    const throttled = await read("192.0.2.1", "one more");
    assert.deepEqual([throttled.status, throttled.headers.get("Retry-After")], [429, "60"]);
    assert.equal(throttled.headers.get("Content-Type"), "application/problem+json");
    assert.equal((await read("192.0.2.2", "guess")).status, 401, "another client");
    for (const token of ["reader", "admin"]) assert.equal((await read("192.0.2.1", token)).status, 200, token);
    assert.equal((await read("192.0.2.1")).status, 401, "who gives no token is asked for one");
    const change = { "If-Match": '"7"', ip: "192.0.2.1", Authorization: "Bearer admin" };
    const document = { schema: 1, version: 0, ...STOP };
    assert.equal((await gateway.order("PUT", "v1/flag", document, change)).status, 409, "judged by its version");
    for (let n = 0; n < 11; n += 1) {
      assert.equal((await stop("192.0.2.1", `guess-${n}`)).status, n < 10 ? 401 : 429);
    }
    assert.equal((await stop("192.0.2.1", "admin")).status, 200);
    assert.deepEqual(gateway.logged(/192\.0\.2/), []);
  });

  test("sixty administrative requests a minute are served, and reading goes on", async (t) => {
    const gateway = await startGateway(t);
    const rollback = (ip) => gateway.order("POST", "v1/flag/rollback", { version: 9, ...STOP }, { ip });
    const statuses = [];
    for (let n = 0; n < 62; n += 1) statuses.push((await rollback("192.0.2.1")).status);
    assert.deepEqual(statuses, [...Array(60).fill(404), 429, 429]);
    assert.equal((await rollback("192.0.2.2")).status, 404);
    assert.equal((await gateway.request("/_collector/v1/flag", { ip: "192.0.2.1" })).status, 200);
    assert.equal((await gateway.order("POST", "v1/flag/stop", STOP, { ip: "192.0.2.1" })).status, 200);
    assert.equal((await gateway.read("health")).isolate.changes_limited, 2);
  });

  test("a body that is too long is refused by what it says, and read no further than the limit", async (t) => {
    const gateway = await startGateway(t);
    const said = await gateway.order("POST", "v1/flag/preview", "x".repeat(128_001));
    assert.deepEqual([said.status, said.body.detail], [413, "the body exceeds the limit of 128000 bytes"]);
    // This one never ends: who waits for all of it, waits for ever.
    assert.equal((await unended(gateway, "/_collector/v1/flag/preview", 13 * 10_000)).statusCode, 413);
    const chunked = JSON.stringify({ schema: 1, version: 0, salt: "é" });
    const pieces = new Blob([chunked.slice(0, 30), chunked.slice(30)]).stream();
    const whole = await gateway.request("/_collector/v1/flag/preview", { method: "POST", body: pieces, duplex: "half" });
    assert.deepEqual([whole.status, (await whole.json()).differences.map(({ after }) => after)], [200, ["é"]]);
    const odd = await gateway.request("/_collector/v1/flag/preview", { method: "POST", body: new Uint8Array([0xff]) });
    assert.deepEqual([odd.status, (await odd.json()).detail], [400, "the body is not UTF-8 text"]);
  });
});

/** The answer to a request whose body has so many bytes and no end. */
async function unended(gateway, path, bytes) {
  const { url } = await gateway.server.listen();
  return new Promise((resolve, reject) => {
    const request = sendRequest(new URL(path, url), { method: "POST" }, (response) => {
      resolve(response);
      request.destroy();
    });
    request.on("error", reject);
    request.write(Buffer.alloc(bytes));
  });
}
