-- name: LEDGERS
SELECT start, numbers, absorbed, events, fallback, dual, digest_high, digest_low, value_high, value_low,
       hex(body) AS body, hex(writes) AS writes
FROM ledger WHERE start IN (SELECT value FROM json_each(?1));

-- name: DELETE
-- A minute that has become whole may have fewer rows than before.
DELETE FROM ledger WHERE start IN (SELECT value FROM json_each(?1));

-- name: INSERT
INSERT INTO ledger
  (start, part, numbers, absorbed, events, fallback, dual, digest_high, digest_low, value_high, value_low, body,
   writes)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]'), json_extract(value, '$[7]'), json_extract(value, '$[8]'),
       json_extract(value, '$[9]'), json_extract(value, '$[10]'), unhex(json_extract(value, '$[11]')),
       unhex(json_extract(value, '$[12]'))
FROM json_each(?1);

-- name: INSERT_PRODUCERS
INSERT OR IGNORE INTO producers (producer, first_start)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1);
