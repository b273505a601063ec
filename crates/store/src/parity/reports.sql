-- name: LETTERS
SELECT payload FROM dead_letters WHERE received_at >= ?1 ORDER BY received_at LIMIT ?2;

-- name: COUNT_LETTERS
SELECT count(*) AS letters, coalesce(max(received_at), 0) AS newest_letter_at FROM dead_letters WHERE received_at >= ?1;

-- name: NEWEST_LETTER
SELECT coalesce(max(received_at), 0) AS newest_letter_at FROM dead_letters;

-- name: MINUTES
SELECT start, fingerprint, hex(body) AS found FROM parity_minutes WHERE start >= ?1 AND start < ?2;

-- name: KEEP_MINUTE
REPLACE INTO parity_minutes (start, fingerprint, body) VALUES (?1, ?2, unhex(?3));

-- name: LATEST
SELECT kind, start, end, revision, verdict, compared, mismatches, against_new, against_old, summary, computed_at,
       json_extract(body, '$.writes') AS writes, json_extract(body, '$.writesDiffering') AS writes_differing,
       json_extract(body, '$.loss.unexplained') AS lost
FROM newest_parity_reports WHERE kind = ?1 AND start = ?2 AND end = ?3;

-- name: PREDECESSOR
SELECT revision, conclusion, seen_old, seen_new, seen_arrived
FROM newest_parity_reports WHERE kind = ?1 AND start = ?2 AND end = ?3;

-- name: BODY
SELECT body FROM newest_parity_reports WHERE kind = ?1 AND start = ?2 AND end = ?3;

-- name: INSERT
INSERT INTO parity_reports
  (kind, start, end, revision, verdict, compared, mismatches, against_new, against_old, summary, computed_at,
   conclusion, fingerprint, is_open, body, seen_old, seen_new, seen_arrived)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18);

-- name: NEWEST
-- The newest revision of each window, without what only its own page shows.
SELECT json_remove(body, '$.differences', '$.paths', '$.loss.gaps') AS body FROM newest_parity_reports WHERE kind = ?1
ORDER BY start DESC LIMIT ?2;

-- name: NEWEST_FILED
SELECT kind, start, end, revision, verdict, compared, mismatches, against_new, against_old, summary, computed_at,
       json_extract(body, '$.writes') AS writes, json_extract(body, '$.writesDiffering') AS writes_differing,
       json_extract(body, '$.loss.unexplained') AS lost
FROM newest_parity_reports WHERE kind = ?1
ORDER BY start DESC LIMIT ?2;

-- name: DAYS
SELECT start, verdict, json_extract(body, '$.loss.arrived') AS arrived,
       json_extract(body, '$.loss.missing') AS missing, json_extract(body, '$.loss.deadLettered') AS dead_lettered,
       json_extract(body, '$.old.fallback') AS queue_failed, json_extract(body, '$.new.fallback') AS object_failed
FROM newest_parity_reports WHERE kind = 'day'
ORDER BY start DESC LIMIT ?1;

-- name: FINGERPRINTS
SELECT start, fingerprint, is_open, verdict, computed_at FROM parity_reports
WHERE kind = ?1 AND start >= ?2 AND start < ?3 ORDER BY revision;

-- name: DELETE_MINUTES
DELETE FROM parity_minutes WHERE start < ?1;

-- name: DELETE_REPORTS
DELETE FROM parity_reports WHERE start < ?1;
