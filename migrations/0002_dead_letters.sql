-- Messages, or single events of them, that could not be applied: nothing is dropped in silence.
CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY,              -- queue's message ID, and the position in it: storing twice is harmless
  received_at INTEGER NOT NULL,     -- ms
  source TEXT NOT NULL,             -- 'consumer' (it can't be read) or 'dlq' (retries exhausted)
  reason TEXT NOT NULL,
  payload TEXT NOT NULL             -- as it came, cut to 60 KB
) WITHOUT ROWID;
CREATE INDEX dead_letters_by_time ON dead_letters (received_at);
