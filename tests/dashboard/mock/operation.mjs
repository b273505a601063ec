// Flag, health and traces as the API gives them, in good times and in bad ones.
import { Parity } from "./parity.mjs";
import { chance } from "./traffic.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const CHANGES = [
  {
    mode: "do-only",
    queuePpm: 0,
    samplePpm: 10_000,
    by: "preset",
    reason: "Old path: every event to the PathCollector object.",
    ago: 22 * DAY,
  },
  {
    mode: "dual-write",
    queuePpm: 0,
    samplePpm: 1_000_000,
    by: "maria@example.org",
    reason: "Parallel run, as planned for week 46. Compared daily.",
    ago: 19 * DAY,
  },
  {
    mode: "do-only",
    queuePpm: 0,
    samplePpm: 10_000,
    by: "guard",
    reason: "Parity day:1731024000000 failed: 1,204 of 8,812,004 differ, at least 1.2 %; the limit is 1.000 %.",
    ago: 17 * DAY,
  },
  {
    mode: "dual-write",
    queuePpm: 0,
    samplePpm: 1_000_000,
    by: "maria@example.org",
    reason: "Payments' clock is mended (see incident 4711); once more.",
    ago: 15 * DAY,
  },
  {
    mode: "dual-write",
    queuePpm: 0,
    samplePpm: 10_000,
    by: "jonas@example.org",
    reason: "Seven clean days: sampled comparison from now on.",
    ago: 6 * DAY,
  },
  { mode: "dual-write", queuePpm: 1_000, samplePpm: 10_000, by: "ramp", reason: "Step 1 of 5.", ago: 3 * DAY },
  { mode: "dual-write", queuePpm: 10_000, samplePpm: 10_000, by: "ramp", reason: "Step 2 of 5.", ago: 2 * DAY },
  { mode: "dual-write", queuePpm: 100_000, samplePpm: 10_000, by: "ramp", reason: "Step 3 of 5.", ago: 14 * HOUR },
];

export class Operation {
  /** `state` is "busy", "empty" or "trouble". */
  constructor({ state = "busy", now = Date.now } = {}) {
    Object.assign(this, { state, now, parity: new Parity({ state, now }), stop: null });
  }

  documents() {
    const now = this.now();
    if (this.state === "empty") return [];
    return CHANGES.map(({ mode, queuePpm, samplePpm, by, reason, ago }, n) => ({
      changedAt: now - ago,
      schema: 1,
      version: n + 1,
      mode,
      samplePpm,
      queuePpm,
      salt: "",
      overrides:
        n > 3
          ? [
              { path: "/api/payments/{*rest}", mode: "do-only" },
              { path: "/health", mode: "queue-only" },
            ]
          : [],
      ...(n > 0 ? { guard: { maxDiffPpm: 10_000, minEvents: 1_000, action: "rollback" } } : {}),
      ...(n > 4 ? { ramp: this.ramp(n - 4, now) } : {}),
      updatedAt: new Date(now - ago).toISOString(),
      updatedBy: by,
      reason,
    })).reverse();
  }

  ramp(next, now) {
    const dueAt = this.state === "trouble" ? now - 40 * MINUTE : now + 10 * HOUR;
    return { steps: [1_000, 10_000, 100_000, 500_000, 1_000_000], everyMs: DAY, next, dueAt, paused: false };
  }

  flag() {
    const [newest] = this.documents();
    if (!newest) return { version: 0, mode: "do-only", samplePpm: 10_000, queuePpm: 0, overrides: 0, stop: this.stop };
    const { version, mode, samplePpm, queuePpm, overrides } = newest;
    return { version, mode, samplePpm, queuePpm, overrides: overrides.length, stop: this.stop };
  }

  document() {
    const [newest] = this.documents();
    if (!newest) {
      const { stop: _stop, ...rule } = this.flag();
      const document = {
        schema: 1,
        ...rule,
        salt: "",
        overrides: [],
        updatedAt: "2024-11-07T00:00:00Z",
        updatedBy: "built-in",
        reason: "In force until a document is stored: the old path alone.",
      };
      return { document, source: "built-in", stop: this.stop };
    }
    const { changedAt: _changedAt, ...document } = newest;
    return { document, source: "history", stop: this.stop };
  }

  status() {
    const now = this.now();
    const [newest] = this.documents();
    const version = newest?.version ?? 0;
    const isolates =
      this.state === "empty"
        ? []
        : Array.from({ length: 14 }, (_, n) => ({
            producer: Math.floor(chance(`producer ${n}`) * 2 ** 52)
              .toString(16)
              .padStart(16, "0"),
            version: this.state === "trouble" && n < 2 ? version - 1 : version,
            lastSeen: now - n * 1_700,
            events: 4_000 - 210 * n,
          }));
    const behind = isolates.filter((one) => one.version < version).length;
    const ramp = newest?.ramp && {
      ...newest.ramp,
      state: this.state === "trouble" ? "holding" : "waiting",
      holding: this.state === "trouble" ? "the newest hour's parity report says fail" : null,
    };
    return {
      newest: version,
      source: newest ? "history" : "built-in",
      copy: newest ? version : null,
      inForce: version,
      from: now - 10 * MINUTE,
      to: now,
      complete: true,
      isolates,
      behind,
      olderEvents: behind * 31,
      slowest: behind ? 9_400 : null,
      flagTtlMs: 5_000,
      ramp: ramp ?? null,
      // D1 is away while the stop holds.
      stop: this.stop
        ? { holding: [this.stop], history: null, object: true, copy: true }
        : { holding: [], history: false, object: false, copy: false },
    };
  }

