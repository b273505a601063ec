-- name: CURRENT
SELECT day, state, window_ms, next_window, next_slice, slices, parts, checked, rows, bytes FROM archive_days
WHERE state <> 'done' ORDER BY day LIMIT 1;

-- name: LAST_DONE
SELECT coalesce(max(day) + 1, 0) AS until FROM archive_days WHERE state = 'done';

-- name: BEGIN
INSERT INTO archive_days
  (day, state, window_ms, next_window, next_slice, slices, parts, checked, rows, twins, bytes, started_at)
VALUES (?1, 'writing', ?2, ?3, 0, 1, 0, 0, 0, 0, 0, ?4) ON CONFLICT (day) DO NOTHING;

-- name: INSERT_PART
INSERT INTO archive_parts (day, number, bytes, sha256, body)
SELECT ?1, ?2, ?5, ?6, ?7 FROM archive_days
WHERE day = ?1 AND state = 'writing' AND parts = ?2 AND next_window = ?3 AND next_slice = ?4;

-- name: ADVANCE
UPDATE archive_days SET next_window = ?5, next_slice = ?6, slices = ?7, parts = parts + 1, rows = rows + ?8,
  bytes = bytes + ?9, twins = twins + ?10
WHERE day = ?1 AND state = 'writing' AND parts = ?2 AND next_window = ?3 AND next_slice = ?4;

-- name: CHECK
UPDATE archive_days SET state = 'checking', checked = 0 WHERE day = ?1 AND state = 'writing' AND parts = ?2;

-- name: ADOPT
UPDATE archive_days SET state = 'checking', checked = 0, window_ms = ?5, parts = ?6, rows = ?7, bytes = ?8, twins = ?9
WHERE day = ?1 AND state = 'writing' AND parts = ?2 AND next_window = ?3 AND next_slice = ?4;

-- name: DELETE_PARTS_OF_ADOPTED
DELETE FROM archive_parts
WHERE day = ?1 AND EXISTS (SELECT 1 FROM archive_days WHERE day = ?1 AND state = 'checking' AND parts = ?2);

-- name: INSERT_PARTS_OF_ADOPTED
INSERT INTO archive_parts (day, number, bytes, sha256, body)
SELECT ?1, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]')
FROM json_each(?3)
WHERE EXISTS (SELECT 1 FROM archive_days WHERE day = ?1 AND state = 'checking' AND parts = ?2);

-- name: CHECKED
UPDATE archive_days SET checked = ?3 WHERE day = ?1 AND state = 'checking' AND parts = ?2 AND checked < ?3;

-- name: RESTART
UPDATE archive_days SET state = 'writing', next_window = ?2, next_slice = 0, slices = 1, parts = 0, checked = 0,
  rows = 0, bytes = 0, twins = 0
WHERE day = ?1 AND state = 'checking';

-- name: DELETE_PARTS_OF_RESTARTED
DELETE FROM archive_parts
WHERE day = ?1 AND EXISTS (SELECT 1 FROM archive_days WHERE day = ?1 AND state = 'writing' AND parts = 0);

-- name: FINISH
UPDATE archive_days SET state = 'done', done_at = ?3 WHERE day = ?1 AND state = 'checking' AND parts = ?2;

-- name: DELETE_PARTS_OF_DONE
DELETE FROM archive_parts
WHERE day = ?1 AND EXISTS (SELECT 1 FROM archive_days WHERE day = ?1 AND state = 'done');

-- name: PARTS
SELECT number, bytes, sha256, body FROM archive_parts WHERE day = ?1 ORDER BY number;

-- name: STATE_OF
SELECT coalesce((SELECT state FROM archive_days WHERE day = ?1), '') AS state,
       (SELECT count(*) FROM archive_days WHERE day > ?1) AS later;

-- name: LIST
SELECT day, state, parts, rows, twins, bytes, started_at, coalesce(done_at, 0) AS done_at FROM archive_days
WHERE day < ?1 ORDER BY day DESC LIMIT ?2;

-- name: LEASE
INSERT INTO archive_lease (id, until) VALUES (0, ?2)
ON CONFLICT (id) DO UPDATE SET until = excluded.until WHERE archive_lease.until <= ?1
RETURNING until;

-- name: RELEASE
UPDATE archive_lease SET until = 0 WHERE until = ?1;
