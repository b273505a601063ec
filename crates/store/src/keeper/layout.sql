-- name: RECORD
INSERT INTO layout (id, shards) VALUES (0, ?1) ON CONFLICT (id) DO NOTHING;

-- name: READ
SELECT shards FROM layout;