  health() {
    const now = this.now();
    const [isBad, isEmpty] = [this.state === "trouble", this.state === "empty"];
    const reasons = isBad
      ? [
          {
            code: "queue-stuck",
            message:
              "412 events have waited in the queue, the oldest for 14 minutes: the consumer is behind or stopped",
            since: now - 14 * MINUTE,
            remedy: "see that the consumer runs, and its errors",
          },
          {
            code: "messages-stuck",
            message: "88 messages were tried again of late, and none is applied any more",
            since: now - 9 * MINUTE,
            remedy: "they wait in the queue or the slow lane, and are applied once D1 takes them",
          },
          {
            code: "dead-letters",
            message: "11 dead letters are kept",
            since: null,
            remedy: "redrive them, or purge what can't be applied: `pathctl dead-letters`",
          },
          {
            code: "cron-late",
            message: "the job `fold` has not begun for 26 min",
            since: now - 26 * MINUTE,
            remedy: "see that the cron trigger is there",
          },
        ]
      : [];
    const cron = ["repair flag", "advance ramp", "fold", "compare hours", "compare days", "snapshot", "archive"].map(
      (job, n) => ({
        job,
        startedAt: now - 21_000 - n * 300,
        succeededAt: isBad && job === "fold" ? now - 26 * MINUTE : now - 20_000 - n * 300,
        error: isBad && job === "fold" ? "D1: the database is overloaded" : null,
      }),
    );
    const log = (events, absorbed, unfolded) => ({ events, absorbed, unfolded, bytes: 61 * events });
    return {
      status: isBad ? "failing" : "ok",
      reasons,
      computedAt: now - 20_000,
      sends: isEmpty
        ? { tried: 0, failed: 0, fallback: 0, lost: 0 }
        : { tried: 184_220, failed: isBad ? 2_911 : 4, fallback: isBad ? 2_904 : 4, lost: isBad ? 7 : 0 },
      consumer: isEmpty
        ? { stored: 0, absorbed: 0, retried: 0, dead: 0 }
        : { stored: 19_870, absorbed: 37, retried: isBad ? 88 : 2, dead: isBad ? 11 : 0 },
      missing: [],
      lately: {
        counts: isBad ? { consumer_retried: 88 } : { consumer_acked: 90 },
        day: {},
        retriedSince: isBad ? now - 9 * MINUTE : null,
        lostAt: null,
      },
      slowLane: isBad ? { backlog: 19, oldestMs: 9 * MINUTE } : { backlog: null, oldestMs: null },
      queue: isBad ? { backlog: 412, oldestMs: 14 * MINUTE } : { backlog: null, oldestMs: null },
      deadLetters: isBad ? { count: 11, oldestAt: now - 52 * MINUTE } : { count: 0, oldestAt: null },
      stores: isEmpty
        ? { old: [log(0, 0, 0)], new: log(0, 0, 0) }
        : { old: [log(61_220_118, 4_120, 3)], new: isBad ? null : log(1_918_204, 911, 1) },
      cron: isEmpty ? [] : cron,
      archive: isEmpty
        ? { bound: false, detailsDays: 7, archivedUntil: 0 }
        : { bound: true, detailsDays: 7, archivedUntil: Math.floor((now - 8 * DAY) / DAY) * DAY },
    };
  }

  deadLetters() {
    const { count } = this.health().deadLetters;
    const newest = Array.from({ length: count }, (_, n) => ({
      id: `b1946ac92492d2347c6235b4d2611184-${n}`,
      receivedAt: this.now() - (9 + n * 4) * MINUTE,
      source: n % 4 ? "dlq" : "consumer",
      reason: n % 4 ? "queue message: EOF while parsing a value; send {\"v\":1,\"events\":[…]}" : "`status`: 0 is no HTTP status; give 100 to 599",
    }));
    return { count, letters: newest, next: null };
  }

  trace(id, known) {
    const nothing = {
      idempotentId: id,
      old: [],
      new: [],
      absorbed: { old: 0, new: 0 },
      deadLetters: [],
      deadLettersNotSearched: 0,
      archive: { day: new Date(Number(id.slice(0, 13))).toISOString().slice(0, 10), state: "waiting" },
      cohort: null,
      flagVersion: null,
      details: { place: "stores", note: "details of its time are kept" },
    };
    if (!known) return nothing;
    const timestamp = known.timestamp ?? Number(id.slice(0, 13)) + 1_234;
    const event = {
      idempotentId: id,
      digest: `${id.slice(14)}${id.slice(14)}`,
      timestamp,
      path: known.path,
      method: "GET",
      status: known.status,
      responseTime: known.responseTime,
      clientIpHash: "8e0c4f1d22aa7b10",
      cohort: "dual",
      flagVersion: this.flag().version,
      producer: "07fa22e190bb4c5d",
      seq: 4_711,
      write: 4_700,
    };
    const isLost = known.isLost;
    return {
      ...nothing,
      old: [{ storedAt: timestamp + 180, event }],
      new: isLost ? [] : [{ storedAt: timestamp + 5_120, event }],
      absorbed: { old: 0, new: 1 },
      cohort: "dual",
      flagVersion: event.flagVersion,
      deadLetters: isLost
        ? [{ id: "b1946ac9", receivedAt: timestamp + 90_000, source: "dlq", reason: "queue message: another format" }]
        : [],
    };
  }
}
