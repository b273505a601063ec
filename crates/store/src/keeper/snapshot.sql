-- name: WRITE
INSERT INTO snapshot (id, text) VALUES (0, ?1) ON CONFLICT (id) DO UPDATE SET text = excluded.text;

-- name: READ
SELECT text FROM snapshot;
