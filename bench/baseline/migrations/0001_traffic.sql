-- Details. The ID begins with the event's time, so that the primary key also finds and deletes by time.
CREATE TABLE events (
  id TEXT PRIMARY KEY,
  timestamp INTEGER NOT NULL,       -- ms
  path TEXT NOT NULL,
  client_ip_hash TEXT NOT NULL,
  response_time INTEGER NOT NULL,   -- ms
  status INTEGER NOT NULL
) WITHOUT ROWID;

-- Figures per minute and path.
CREATE TABLE stats (
  minute INTEGER NOT NULL,          -- ms
  path TEXT NOT NULL,
  requests INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  response_time_sum INTEGER NOT NULL,
  response_time_max INTEGER NOT NULL,
  PRIMARY KEY (minute, path)
) WITHOUT ROWID;
