// The platform's side of a steady stream, in virtual time: which requests of which isolates share a message, and which
// messages a batch of the consumer.

/** As the Worker's and the queue's settings have it; a test holds them against those. */
export const DEFAULTS = { lingerMs: 500, flushEvents: 100, batchMessages: 100, batchTimeoutMs: 5_000 };

/** A pseudo-random number below `limit`, by `n`: which isolate gets a request is not regular. */
const scattered = (n, limit) => Math.floor(((Math.imul(n + 1, 0x9e3779b1) >>> 0) / 2 ** 32) * limit);

/** Messages `{ atMs, isolate, numbers }` in the order in which they are sent; `numbers`: `[n, ms, seq]` of events. */
export function messages({ perSecond, isolates, seconds, lingerMs, flushEvents }) {
  const buffers = Array.from({ length: isolates }, () => ({ events: [], wakesAt: null, seq: 0 }));
  const sent = [];
  const send = (isolate, atMs) => {
    const { events } = buffers[isolate];
    buffers[isolate].events = [];
    if (events.length) sent.push({ atMs, isolate, numbers: events });
  };
  const wake = (nowMs) => {
    for (const [isolate, buffer] of buffers.entries()) {
      if (buffer.wakesAt === null || buffer.wakesAt > nowMs) continue;
      send(isolate, buffer.wakesAt);
      buffer.wakesAt = null;
    }
  };
  for (let n = 0; n < perSecond * seconds; n += 1) {
    const ms = (n * 1_000) / perSecond;
    wake(ms);
    const isolate = scattered(n, isolates);
    const buffer = buffers[isolate];
    buffer.events.push([n, Math.floor(ms), buffer.seq++]);
    if (lingerMs === 0 || buffer.events.length >= flushEvents) send(isolate, ms);
    else buffer.wakesAt ??= ms + lingerMs;
  }
  wake(Infinity);
  return sent.sort((a, b) => a.atMs - b.atMs);
}

/** Batches of messages, as a queue delivers them: full, or so long after their first message. */
export function batches(sent, { batchMessages, batchTimeoutMs }) {
  const found = [];
  let batch = [];
  for (const message of sent) {
    if (batch.length && message.atMs > batch[0].atMs + batchTimeoutMs) {
      found.push(batch);
      batch = [];
    }
    batch.push(message);
    if (batch.length >= batchMessages) {
      found.push(batch);
      batch = [];
    }
  }
  if (batch.length) found.push(batch);
  return found;
}

/** The batches of a stream. */
export function stream(options) {
  const settings = { ...DEFAULTS, ...options };
  return batches(messages(settings), settings);
}
