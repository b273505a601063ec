// Dead letters in the real runtime: kept whole, tried again, counted once, thrown away.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually, startGateway } from "./harness.mjs";

const digest = (n) => n.toString(16).padStart(16, "0");

/** An event as the gateway makes it, now. */
const event = (n, fields = {}) => {
  const timestamp = Date.now();
  const window = timestamp - (timestamp % 60_000);
  return {
    idempotentId: `${window}-${digest(n).slice(0, 8)}`, digest: digest(n), timestamp, path: "/api/test", method: "GET",
    status: 200, responseTime: 5, clientIpHash: "00000000000000aa", cohort: "single", flagVersion: 1,
    producer: "00000000000000bb", seq: Number(n % 1_000n), write: Number(n % 1_000n), ...fields,
  };
};
const message = (...events) => JSON.stringify({ v: 1, events });
const send = async (gateway, body) => (await gateway.env()).TRAFFIC_QUEUE.send(body, { contentType: "text" });
const redrive = (gateway, body) => gateway.order("POST", "v1/dead-letters/redrive", body);
const purge = (gateway, body) => gateway.order("POST", "v1/dead-letters/purge", body);
const untilLetters = (gateway, count) =>
  eventually(async () => {
    const letters = await gateway.letters();
    assert.equal(letters.length, count, gateway.logs().join("\n"));
    return letters;
  });

