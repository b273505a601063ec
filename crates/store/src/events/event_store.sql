-- name: DIGESTS_SINCE
-- The plus keeps SQLite from reading all of a window by its index where only the few newest segments are asked for.
SELECT window_start, hex(digests) AS digests FROM segments
WHERE seq > ?1 AND +window_start IN (SELECT value FROM json_each(?2));

-- name: DIGESTS
SELECT window_start, hex(digests) AS digests FROM segments
WHERE window_start IN (SELECT value FROM json_each(?1));

-- name: INSERT_SEGMENT
-- Refused, by a NULL where there may be none, unless the log is the one that was read: the segment before has the mark
-- that the writer read, and what is inserted is not behind the last fold.
INSERT INTO segments
  (seq, window_start, first_ms, last_ms, events, absorbed, stored_at, digests, body, absorbed_digests, absorbed_body,
   mark)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, unhex(?8), unhex(?9), unhex(?10), unhex(?11),
  iif(?12 = (SELECT mark FROM marks WHERE seq = ?1 - 1) AND ?1 > coalesce((SELECT to_seq FROM last_fold), 0),
      ?13, NULL));
