CREATE TABLE IF NOT EXISTS object_schema (
  id INTEGER PRIMARY KEY CHECK (id = 0),
  steps INTEGER NOT NULL  -- how many were taken
);
