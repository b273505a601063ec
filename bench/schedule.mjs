// When each request of an open loop is due. It is fixed beforehand: how the gateway fares changes nothing.

/** Time at which request `n` is due, in ms after the start. */
export const dueMs = (n, perSecond) => (n * 1_000) / perSecond;

/** How many requests are due until `nowMs` after the start, of `total`. */
export const dueBy = (nowMs, perSecond, total) =>
  nowMs < 0 ? 0 : Math.min(total, Math.floor((nowMs * perSecond) / 1_000 + 1e-9) + 1);
