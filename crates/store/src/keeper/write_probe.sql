-- name: WRITE
-- Four pages and more, which the row before frees only afterwards.
INSERT INTO write_probe (at, ballast) VALUES (?1, zeroblob(16384))
ON CONFLICT (at) DO UPDATE SET ballast = excluded.ballast;

-- name: DELETE_EARLIER
DELETE FROM write_probe WHERE at < ?1;

-- name: LAST
SELECT coalesce(max(at), 0) AS at FROM write_probe;
