// The archive in the real runtime: days go to R2, each event once, and only then out of the stores.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";

import { NOON, eventually, startGateway } from "./harness.mjs";

const DAY_MS = 24 * 60 * 60 * 1000;
const MILLION = 1_000_000;
const DEFAULT = { name: "default" };

/** The UTC day of a time in ms. */
const dayOf = (ms) => new Date(ms).toISOString().slice(0, 10);

/** A gateway at noon: a day's last two hours are archived with the next day. */
async function startAtNoon(t, options) {
  const gateway = await startGateway(t, options);
  await gateway.setClock(NOON);
  return gateway;
}

/** Runs cron until the day is in the archive. */
const archived = (gateway, day) =>
  eventually(async () => {
    await gateway.cron();
    const { days } = await gateway.read("archive");
    assert.equal(days.find((listed) => listed.day === day)?.state, "done", gateway.logs().join("\n"));
    return days.find((listed) => listed.day === day);
  }, 60_000);

/** The events of a day's parts, each part checked against the manifest. */
async function eventsOf(gateway, day) {
  const manifest = await gateway.read(`archive/${day}`);
  const events = [];
  for (const { name, rows, bytes, sha256 } of manifest.parts) {
    const response = await gateway.request(`/_collector/v1/archive/${day}/${name}`);
    assert.deepEqual([response.status, response.headers.get("Content-Type")], [200, "application/gzip"]);
    const file = Buffer.from(await response.arrayBuffer());
    assert.equal(createHash("sha256").update(file).digest("hex"), sha256);
    const lines = gunzipSync(file).toString().trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual([lines.length, file.length], [rows, bytes]);
    events.push(...lines);
  }
  assert.equal(events.length, manifest.rows);
  return { manifest, events };
}

const digests = (events) => events.map(({ digest }) => digest).sort();

/** Events whose details D1 has. */
async function details(gateway) {
  const database = (await gateway.env()).DB;
  return database.prepare("SELECT coalesce(sum(events), 0) AS events FROM segments").first("events");
}

describe("archive", { concurrency: 3, timeout: 180_000 }, () => {
  test("a day of both stores goes to R2, each event once, and then out of both", async (t) => {
    const gateway = await startAtNoon(t);
    const day = dayOf(NOON);
    // The clock jumped: requests are answered, and recorded once the flag is read again. So the next flag waits for them.
    await gateway.requests("/api/test", 10, "old");
    await gateway.delivered({ old: 10, new: 0 });
    await gateway.putFlag({ mode: "dual-write", samplePpm: MILLION });
    await gateway.requests("/api/test", 10, "both");
    await gateway.delivered({ old: 20, new: 10 });
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.requests("/api/test", 10, "new");
    const { total } = await gateway.delivered({ old: 20, new: 20 });
    assert.equal(total.requests, 30);
    const known = [...new Set(digests([...(await gateway.ids("old")), ...(await gateway.ids("new"))]))];

    await gateway.cron();
    assert.deepEqual(await gateway.read("archive"), { bound: true, days: [] });
    const { archive } = await gateway.read("health");
    assert.deepEqual(archive, { bound: true, detailsDays: 7, archivedUntil: 0 });

    // R2 has the first part, but the Worker doesn't hear of it, and writes it again.
    await gateway.setClock(NOON + 9 * DAY_MS);
    await gateway.fault({ ARCHIVE: "fails-after-persisting" });
    await gateway.cron();
    assert.equal((await gateway.read("archive")).days[0].state, "writing");
    await gateway.fault({});
    const listed = await archived(gateway, day);
    assert.deepEqual([listed.rows, listed.parts, listed.twins], [30, 1, 10]);
    const { manifest, events } = await eventsOf(gateway, day);
    assert.deepEqual(digests(events), known);
    assert.deepEqual([manifest.firstId, manifest.lastId], [events[0].idempotentId, events.at(-1).idempotentId]);
    const [{ old, new: fresh, twins }] = manifest.parts;
    assert.deepEqual([old, fresh, twins], [20, 20, 10]);
    assert.deepEqual(Object.keys(events[0]).sort(), Object.keys((await gateway.ids("old"))[0] ?? events[0]).sort());

    // The day's end waits for the day after; then nothing of it is left in D1, nor in the object after its alarm.
    await gateway.setClock(NOON + 10 * DAY_MS);
    const next = dayOf(NOON + DAY_MS);
    assert.equal((await archived(gateway, next)).rows, 0);
    await gateway.cron();
    const trace = await gateway.read(`trace/${events[0].idempotentId}`);
    assert.deepEqual(trace.archive, { day, state: "done" });
    assert.deepEqual(trace.details, { place: "archive", note: `its details are in the archive of ${day}` });
    const { DB } = await gateway.env();
    assert.equal(await DB.prepare("SELECT count(*) AS n FROM segments").first("n"), 0);
    const object = await gateway.worker.getDurableObjectStorage("PathCollector", DEFAULT);
    await gateway.alarm();
    assert.equal((await object.exec("SELECT count(*) AS n FROM segments"))[0].n, 0);
  });

  test("while R2 fails nothing is deleted, and counting goes on", async (t) => {
    const gateway = await startAtNoon(t);
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.requests("/api/test", 5);
    await gateway.delivered({ new: 5 });
    await gateway.fault({ ARCHIVE: "fails" });
    await gateway.setClock(NOON + 12 * DAY_MS);
    await gateway.cron();
    await gateway.untilLogged(/^Scheduled job archive is left for the next run: (database: ARCHIVE)/, 1);
    assert.equal(await details(gateway), 5);
  });

  test("without the binding details are deleted on schedule, and it says so", async (t) => {
    const gateway = await startAtNoon(t, { config: { r2_buckets: undefined } });
    await gateway.putFlag({ mode: "queue-only" });
    await gateway.requests("/api/test", 5);
    await gateway.delivered({ new: 5 });
    await gateway.cron();
    assert.equal(await details(gateway), 5);
    await gateway.setClock(NOON + 7 * DAY_MS + 3 * 3_600_000);
    await gateway.cron();
    await gateway.cron();
    assert.deepEqual([await details(gateway), (await gateway.read("health")).archive.bound], [0, false]);
    await gateway.untilLogged(/^(No R2 bucket) is bound as ARCHIVE: details are deleted after 7 days/, 1);
    assert.equal((await gateway.request(`/_collector/v1/archive/${dayOf(NOON)}`)).status, 404);
  });

  test("what is no day and no part is refused by name", async (t) => {
    const gateway = await startGateway(t);
    const status = async (route) => {
      const response = await gateway.request(`/_collector/v1/${route}`);
      return [response.status, (await response.json()).detail.slice(0, 8)];
    };
    assert.deepEqual(await status("archive/2026-02-30"), [400, "`day`: g"]);
    assert.deepEqual(await status("archive?before=x"), [400, "`before`"]);
    assert.deepEqual(await status("archive/2026-02-03/secret"), [400, "`part`: "]);
    assert.deepEqual(await status("archive/2026-02-03/part-0000.ndjson.gz"), [404, "there is"]);
    assert.deepEqual(await status("archive/2026-02-03"), [404, "there is"]);
  });
});
