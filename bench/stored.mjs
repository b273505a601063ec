// Was each request stored, once? A figure of a run that lost an event is worth nothing.
import { setTimeout as pause } from "node:timers/promises";

/** How long nothing may arrive, in ms, before what is missing counts as lost: longer than a batch waits. */
const PATIENCE_MS = 15_000;

/**
 * What is wrong with what is stored of `sent` requests, in words; null if nothing is. `alike` of them can't be told from
 * others by their IDs, and may be missing.
 */
export function complaint({ sent, stores, stored, alike = 0 }) {
  const copies = sent * stores;
  const found = [];
  const compare = (what, count, expected) => {
    if (count < expected - alike) found.push(`${expected - count} of ${expected} ${what} are missing`);
    if (count > expected) found.push(`${count - expected} ${what} too many (${count} instead of ${expected})`);
  };
  compare("events", stored.events, sent);
  compare("copies in the stores", stored.copies, copies);
  if (stored.lost) found.push(`${stored.lost} were given up as lost`);
  if (stored.fallback) found.push(`${stored.fallback} took the other path`);
  if (stored.exact === false) found.push("the count is not exact");
  return found.length ? found.join("; ") : null;
}

/**
 * Waits until all copies of `sent` requests are stored, or no more arrive. Gives the complaint, what is stored, how many
 * requests were counted as another whose ID they have, and how long it took. `alike()` says how many could be.
 */
export async function settle({ count, sent, stores, alike = () => 0, patienceMs = PATIENCE_MS }) {
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
      const missing = sent * stores - after.copies;
      const found = complaint({ sent, stores, stored: after, alike: missing > 0 ? alike() : 0 });
      const merged = found ? 0 : missing;
      return { complaint: found, stored: after, merged, seconds: (now - started) / 1_000 };
    }
    await pause(200);
  }
}
