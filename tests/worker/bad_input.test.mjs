// Whatever is wrong with what comes in: a clear error that names the field, no loss of what is good beside it, nothing
// personal in a log, and never an error of ours to a client.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { request as send } from "node:http";
import { describe, test } from "node:test";

import { eventually, startGateway } from "./harness.mjs";

/** A valid event; `fields` replace its own. */
function event(request, fields = {}) {
  const now = Date.now();
  const digest = createHash("sha256").update(request).digest("hex").slice(0, 16);
  return {
    idempotentId: `${now - (now % 60_000)}-${digest.slice(0, 8)}`,
    digest,
    timestamp: now,
    path: "/api/test",
    method: "GET",
    status: 200,
    responseTime: 12,
    clientIpHash: "0123456789abcdef",
    cohort: "single",
    flagVersion: 1,
    producer: "fedcba9876543210",
    seq: 0,
    write: 0,
    ...fields,
  };
}

/** Log lines that hold any of these: the addresses that a test used. */
const linesWith = (gateway, texts) => gateway.logs().filter((line) => texts.some((text) => line.includes(text)));

describe("bad input", { concurrency: 3, timeout: 120_000 }, () => {
  test("messages that can't be read become dead letters, and the good events beside them are stored", async (t) => {
    const gateway = await startGateway(t);
    const { TRAFFIC_QUEUE } = await gateway.env();
    const message = (...events) => JSON.stringify({ v: 1, events });
    const missing = event("no status");
    delete missing.status;
    /** @type {[string, RegExp][]} */
    const bodies = [
      ["this is not JSON", /^queue message: /],
      [JSON.stringify({ events: [] }), /missing field `v`/],
      [message(event("good 1"), event("bad status", { status: "fine" }), event("good 2")), /^`status`: /],
      [message(event("good 3"), missing), /`status`/],
      [message(event("bad path", { path: "/x".repeat(200) })), /^`path`: /],
      [message(event("bad method", { method: "M".repeat(21) })), /^`method`: /],
      [message(event("absurd status", { status: 999 })), /^`status`: "999"/],
      [message(event("bad digest", { digest: "xyz" })), /^`digest`: /],
      [message(event("the hash of another", { digest: "0000000000000000" })), /^`idempotentId`: /],
      [message(event("bad ID", { idempotentId: "yesterday" })), /^`idempotentId`: /],
      [message(event("bad hash", { clientIpHash: "xyz" })), /^`clientIpHash`: /],
      [message(event("bad cohort", { cohort: "both" })), /^`cohort`: /],
      [message(event("far future", { timestamp: Date.now() + 3_600_000 })), /^`timestamp`: .*future/],
      [message(event("long ago", { timestamp: 1_600_000_000_000 })), /^`timestamp`: .*old/],
    ];
    // One of a newer format waits for a Worker that reads it, and is no letter yet.
    await TRAFFIC_QUEUE.send(JSON.stringify({ v: 2, events: [event("another version")] }), { contentType: "text" });
    for (const [body] of bodies) await TRAFFIC_QUEUE.send(body, { contentType: "text" });
    // What is text in another wrapping is read as such; what is none is kept as it came.
    await TRAFFIC_QUEUE.send({ v: 1, events: [event("as JSON")] }, { contentType: "json" });
    await TRAFFIC_QUEUE.send(new TextEncoder().encode(message(event("as bytes"))), { contentType: "bytes" });
    await TRAFFIC_QUEUE.send(new Uint8Array([0xff, 0xfe, 0x00]), { contentType: "bytes" });
    await TRAFFIC_QUEUE.send(message(event("good 4", { unknownField: "is ignored" })), { contentType: "text" });

    const { total } = await gateway.delivered({ new: 6 });
    assert.equal(total.requests, 6);
    const newest = await eventually(async () => {
      const letters = await gateway.letters();
      assert.equal(letters.length, bodies.length + 1);
      return letters;
    });
    const found = (reason) => newest.filter((letter) => reason.test(letter.reason));
    for (const [body, reason] of bodies) {
      const kept = found(reason).filter(({ payload }) => body.includes(payload));
      assert.equal(kept.length, 1, `${reason}: ${JSON.stringify(found(reason))}`);
      assert.equal(kept[0].source, "consumer");
    }
    assert.deepEqual(found(/^`body`: .*send the message as text/).map(({ payload }) => payload), ["fffe00"]);
    await gateway.untilLogged(/^Dead letter /, newest.length);
    await eventually(async () => {
      const { retried, acked, dead } = (await gateway.read("health")).consumer;
      assert.deepEqual([retried > 0, acked, dead], [true, bodies.length + 4, newest.length]);
    });
  });

  test("an address that a message has for a hash is in no log", async (t) => {
    const gateway = await startGateway(t);
    const events = [event("bad hash", { clientIpHash: "198.51.100.77" }), event("good")];
    await (await gateway.env()).TRAFFIC_QUEUE.send(JSON.stringify({ v: 1, events }), { contentType: "text" });
    assert.equal((await gateway.delivered({ new: 1 })).total.requests, 1);
    await gateway.untilLogged(/^Dead letter .*`clientIpHash`/, 1);
    assert.deepEqual(linesWith(gateway, ["198.51.100."]), []);
  });

  test("absurd paths reach the upstream as they are, and have a short route", async (t) => {
    // A bound one: on its way to UPSTREAM_URL the harness puts the URL into a header, which limits its length.
    const gateway = await startGateway(t, { boundUpstream: "tests/worker/bound_upstream.mjs" });
    const { url } = await gateway.server.listen();
    const paths = [
      "/%FF%FE/not-utf-8",
      "/%",
      "/%zz",
      "/%00",
      "//",
      "/a//b///c",
      "/*~!$&'()+,;=:@",
      `/${"x".repeat(8_000)}`,
      `/${"deep/".repeat(1_000)}`,
      `/${"%F0%9F%A6%80/".repeat(200)}`,
    ];
    for (const [n, path] of paths.entries()) {
      // Not `fetch`: it would tidy the path.
      const headers = { "CF-Connecting-IP": `198.51.100.${n}`, "CF-Ray": `absurd-${n}` };
      const [response] = await once(send({ host: url.hostname, port: url.port, path, headers }).end(), "response");
      const text = (await response.toArray()).join("");
      assert.deepEqual([response.statusCode, text], [200, `bound GET ${path}\n`]);
    }

    const { total, paths: routes } = await gateway.delivered({ old: paths.length });
    assert.equal(total.requests, paths.length);
    for (const { path } of routes) assert.ok(path.startsWith("/") && path.length <= 256, path);
    assert.ok(routes.some(({ path }) => path === "/{id}/not-utf-8"), JSON.stringify(routes));
    assert.deepEqual(linesWith(gateway, ["198.51.100."]), []);
  });

  test("requests without headers, or with absurd ones, are counted one by one", async (t) => {
    const gateway = await startGateway(t);
    await gateway.request("/plain");
    await gateway.request("/plain"); // no request ID: not a repeat
    const long = "x".repeat(4_000);
    await gateway.request("/long", { ip: `198.51.100.1${long}`, ray: long });
    await gateway.request("/long", { ip: `198.51.100.1${long}`, ray: long }); // an ID that is too long is none
    const odd = ["not an address", "198.51.100.1, 198.51.100.2", "2001:db8::1", "::ffff:198.51.100.3", "1.2.3"];
    for (const [n, ip] of odd.entries()) await gateway.request("/odd", { ip, ray: `odd ${n} "';--` });

    const { paths } = await gateway.delivered({ old: 4 + odd.length });
    const counts = Object.fromEntries(paths.map(({ path, requests }) => [path, requests]));
    assert.deepEqual(counts, { "/plain": 2, "/long": 2, "/odd": odd.length });
    for (const name of ["CF-Connecting-IP", "CF-Ray"]) {
      await gateway.untilLogged(new RegExp(`^Header ${name}: \\d+ bytes exceed the limit of 128`), 2);
    }
    assert.deepEqual(linesWith(gateway, ["198.51.100.", "2001:db8", "not an address", "127.0.0.1"]), []);
  });

  test("queries of the API that can't be answered are problems that name the parameter", async (t) => {
    const gateway = await startGateway(t);
    const week = 7 * 24 * 60 * 60 * 1000;
    /** @type {[string, number, RegExp][]} */
    const problems = [
      ["stats?from=yesterday", 400, /^`from`: "yesterday" is not valid; give milliseconds/],
      ["stats?to=-1", 400, /^`to`: "-1"/],
      ["stats?to=99999999999999", 400, /^`to`: /],
      ["stats?from=", 400, /^`from`: ""/],
      ["stats?from=2000000000000&to=1900000000000", 400, /^`from`: .*before `to`/],
      [`stats?from=${Date.now() - 60 * week}`, 400, /^`from`: .*at most/],
      [`stats?from=${"9".repeat(1_000)}`, 400, /^`from`: "9{48}…"/],
      ["ids", 400, /^`store`: give `old`/],
      ["ids?store=both", 400, /^`store`: /],
      ["ids?store=old&from=x", 400, /^`from`: /],
      ["trace/yesterday", 400, /^`idempotentId`: "yesterday"/],
      ["trace/%FF", 400, /^`%FF` is not UTF-8/],
      ["nothing", 404, /^there is no \/_collector\/v1\/nothing; \/_collector has \/health, .*\/v1\/ids, .*\/v1\/stats, .*\/v1\/trace\/\{id\}/],
      ["stats/more", 404, /there is no/],
      ["trace", 404, /there is no/],
    ];
    for (const [route, status, detail] of problems) {
      const response = await gateway.request(`/_collector/v1/${route}`);
      const problem = await response.json();
      const shown = `${route}: ${JSON.stringify(problem)}`;
      assert.equal(response.headers.get("Content-Type"), "application/problem+json", shown);
      assert.deepEqual([response.status, problem.status], [status, status], shown);
      assert.match(problem.detail, detail, shown);
      assert.ok(problem.type && problem.title, shown);
    }
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const response = await gateway.request("/_collector/v1/stats", { method });
      assert.deepEqual([response.status, (await response.json()).title], [405, "Method not allowed"]);
    }
  });

  test("flag documents that can't be obeyed are logged with the field, and the last good one stays", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.read("flag");
    const good = { schema: 1, version: 9, mode: "do-only" };
    /** @type {[object, RegExp][]} */
    const bad = [
      [{ ...good, schema: 2 }, /`schema`: "2"/],
      [{ ...good, mode: "both" }, /`mode`: /],
      [{ ...good, samplePpm: 1_000_001 }, /`samplePpm`: "1000001"/],
      [{ ...good, queuePpm: -1 }, /`queuePpm`: /],
      [{ ...good, salt: "x".repeat(65) }, /`salt`: /],
      [{ ...good, version: "nine" }, /`version`: /],
      [{ ...good, overrides: [{ path: "api", mode: "do-only" }] }, /`overrides\[0\]\.path`: "api"/],
      [{ ...good, overrides: [{ path: "/a", mode: "do" }] }, /`overrides\[0\]\.mode`: /],
      [{ ...good, overrides: Array(101).fill({ path: "/a", mode: "do-only" }) }, /`overrides`: 101 entries exceed/],
      [{ ...good, reason: "x".repeat(64_000) }, /flag document: \d+ bytes exceed/],
      [{ schema: 1, mode: "do-only" }, /missing field `version`/],
      [{ ...good, version: 0 }, /version 0 is older than 1/],
      [[], /flag document|invalid/],
    ];
    for (const [document, reason] of bad) {
      await gateway.putFlagText(JSON.stringify(document));
      const flag = await gateway.read("flag");
      assert.deepEqual([flag.version, flag.mode], [1, "queue-only"], JSON.stringify(document));
      await eventually(() => {
        const complaint = gateway.logged(/^Flag not adopted, version 1 stays: /).at(-1) ?? "";
        assert.match(complaint, reason);
      });
    }
    await gateway.putFlagText(JSON.stringify({ ...good, unknownField: "is ignored" }));
    assert.equal((await gateway.read("flag")).version, 9);
  });

  test("settings that can't be obeyed are logged once by name, and their defaults hold", async (t) => {
    const bad = {
      PATH_TEMPLATES: "/ok/{id}, bad",
      ID_WINDOW_MS: "0",
      COLLECTOR_SHARDS: "many",
      FLAG_TTL_MS: "-1",
      SEND_DEADLINE_MS: "1e9",
      LINGER_MS: "soon",
      FLUSH_EVENTS: "151",
      ADDRESS_HASH: "none",
      LOG_EVENTS: "yes",
    };
    const gateway = await startGateway(t, { vars: bad });
    await gateway.requests("/ok/anything", 3);

    const { paths } = await gateway.delivered({ old: 3 });
    assert.deepEqual(paths.map(({ path }) => path), ["/ok/{id}"]);
    for (const name of Object.keys(bad)) {
      await gateway.untilLogged(new RegExp(`^Setting \`${name}\`: `), 1);
    }
    const { isolate, stores } = await gateway.read("health");
    assert.deepEqual([isolate.setting_invalid, stores.old.length], [Object.keys(bad).length, 1]);
    const [{ idempotentId, timestamp }] = await gateway.ids("old");
    assert.equal(Number(idempotentId.split("-")[0]), timestamp - (timestamp % 60_000));
    await gateway.untilLogged(/^DO recorded: /, 3);
  });

  test("settings with which a flush can't end in time are refused by name, and traffic flows meanwhile", async (t) => {
    const vars = { COLLECTOR_SHARDS: "200", SEND_DEADLINE_MS: "20000", LINGER_MS: "10000" };
    const gateway = await startGateway(t, { vars });
    await gateway.requests("/api/test", 3);

    await gateway.untilLogged(/^Setting `SEND_DEADLINE_MS`: .* to 1315; 1315 holds.* COLLECTOR_SHARDS \(now 200\)/, 1);
    await gateway.untilLogged(/^Setting `LINGER_MS`: .* to 4000; 500 holds.* 30 s/, 1);
    assert.equal((await gateway.read("health")).isolate.setting_invalid, 2);
    await gateway.untilLogged(/^DO recorded: /, 3);
  });

  test("an upstream's URL that can't be used gives a clear 502, and says which setting", async (t) => {
    const gateway = await startGateway(t, { vars: { UPSTREAM_URL: "localhost:8080" } });
    const response = await gateway.request("/api/test");
    assert.equal(response.status, 502);
    assert.match(await response.text(), /gave no answer/);
    await gateway.untilLogged(/^Setting `UPSTREAM_URL`: "localhost:8080"/, 1);
    await gateway.untilLogged(/^Upstream gave no answer: .*set UPSTREAM_URL/, 1);
    assert.equal((await gateway.delivered({ old: 1 })).total.status["5xx"], 1);
  });
});
