-- name: OLDEST
SELECT id, received_at, sent_at, source, reason, attempts, refused, bytes, payload FROM dead_letters
WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR source = ?2)
  AND (?3 IS NULL OR instr(reason, ?3) > 0 OR instr(refused, ?3) > 0) AND (?4 IS NULL OR received_at < ?4)
  AND (?5 IS NULL OR (received_at, id) > (?5, ?6))
ORDER BY received_at, id LIMIT ?7;

-- name: COUNT_AFTER
SELECT count(*) AS letters FROM dead_letters
WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR source = ?2)
  AND (?3 IS NULL OR instr(reason, ?3) > 0 OR instr(refused, ?3) > 0) AND (?4 IS NULL OR received_at < ?4)
  AND (?5 IS NULL OR (received_at, id) > (?5, ?6));

-- name: DELETE
DELETE FROM dead_letters WHERE id IN (SELECT value FROM json_each(?1));

-- name: KEEP_REST
UPDATE dead_letters
SET payload = json_extract(rest.value, '$[1]'), bytes = json_extract(rest.value, '$[2]'),
    refused = json_extract(rest.value, '$[3]'), attempts = attempts + 1
FROM json_each(?1) AS rest WHERE dead_letters.id = json_extract(rest.value, '$[0]');
