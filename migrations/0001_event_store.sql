-- The event store: what both paths keep. D1 has it by migration; each PathCollector object runs this file
-- whenever it starts.
--
-- A segment is what one transaction stored of one ID window. It is at once the dedup set (digests), the details
-- (body) and the commit log: two writers that read the same head both insert head + 1, and one of them fails whole.
CREATE TABLE IF NOT EXISTS segments (
  seq INTEGER PRIMARY KEY,          -- 1, 2, 3 …
  window_start INTEGER NOT NULL,    -- start of the ID window, ms
  first_ms INTEGER NOT NULL,        -- earliest and latest event in it, ms
  last_ms INTEGER NOT NULL,
  events INTEGER NOT NULL,          -- events stored
  absorbed INTEGER NOT NULL,        -- repeats that dedup absorbed
  stored_at INTEGER NOT NULL,       -- ms
  digests BLOB NOT NULL,            -- 8 bytes an event
  body BLOB NOT NULL,               -- the rest of the events, packed
  absorbed_digests BLOB NOT NULL,   -- the repeats, in the same form
  absorbed_body BLOB NOT NULL,
  mark INTEGER NOT NULL             -- hash of all this and of the mark before it: tells timelines apart
);
CREATE INDEX IF NOT EXISTS segments_by_window ON segments (window_start);

-- Figures per interval (minute, hour and day), route and cohort, made from segments by folding. A fold adds segments from_seq + 1 to to_seq;
-- two folds of the same segments both insert from_seq, and one of them fails whole. What is not folded yet, a reader
-- adds from the segments.
CREATE TABLE IF NOT EXISTS folds (
  from_seq INTEGER PRIMARY KEY,
  to_seq INTEGER NOT NULL,
  folded_at INTEGER NOT NULL,       -- ms
  mark INTEGER NOT NULL             -- of segment to_seq
);
CREATE TABLE IF NOT EXISTS rollups (
  grain INTEGER NOT NULL,           -- length of the interval, ms
  start INTEGER NOT NULL,           -- ms
  path TEXT NOT NULL,               -- normalised route; empty: all of them together
  cohort INTEGER NOT NULL,          -- 0 single, 1 dual, 2 fallback
  requests INTEGER NOT NULL,
  status_1 INTEGER NOT NULL,        -- requests by status class
  status_2 INTEGER NOT NULL,
  status_3 INTEGER NOT NULL,
  status_4 INTEGER NOT NULL,
  status_5 INTEGER NOT NULL,
  time_sum INTEGER NOT NULL,        -- response times, ms
  time_min INTEGER NOT NULL,
  time_max INTEGER NOT NULL,
  digest_high INTEGER NOT NULL,     -- halves of the wrapping 64-bit sum of digests, and of that of hashes over the
  digest_low INTEGER NOT NULL,      -- values: SQL adds halves without loss, and parity reads no body
  value_high INTEGER NOT NULL,
  value_low INTEGER NOT NULL,
  latency BLOB NOT NULL,            -- response times as a sketch, for percentiles
  addresses BLOB NOT NULL,          -- distinct client addresses: hashes, or a sketch of them
  exemplars BLOB NOT NULL,          -- a few real requests, packed
  PRIMARY KEY (grain, start, path, cohort)
) WITHOUT ROWID;

-- Per minute, which of each producer's sequence numbers arrived here, repeats included: what is in neither store's
-- ledger was lost on its way to both. And the sums over all routes that parity compares, for as long as an event of the
-- day may still come: single routes are not kept by minute for so long. Made by folding, like rollups.
CREATE TABLE IF NOT EXISTS ledger (
  start INTEGER NOT NULL,           -- ms
  part INTEGER NOT NULL,            -- 0, 1, 2 …: very many producers or gaps take more than one row
  numbers INTEGER NOT NULL,         -- how many sequence numbers the stored events have: fewer than events, if a
                                    -- request is counted twice
  absorbed INTEGER NOT NULL,        -- repeats that dedup absorbed
  events INTEGER NOT NULL,          -- events stored
  fallback INTEGER NOT NULL,        -- of them, those that came by the other path than was meant
  dual INTEGER NOT NULL,            -- of them, those that were meant for both stores
  digest_high INTEGER NOT NULL,     -- sums over the dual events, in halves, as in rollups
  digest_low INTEGER NOT NULL,
  value_high INTEGER NOT NULL,
  value_low INTEGER NOT NULL,
  body BLOB NOT NULL,               -- runs of sequence numbers by producer, packed: of stored events, then of repeats
  writes BLOB NOT NULL,             -- which flushes carried them, and how many of each route, packed
  PRIMARY KEY (start, part)
);

-- When each producer (an isolate of the gateway) was first heard of: a new one counts from 0.
CREATE TABLE IF NOT EXISTS producers (
  producer TEXT PRIMARY KEY,        -- 16 hex digits
  first_start INTEGER NOT NULL      -- minute of its first event in the first fold that met it, ms
) WITHOUT ROWID;
