-- The flag's history, the source of truth: each change inserts the next version, and of two that insert the same one
-- fails. KV holds a copy for the edge.
CREATE TABLE flags (
  version INTEGER PRIMARY KEY,      -- 1, 2, 3 …
  document TEXT NOT NULL,           -- JSON, as flags/flag.schema.json says
  changed_at INTEGER NOT NULL       -- ms
);
