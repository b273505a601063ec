-- Tables that objects alone have.

CREATE TABLE IF NOT EXISTS address_keys (
  day INTEGER PRIMARY KEY,  -- UTC days since 1970
  key BLOB NOT NULL         -- 32 random bytes
);

CREATE TABLE IF NOT EXISTS layout (
  id INTEGER PRIMARY KEY CHECK (id = 0),
  shards INTEGER NOT NULL   -- how many objects keep events
);

CREATE TABLE IF NOT EXISTS counters (
  isolate TEXT NOT NULL,        -- 16 hex digits; empty: all that are gone
  name TEXT NOT NULL,
  value INTEGER NOT NULL,       -- since the isolate started
  seen_at INTEGER NOT NULL,     -- ms
  PRIMARY KEY (isolate, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recent (
  minute INTEGER NOT NULL,      -- start, in ms
  name TEXT NOT NULL,
  value INTEGER NOT NULL,       -- what all isolates reported in it that they had not before
  PRIMARY KEY (minute, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (
  job TEXT PRIMARY KEY,
  started_at INTEGER NOT NULL,  -- ms
  succeeded_at INTEGER,         -- ms
  error TEXT                    -- of the last run, if it failed
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS snapshot (
  id INTEGER PRIMARY KEY CHECK (id = 0),
  text TEXT NOT NULL  -- JSON
);