describe("dead letters", { concurrency: 4, timeout: 240_000 }, () => {
  test("sound events in a letter: redriven, each counts once, however often", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    // As a Worker leaves it that could not read what this one reads.
    const payload = message(...Array.from({ length: 5 }, (_, n) => event(BigInt(n + 1) << 32n)));
    const insert = (await gateway.env()).DB.prepare(
      `INSERT INTO dead_letters (id, received_at, sent_at, source, reason, attempts, bytes, payload)
       VALUES ('m/0', ?1, ?2, 'dlq', 'queue message: another format', 0, ?3, ?4)`,
    );
    await insert.bind(Date.now(), Date.now() - 1_000, payload.length, payload).run();
    const [letter] = await gateway.letters();
    assert.deepEqual([letter.source, letter.attempts, letter.refused], ["dlq", 0, null]);
    const { deadLetters } = await gateway.read("health");
    assert.deepEqual(deadLetters, { count: 1, oldestAt: letter.receivedAt, dropped: 0 });

    // One of its events arrived all the same.
    await send(gateway, message(JSON.parse(letter.payload).events[0]));
    await gateway.delivered({ new: 1 });
    // The answer is lost, though all was done; the operator tries again.
    await gateway.fault({ DB: "fails-after-persisting" });
    assert.equal((await redrive(gateway, { all: true })).status, 503);
    await gateway.fault({});
    assert.equal((await gateway.stats()).total.requests, 5);
    assert.equal((await gateway.read("dead-letters")).count, 1);
    const { status, body } = await redrive(gateway, { reason: "another format" });
    assert.deepEqual([status, body], [200, {
      redriven: 1, stored: 0, absorbed: 5, refused: 0, refusals: [], left: 0, after: null,
    }]);
    assert.equal((await gateway.stats()).total.requests, 5);
    assert.equal((await gateway.read("dead-letters")).count, 0);
    assert.equal((await redrive(gateway, { all: true })).body.redriven, 0);
  });

  test("a poison message: what is good in it is counted, the rest stays with its reason until it is purged", async (t) => {
    const gateway = await startGateway(t);
    await gateway.putFlag({ mode: "queue-only" });
    await send(gateway, message(event(1n << 32n), event(2n << 32n, { status: 99 })));
    await send(gateway, "{ this is no message");
    const letters = await untilLetters(gateway, 2);
    assert.equal((await gateway.delivered({ new: 1 })).total.requests, 1);

    const { body } = await redrive(gateway, { source: "consumer" });
    assert.deepEqual([body.redriven, body.stored, body.refused, body.left], [0, 0, 2, 0]);
    assert.match(body.refusals.map(({ reason }) => reason).join(), /`status`/);
    for (const { id, payload } of letters) {
      const kept = await gateway.letter(id);
      assert.deepEqual([kept.payload, kept.attempts], [payload, 1]);
      assert.ok(kept.refused);
    }

    const [first] = letters;
    assert.deepEqual((await purge(gateway, { id: first.id })).body, { purged: 1, left: 0 });
    await assert.rejects(gateway.letter(first.id), /there is no such dead letter/);
    assert.deepEqual((await purge(gateway, { before: Date.now() + 1 })).body, { purged: 1, left: 0 });
    assert.equal((await gateway.stats()).total.requests, 1);
  });

  test("many letters are listed page by page and redriven in one sweep of bounded calls", async (t) => {
    const gateway = await startGateway(t);
    const { DB } = await gateway.env();
    const insert = DB.prepare(
      `INSERT INTO dead_letters (id, received_at, source, reason, attempts, bytes, payload)
       VALUES (?1, ?2, 'dlq', 'queue message: another format', 0, ?3, ?4)`,
    );
    const count = 620;
    const rows = Array.from({ length: count }, (_, n) => {
      const payload = message(event(BigInt(n + 1) << 32n), event((BigInt(n + 1) << 32n) + 1n));
      return insert.bind(`letter-${n}`, 1_000 + n, payload.length, payload);
    });
    await DB.batch(rows);

    const seen = [];
    for (let after = ""; after !== null; ) {
      const page = await gateway.read(`dead-letters?limit=150${after && `&after=${after}`}`);
      assert.equal(page.count, count);
      seen.push(...page.letters.map(({ id }) => id));
      after = page.next;
    }
    assert.deepEqual(seen, Array.from({ length: count }, (_, n) => `letter-${count - 1 - n}`));

    let calls = 0;
    for (let body = { all: true }; body; calls += 1) {
      const done = await redrive(gateway, body);
      assert.equal(done.status, 200, JSON.stringify(done.body));
      body = done.body.after && { all: true, after: done.body.after };
    }
    assert.ok(calls > 1);
    assert.equal((await gateway.stats()).total.requests, 2 * count);
    assert.equal((await gateway.read("dead-letters")).count, 0);
  });

  test("which letters must be said, and by whom", async (t) => {
    const secrets = { READ_TOKEN: "reader", ADMIN_TOKEN: "admin" };
    const gateway = await startGateway(t, { secrets });
    const as = (token) => ({ Authorization: `Bearer ${token}` });
    const order = (route, body) => gateway.order("POST", `v1/dead-letters/${route}`, body, as("admin"));
    for (const route of ["redrive", "purge"]) {
      for (const body of ["", "{}", '{"all":false}', { all: true, id: "x" }, { al: true }, { id: 7 }]) {
        const { status, body: problem } = await order(route, body);
        assert.equal(status, 400, JSON.stringify(body));
        assert.match(problem.detail, /"all":true/);
      }
      const { status } = await gateway.order("POST", `v1/dead-letters/${route}`, { all: true }, as("reader"));
      assert.equal(status, 401);
    }
    assert.match((await order("redrive", { all: true, after: "x" })).body.detail, /`after`/);
    const read = async (route, token) =>
      (await gateway.request(`/_collector/v1/${route}`, { headers: as(token) })).status;
    assert.deepEqual(await Promise.all(["reader", "admin"].map((token) => read("dead-letters", token))), [200, 200]);
    assert.deepEqual(await Promise.all(["reader", "admin"].map((token) => read("dead-letters/x", token))), [401, 404]);
    for (const query of ["limit=0", "limit=x", "before=x", "after=x"]) {
      assert.equal(await read(`dead-letters?${query}`, "reader"), 400, query);
    }
  });
});
