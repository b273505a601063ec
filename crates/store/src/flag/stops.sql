-- name: WRITE
INSERT INTO flag_stops (id, made_at, made_by, reason, released_at, released_by, release_reason)
SELECT json_extract(value, '$.id'), json_extract(value, '$.at'), json_extract(value, '$.by'),
       json_extract(value, '$.reason'), json_extract(value, '$.released.at'),
       json_extract(value, '$.released.by'), json_extract(value, '$.released.reason')
FROM json_each(?1) WHERE true
ON CONFLICT (id) DO UPDATE SET released_at = excluded.released_at, released_by = excluded.released_by,
  release_reason = excluded.release_reason
WHERE excluded.released_at IS NOT NULL AND (released_at IS NULL OR
  (excluded.released_at, excluded.released_by, excluded.release_reason) < (released_at, released_by, release_reason));

-- name: READ
SELECT id, made_at, made_by, reason, coalesce(released_at, 0) AS released_at,
       coalesce(released_by, '') AS released_by, coalesce(release_reason, '') AS release_reason
FROM flag_stops ORDER BY flag_stops.released_at IS NOT NULL, made_at DESC, id LIMIT ?1;
