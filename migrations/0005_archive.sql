-- The archive of details: a row for each UTC day, in whose order days are archived. What is before the end of the last
-- day that is 'done' may be deleted from both stores.
CREATE TABLE archive_days (
  day INTEGER PRIMARY KEY,          -- UTC days since 1970, of the start of events' ID windows
  state TEXT NOT NULL,              -- 'writing' parts, 'checking' them, or 'done': the manifest is written
  window_ms INTEGER NOT NULL,       -- length of the ID window, by which repeats are told
  next_window INTEGER NOT NULL,     -- where the next part begins, ms
  next_slice INTEGER NOT NULL,      -- and in which slice of its digests: a busy window has several parts
  slices INTEGER NOT NULL,          -- of how many
  parts INTEGER NOT NULL,           -- parts that are written
  checked INTEGER NOT NULL,         -- parts that were checked again after the last was written
  rows INTEGER NOT NULL,            -- events in them
  twins INTEGER NOT NULL,           -- second copies, in the other store, that were left out
  bytes INTEGER NOT NULL,           -- of the compressed parts
  started_at INTEGER NOT NULL,      -- ms
  done_at INTEGER                   -- ms
);

-- Parts of the day that is being archived; a manifest replaces them.
CREATE TABLE archive_parts (
  day INTEGER NOT NULL,
  number INTEGER NOT NULL,          -- 0, 1, 2 …
  bytes INTEGER NOT NULL,           -- compressed
  sha256 TEXT NOT NULL,             -- of the compressed bytes, 64 hex digits
  body TEXT NOT NULL,               -- JSON, as it will stand in the manifest
  PRIMARY KEY (day, number)
) WITHOUT ROWID;

-- Who archives, one at a time: a slow run must not write a part again whose events were deleted meanwhile.
CREATE TABLE archive_lease (
  id INTEGER PRIMARY KEY CHECK (id = 0),
  until INTEGER NOT NULL            -- ms; longer than a run can last
);
