-- name: WINDOWS
SELECT window_start, sum(events) AS events FROM segments
WHERE window_start >= ?1 AND window_start < ?2 AND events > 0
GROUP BY window_start ORDER BY window_start LIMIT ?3;

-- name: PAGE
-- The next few segments that hold so many events, read by themselves: a sum over whole rows would read their bodies.
SELECT window_start, hex(digests) AS digests, hex(body) AS body, seq FROM segments WHERE seq IN (
  SELECT seq FROM (
    SELECT seq, events, sum(events) OVER (ORDER BY seq) AS upto FROM segments
    WHERE window_start >= ?1 AND window_start < ?2 AND seq > ?3 AND events > 0)
  WHERE upto - events < ?4 ORDER BY seq LIMIT ?5)
ORDER BY seq;

-- name: DIGESTS
SELECT window_start, hex(digests) AS digests FROM segments
WHERE window_start >= ?1 AND window_start < ?2 AND events > 0;
