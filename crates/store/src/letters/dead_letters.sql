-- name: INSERT
INSERT INTO dead_letters (id, received_at, sent_at, source, reason, attempts, bytes, payload)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), 0, json_extract(value, '$[5]'),
       json_extract(value, '$[6]')
FROM json_each(?1) WHERE true
ON CONFLICT (id) DO NOTHING;

-- name: COUNT_EXCESS
INSERT INTO dead_letters_dropped (day, letters)
SELECT ?1, letters - ?2 FROM (SELECT count(*) AS letters FROM dead_letters) WHERE letters > ?2
ON CONFLICT (day) DO UPDATE SET letters = letters + excluded.letters;

-- name: DROP_EXCESS
DELETE FROM dead_letters WHERE id IN (
  SELECT id FROM dead_letters ORDER BY received_at, id
  LIMIT max(0, (SELECT count(*) FROM dead_letters) - ?1))
RETURNING 1 AS dropped;

-- name: GAUGE
SELECT count(*) AS letters, min(received_at) AS oldest_at,
       (SELECT coalesce(sum(letters), 0) FROM dead_letters_dropped) AS dropped FROM dead_letters;

-- name: CONTAINING
-- Lengths alone are added up first, so that of what is not looked into no payload is read.
WITH near AS (
  SELECT id, sum(min(bytes, ?2)) OVER (ORDER BY received_at, id) AS up_to FROM dead_letters WHERE received_at >= ?1)
SELECT letters.id, letters.received_at, letters.source, letters.reason FROM near JOIN dead_letters AS letters
  ON letters.id = near.id
WHERE near.up_to <= ?3 AND instr(letters.payload, ?4) > 0
ORDER BY letters.received_at, letters.id LIMIT ?5;

-- name: NOT_SEARCHED
SELECT count(*) AS letters FROM (
  SELECT sum(min(bytes, ?2)) OVER (ORDER BY received_at, id) AS up_to FROM dead_letters WHERE received_at >= ?1)
WHERE up_to > ?3;

-- name: COUNT_SINCE
SELECT count(*) AS letters FROM dead_letters WHERE received_at >= ?1;

-- name: COUNT_MATCHING
SELECT count(*) AS letters FROM dead_letters
WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR source = ?2)
  AND (?3 IS NULL OR instr(reason, ?3) > 0 OR instr(refused, ?3) > 0) AND (?4 IS NULL OR received_at < ?4);

-- name: NEWEST
SELECT id, received_at, sent_at, source, reason, attempts, refused, bytes, payload FROM dead_letters
WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR source = ?2)
  AND (?3 IS NULL OR instr(reason, ?3) > 0 OR instr(refused, ?3) > 0) AND (?4 IS NULL OR received_at < ?4)
  AND (?5 IS NULL OR (received_at, id) < (?5, ?6))
ORDER BY received_at DESC, id DESC LIMIT ?7;

-- name: PURGE
DELETE FROM dead_letters WHERE id IN (
  SELECT id FROM dead_letters
  WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR source = ?2)
    AND (?3 IS NULL OR instr(reason, ?3) > 0 OR instr(refused, ?3) > 0) AND (?4 IS NULL OR received_at < ?4)
  LIMIT ?5)
RETURNING 1 AS purged;

-- name: FORGET_DROPPED
DELETE FROM dead_letters_dropped WHERE day < ?1;
