-- The flag, and the emergency stop beside it. D1 has it by migration; the object `default` runs this file whenever it
-- starts, and holds the newest document and the stops in the same tables.

-- The flag's history, the source of truth: each change inserts the next version, and of two that insert the same one
-- fails. KV and the object hold copies of the newest for routers.
CREATE TABLE IF NOT EXISTS flags (
  version INTEGER PRIMARY KEY,      -- 1, 2, 3 …
  document TEXT NOT NULL,           -- JSON, as flags/flag.schema.json says
  changed_at INTEGER NOT NULL       -- ms
);

-- Emergency stops. A row is never deleted, and changes once: when the stop is released by its name.
CREATE TABLE IF NOT EXISTS flag_stops (
  id TEXT PRIMARY KEY,              -- its name
  made_at INTEGER NOT NULL,         -- ms
  made_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  released_at INTEGER,              -- ms; null while it holds
  released_by TEXT,
  release_reason TEXT
) WITHOUT ROWID;
