-- What scheduled work writes each minute, to see whether D1 takes writes. One row.
CREATE TABLE write_probe (
  at INTEGER PRIMARY KEY,           -- ms
  ballast BLOB NOT NULL             -- zeros: a write that needs room
);
