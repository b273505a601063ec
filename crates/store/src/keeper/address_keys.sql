-- name: CREATE
INSERT INTO address_keys (day, key) VALUES (?1, unhex(?2)) ON CONFLICT (day) DO NOTHING;

-- name: READ
SELECT hex(key) AS key FROM address_keys WHERE day = ?1;

-- name: EXPIRE
DELETE FROM address_keys WHERE day + ?2 <= ?1;
