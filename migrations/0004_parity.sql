-- What parity found in one minute in which the stores' sums differ: a run that is interrupted goes on from here, and
-- an hour's findings serve its day.
CREATE TABLE parity_minutes (
  start INTEGER PRIMARY KEY,        -- ms
  fingerprint TEXT NOT NULL,        -- of what the stores said; found anew when that changes
  body BLOB NOT NULL                -- packed
);

-- Reports, all revisions: events that arrive late make a new one.
CREATE TABLE parity_reports (
  kind TEXT NOT NULL,               -- 'hour', 'day' or 'range'
  start INTEGER NOT NULL,           -- of the window, ms
  end INTEGER NOT NULL,             -- of the window, ms
  revision INTEGER NOT NULL,        -- 1, 2, 3 …
  verdict TEXT NOT NULL,            -- 'pass', 'fail', 'inconclusive' or 'pending'
  fingerprint TEXT NOT NULL,        -- of what the stores said
  conclusion TEXT NOT NULL,         -- fingerprint of what was concluded
  is_open INTEGER NOT NULL,         -- 1: something is not explained yet, look again
  compared INTEGER NOT NULL,        -- events in either store that were meant for both
  mismatches INTEGER NOT NULL,      -- of them, in which the stores differ
  against_new INTEGER NOT NULL,     -- mismatches that speak against the new path
  against_old INTEGER NOT NULL,     -- and against the old one
  seen_old INTEGER NOT NULL,        -- the most that any revision saw: events in the old store,
  seen_new INTEGER NOT NULL,        -- in the new one,
  seen_arrived INTEGER NOT NULL,    -- and sequence numbers that arrived
  summary TEXT NOT NULL,            -- the verdict in words
  computed_at INTEGER NOT NULL,     -- ms
  body TEXT NOT NULL,               -- JSON
  PRIMARY KEY (kind, start, end, revision)
) WITHOUT ROWID;
