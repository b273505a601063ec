-- name: DELETE_SEGMENTS
DELETE FROM segments WHERE seq IN (
  SELECT seq FROM segments
  WHERE window_start < ?1 AND seq <= coalesce((SELECT to_seq FROM last_fold), 0)
  LIMIT ?2)
RETURNING 1 AS deleted;

-- name: DELETE_ROLLUPS
-- Whole intervals, so that the delete is one range of the key.
DELETE FROM rollups WHERE grain = ?1 AND start <= (
  SELECT max(start) FROM (SELECT start FROM rollups WHERE grain = ?1 AND start < ?2 ORDER BY start LIMIT ?3))
RETURNING 1 AS deleted;

-- name: DELETE_LEDGERS
DELETE FROM ledger WHERE start IN (SELECT start FROM ledger WHERE start < ?1 ORDER BY start LIMIT ?2)
RETURNING 1 AS deleted;

-- name: DELETE_PRODUCERS
DELETE FROM producers WHERE producer IN (SELECT producer FROM producers WHERE first_start < ?1 LIMIT ?2)
RETURNING 1 AS deleted;

-- name: DELETE_FOLDS
DELETE FROM folds WHERE folded_at < ?1 AND from_seq < (SELECT max(from_seq) FROM folds);
