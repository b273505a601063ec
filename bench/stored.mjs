// Was each request stored, once? A figure of a run that lost an event is worth nothing.
import { setTimeout as pause } from "node:timers/promises";

/** What is wrong with what is `stored` of `sent` requests, in words; null if nothing is. */
export function complaint({ sent, stores, stored }) {
  const found = [];
  const compare = (what, count, expected) => {
    if (count < expected) found.push(`${expected - count} of ${expected} ${what} are missing`);
    if (count > expected) found.push(`${count - expected} ${what} too many (${count} instead of ${expected})`);
  };
  compare("events", stored.events, sent);
  compare("copies in the stores", stored.copies, sent * stores);
  if (stored.lost) found.push(`${stored.lost} were given up as lost`);
  if (stored.fallback) found.push(`${stored.fallback} took the other path`);
  if (stored.exact === false) found.push("the count is not exact");
  return found.length ? found.join("; ") : null;
}

/**
 * Waits until `count` finds all copies of `sent` requests in so many `stores`, or none has arrived for `patienceMs`,
 * which is longer than a batch waits. Gives the complaint, and how long it took in s.
 */
export async function settle(count, { sent, stores, patienceMs }) {
  if (stores === 0) return { complaint: null, drainS: 0 };
  const started = performance.now();
  let [last, changedAt] = [-1, started];
  for (;;) {
    const stored = await count();
    const now = performance.now();
    if (stored.copies !== last) [last, changedAt] = [stored.copies, now];
    const done = stored.copies >= sent * stores;
    if (done || now - changedAt > patienceMs) {
      // Once more: a repeat that was counted twice would come late.
      const after = done ? await pause(500).then(count) : stored;
      return { complaint: complaint({ sent, stores, stored: after }), drainS: (now - started) / 1_000 };
    }
    await pause(200);
  }
}
