-- Messages, or single events of them, that could not be applied: nothing is dropped in silence.
CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY,              -- queue's message ID, and the position in it: storing twice is harmless
  received_at INTEGER NOT NULL,     -- when it was stored, ms
  sent_at INTEGER,                  -- when its message was sent, ms; null where that is not known
  source TEXT NOT NULL,             -- 'consumer' (it can't be read) or 'dlq' (retries exhausted)
  reason TEXT NOT NULL,
  attempts INTEGER NOT NULL,        -- redrives that were refused
  refused TEXT,                     -- why the last redrive was
  bytes INTEGER NOT NULL,           -- length of the payload as it came
  payload TEXT NOT NULL             -- as it came, cut to 60 KB; after a redrive what remains of it
);
CREATE INDEX dead_letters_by_time ON dead_letters (received_at, id);

-- Letters that had to make room, by day: the table is bounded, and the loss is counted.
CREATE TABLE dead_letters_dropped (
  day INTEGER PRIMARY KEY,          -- UTC days since 1970
  letters INTEGER NOT NULL
);
