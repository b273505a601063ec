-- name: NEWEST
SELECT document, changed_at FROM flags ORDER BY version DESC LIMIT ?1;

-- name: ONE
SELECT document, changed_at FROM flags WHERE version = ?1;

-- name: REASON
SELECT 1 AS found FROM flags
WHERE json_extract(document, '$.updatedBy') = ?1 AND json_extract(document, '$.reason') = ?2 LIMIT 1;

-- name: INSERT
INSERT INTO flags (version, document, changed_at)
SELECT ?1, ?2, ?3 WHERE ?1 > (SELECT coalesce(max(version), -1) FROM flags)
RETURNING 1 AS inserted;

-- name: FORGET_OLDER
DELETE FROM flags WHERE version < ?1;

-- name: HOLD
INSERT INTO flags (version, document, changed_at)
SELECT ?1, ?2, ?3 WHERE ?1 >= (SELECT coalesce(max(version), -1) FROM flags)
ON CONFLICT (version) DO UPDATE SET document = excluded.document, changed_at = excluded.changed_at;
