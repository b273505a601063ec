-- name: UNFOLDED
-- The first one is always among them.
SELECT window_start, hex(digests) AS digests, hex(body) AS body,
       hex(absorbed_digests) AS absorbed_digests, hex(absorbed_body) AS absorbed_body, seq, mark
FROM segments WHERE seq > ?1 AND seq <= (
  SELECT max(seq) FROM (
    SELECT seq, sum(events + absorbed) OVER (ORDER BY seq) - events - absorbed AS before
    FROM segments WHERE seq > ?1 ORDER BY seq LIMIT ?2)
  WHERE before < ?3)
ORDER BY seq;

-- name: ADMITTED
-- A route is admitted on a day if the day has figures of it. A segment's events are of one ID window: of two days at most.
SELECT DISTINCT start, path FROM rollups
WHERE grain = ?3 AND path <> '' AND start IN (
  SELECT first_ms / ?3 * ?3 FROM segments WHERE seq > ?1 AND seq <= ?1 + ?2
  UNION SELECT last_ms / ?3 * ?3 FROM segments WHERE seq > ?1 AND seq <= ?1 + ?2);

-- name: ROLLUPS
-- The form is in rollup_rows.rs. A cross join is done in this order: one look into the table for each key.
SELECT json_array(grain, start, rollups.path, cohort, requests,
         json_array(status_1, status_2, status_3, status_4, status_5), json_array(time_sum, time_min, time_max),
         json_array(digest_high, digest_low, value_high, value_low), hex(latency), hex(addresses), hex(exemplars)) AS rollup
FROM json_each(?1) AS key CROSS JOIN rollups
WHERE grain = json_extract(key.value, '$[0]') AND start = json_extract(key.value, '$[1]')
  AND rollups.path = json_extract(key.value, '$[2]') AND cohort = json_extract(key.value, '$[3]');

-- name: INSERT_FOLD
-- Refused, by a NULL where there may be none, unless the last segment and the last fold are those that were read.
INSERT INTO folds (from_seq, to_seq, folded_at, mark)
VALUES (?1, ?2, ?3, (
  SELECT mark FROM segments
  WHERE seq = ?2 AND mark = ?4 AND ?5 = coalesce((SELECT mark FROM last_fold), 0)));

-- name: REPLACE_ROLLUPS
REPLACE INTO rollups
  (grain, start, path, cohort, requests, status_1, status_2, status_3, status_4, status_5,
   time_sum, time_min, time_max, digest_high, digest_low, value_high, value_low, latency, addresses, exemplars)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'),
       json_extract(value, '$[5][0]'), json_extract(value, '$[5][1]'), json_extract(value, '$[5][2]'),
       json_extract(value, '$[5][3]'), json_extract(value, '$[5][4]'),
       json_extract(value, '$[6][0]'), json_extract(value, '$[6][1]'), json_extract(value, '$[6][2]'),
       json_extract(value, '$[7][0]'), json_extract(value, '$[7][1]'),
       json_extract(value, '$[7][2]'), json_extract(value, '$[7][3]'),
       unhex(json_extract(value, '$[8]')), unhex(json_extract(value, '$[9]')), unhex(json_extract(value, '$[10]'))
FROM json_each(?1);
