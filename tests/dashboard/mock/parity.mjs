// Parity's reports and readiness as the API gives them, in good times and in bad ones.
import { ROUTES, chance } from "./traffic.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export class Parity {
  /** `state` is "busy", "empty" or "trouble". */
  constructor({ state, now }) {
    Object.assign(this, { state, now });
  }

  /** Whole reports, the newest first. */
  reports(kind, limit) {
    if (this.state === "empty") return [];
    const length = kind === "day" ? DAY : HOUR;
    const first = Math.floor(this.now() / length) * length;
    const most = kind === "day" ? 19 : 24 * 19;
    return Array.from({ length: Math.min(limit, most) }, (_, n) =>
      this.report({ kind, from: first - n * length, to: first - (n - 1) * length }),
    );
  }

  report(window) {
    const { kind, from, to } = window;
    const length = to - from;
    const back = Math.round((Math.floor(this.now() / length) * length - from) / length);
    const limitPpm = kind === "day" ? 10_000 : 50_000;
    const isOpen = back === 0;
    const fails =
      (this.state === "trouble" && back === 1) || (kind === "day" && back === 17) || (kind === "hour" && back === 31);
    const isThin = kind === "hour" && [14, 15, 39].includes(back);
    const union = isThin ? 41 : Math.round((kind === "day" ? 118_000 : 5_200) * (0.8 + 0.4 * chance(`union ${from}`)));
    const mismatches = fails ? Math.round(union * 0.081) : back % 5 === 2 && !isThin ? 3 : 0;
    const explained = fails ? Math.floor(mismatches * 0.7) : mismatches;
    const verdict = isOpen ? "pending" : fails ? "fail" : isThin ? "inconclusive" : "pass";
    const rate = mismatches / union;
    const wide = 1.645 * Math.sqrt((rate * (1 - rate)) / union);
    const [lower, upper] = mismatches ? [Math.max(0, rate - wide), rate + wide + 2 / union] : [0, 3 / union];
    const percent = (share) => `${(share * 100).toFixed(3)} %`;
    const limit = percent(limitPpm / 1e6);
    const summary = {
      pending: "the window is not closed yet",
      fail: `${mismatches} of ${union} differ: the rate is above ${percent(lower)}, the limit ${limit}`,
      inconclusive: `${union} events, all the same; at least 59 are needed to prove a rate below 5.000 %`,
      pass: mismatches
        ? `${mismatches} of ${union} differ, 0 unexplained: the rate is below ${percent(upper)}, the limit ${limit}`
        : `${union} events, all the same: the rate is below ${percent(upper)}`,
    }[verdict];
    const side = (short) => ({
      dual: union - short,
      digestSum: "9f3ac04411be72d0",
      valueSum: short ? "00b12fe4d98a7c35" : "77ab20191c0de5f2",
      fallback: explained,
      absorbed: 12 + back,
      countedTwice: 0,
    });
    const tally = {
      beyondOld: 0,
      surplusOld: 0,
      onlyOld: mismatches,
      onlyNew: 0,
      valueDiffers: 0,
      countedTwice: 0,
      fallback: explained,
      deadLettered: 0,
      queued: 0,
      repeats: 2,
    };
    return {
      window,
      revision: 1 + (back % 3),
      computedAt: Math.min(this.now() - MINUTE, to + 16 * MINUTE),
      summary,
      limitPpm,
      lagMs: 15 * MINUTE,
      verdict,
      union,
      ...tally,
      mismatches,
      unexplained: mismatches - explained,
      rate,
      lowerBound: lower,
      upperBound: upper,
      writes: Math.ceil(union / 20),
      writesDiffering: Math.ceil(mismatches / 20),
      writesLowerBound: lower,
      writesUpperBound: upper,
      plan: { old: union, new: union - mismatches, differencePercent: rate * 100 },
      unnamed: fails ? mismatches - 60 : 0,
      unresolved: { minutes: [], paths: [] },
      loss: {
        verdict: fails ? "inconclusive" : "pass",
        arrived: union * 101,
        missing: fails ? 18 : 0,
        deadLettered: fails ? 11 : 0,
        unexplained: fails ? 7 : 0,
        lowerBound: 0,
        upperBound: 0.003,
        writes: union * 5,
        lostWrites: fails ? 1 : 0,
        rate: fails ? 7 / (union * 101) : 0,
        unjudgedProducers: 1,
      },
      old: side(0),
      new: side(mismatches),
      minutesDiffering: fails ? 9 : mismatches ? 1 : 0,
      minutes: length / MINUTE,
      idsFetched: fails ? 1_904 : 0,
      deadLetters: fails ? 11 : 0,
      fingerprint: "5be1c9a0d2f47733",
      ...this.depth(window, { fails, union, mismatches, explained }),
    };
  }

  /** What only a window's own page shows. */
  depth({ from }, { fails, union, mismatches, explained }) {
    const pathOf = (n) => (fails ? ["/api/payments", "/api/payments/{id}", "/api/checkout"][n % 3] : ROUTES[n].path);
    const differences = Array.from({ length: Math.min(60, mismatches) }, (_, n) => {
      const timestamp = from + Math.floor(chance(`difference ${from} ${n}`) * 50 * MINUTE);
      const hash = Math.floor(chance(`hash ${from} ${n}`) * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
      const isUnexplained = n < Math.min(20, mismatches - explained);
      const differs = isUnexplained && n % 6 === 5;
      return {
        idempotentId: `${timestamp - (timestamp % MINUTE)}-${hash}`,
        digest: `${hash}${hash}`,
        path: pathOf(n),
        timestamp,
        kind: differs ? "value-differs" : "only-old",
        reason: isUnexplained ? null : n % 4 === 3 ? "dead-lettered" : "fallback",
        fields: differs
          ? [
              { field: "status", old: "200", new: "502" },
              { field: "responseTime", old: "41", new: "1204" },
            ]
          : [],
      };
    });
    const comparison = (path, all, bad) => ({
      path,
      verdict: bad / all > 0.05 ? "fail" : "pass",
      union: all,
      beyondOld: 0,
      surplusOld: 0,
      onlyOld: bad,
      onlyNew: 0,
      valueDiffers: 0,
      countedTwice: 0,
      fallback: bad,
      deadLettered: 0,
      queued: 0,
      repeats: 0,
      mismatches: bad,
      unexplained: 0,
      rate: bad / all,
      lowerBound: 0,
      upperBound: bad / all + 3 / all,
      writes: all,
      writesDiffering: bad,
      writesLowerBound: 0,
      writesUpperBound: bad / all + 3 / all,
    });
    const paths = [
      ...(fails ? [comparison("/api/payments", 900, 310), comparison("/api/checkout", 700, 100)] : []),
      ...ROUTES.slice(0, 9).map(({ path }, n) =>
        comparison(path, Math.round(union / (n + 3)), !fails && n === 0 ? mismatches : 0),
      ),
      comparison("(pooled)", 214, 0),
    ];
    const gaps = fails
      ? [
          { producer: "00c41ab277de9f01", first: 88_120, last: 88_130 },
          { producer: "07fa22e190bb4c5d", first: 41, last: 47 },
        ]
      : [];
    return { differences, paths, gaps };
  }

  readiness() {
    const isGood = this.state === "busy";
    const known = this.state !== "empty";
    const criterion = (name, title, wanted, source, figure, holds) => ({
      name,
      title,
      wanted,
      figure: known ? figure : null,
      holds: known ? holds : null,
      source,
    });
    const criteria = [
      criterion(
        "queue-send-success",
        "queue sends that succeed",
        "> 99.9 %",
        "7 days: events that came to the object because the queue failed, of all events",
        isGood ? "99.998 %" : "98.112 %",
        isGood,
      ),
      criterion(
        "consumer-success",
        "events that the consumer applies",
        "> 99.9 %",
        "7 days: events in dead letters, of all events",
        "99.999 %",
        true,
      ),
      criterion(
        "backlog",
        "events on their way",
        "< 100",
        "the last hour: events that the new store lacks, or neither store has",
        isGood ? "4" : "412",
        isGood,
      ),
      criterion(
        "counted-once",
        "no event counted twice",
        "0",
        "the last hour: events stored beyond the distinct sequence numbers that arrived",
        "0 (37 repeats absorbed)",
        true,
      ),
      criterion(
        "seven-days",
        "days in a row in which parity passes",
        "7",
        "parity's daily reports: GET parity?kind=day",
        isGood ? "15" : "0",
        isGood,
      ),
      criterion(
        "fallback",
        "failed writes that the other path took",
        "some, and no loss",
        "7 days: fallback events; events in neither store and no dead letter. Not known until a write has failed",
        null,
        null,
      ),
      criterion(
        "traceable",
        "events that are found by their ID",
        "all",
        "a sample of the last hour, looked up in both stores",
        "6 of 6",
        true,
      ),
      criterion(
        "loss",
        "events lost on both paths",
        "< 0.1 %",
        "7 days: sequence numbers in neither store and no dead letter, of all",
        "0 of 62,118,440",
        true,
      ),
    ];
    return { ready: criteria.every(({ holds }) => holds), computedAt: this.now(), criteria };
  }
}
