-- Rollups are read as one text each, whose form is in rollup_rows.rs. ?4 says which parts: 0 numbers, 1 also response
-- times, 2 addresses too, 3 everything; ?5 the same of dual events.

-- name: LAST_FOLD
-- ?1 to ?3: the oldest fold as of which the reader knows anything. ?4 to ?6: the newest that it has heard of.
SELECT from_seq, folded_at, mark,
       (SELECT coalesce(max(changed_from), 0) FROM fold_changes
        WHERE from_seq = ?1 AND folded_at = ?2 AND mark = ?3) AS changed_from,
       EXISTS (SELECT 1 FROM folds WHERE from_seq = ?4 AND folded_at = ?5 AND mark = ?6) AS is_continued
FROM last_fold;

-- name: IN_RANGE
-- Each route, or the route ?9 alone where that is not NULL.
-- What has changed since the fold ?6 to ?8, as of which the reader knows the range; all of it where they are NULL or
-- that fold is unknown. One bound on the start, so that the rest of the range is not visited.
SELECT json_array(grain, start, rollups.path, cohort, requests,
         json_array(status_1, status_2, status_3, status_4, status_5), json_array(time_sum, time_min, time_max),
         json_array(digest_high, digest_low, value_high, value_low), iif(iif(cohort = 1, ?5, ?4) > 0, hex(latency), ''),
         iif(iif(cohort = 1, ?5, ?4) > 1, hex(addresses), ''),
         iif(iif(cohort = 1, ?5, ?4) > 2, hex(exemplars), '')) AS rollup
FROM rollups
WHERE grain = ?1 AND start < ?3 AND iif(?9 IS NULL, path <> '', path = ?9) AND start >= max(?2, 1 - ?1 + (
  SELECT coalesce(max(changed_from), 0) FROM fold_changes WHERE from_seq = ?6 AND folded_at = ?7 AND mark = ?8));

-- name: ONE_ROUTE
-- The starts are given one by one, so that other routes are not read.
SELECT json_array(grain, start, rollups.path, cohort, requests,
         json_array(status_1, status_2, status_3, status_4, status_5), json_array(time_sum, time_min, time_max),
         json_array(digest_high, digest_low, value_high, value_low), iif(iif(cohort = 1, ?5, ?4) > 0, hex(latency), ''),
         iif(iif(cohort = 1, ?5, ?4) > 1, hex(addresses), ''),
         iif(iif(cohort = 1, ?5, ?4) > 2, hex(exemplars), '')) AS rollup
FROM json_each(?2) AS starts CROSS JOIN rollups
WHERE grain = ?1 AND start = starts.value AND rollups.path = ?3;

-- name: TAIL
SELECT window_start, hex(digests) AS digests, hex(body) AS body FROM waiting_segments
WHERE first_ms < ?2 AND last_ms >= ?1;

-- name: EVENTS_BETWEEN
SELECT window_start, hex(digests) AS digests, hex(body) AS body FROM segments
WHERE window_start > ?1 - ?3 AND window_start < ?2 + ?3 AND first_ms < ?2 AND last_ms >= ?1
ORDER BY seq LIMIT ?4;

-- name: STATE
-- Of the segments only those that wait are read; the rest is in the few rows of all routes together.
SELECT coalesce(sum(events), 0) + (
         SELECT coalesce(sum(requests), 0) FROM json_each(?2) AS days CROSS JOIN rollups
         WHERE grain = ?1 AND start = days.value AND rollups.path = '') AS events,
       coalesce(sum(absorbed), 0) + (
         SELECT coalesce(sum(absorbed), 0) FROM ledger WHERE start >= ?3) AS absorbed,
       count(*) AS unfolded
FROM waiting_segments;

-- name: BY_WINDOW
SELECT window_start, hex(digests) AS digests, hex(body) AS body, hex(absorbed_digests) AS absorbed_digests,
       hex(absorbed_body) AS absorbed_body, stored_at
FROM segments
WHERE window_start = ?1 AND (instr(digests, unhex(?2)) > 0 OR instr(absorbed_digests, unhex(?2)) > 0)
ORDER BY seq;
