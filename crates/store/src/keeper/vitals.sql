-- name: GREW
-- Before the report is taken in: what is new in it. A report that is repeated or overtaken brings nothing.
INSERT INTO recent (minute, name, value)
SELECT ?2 - ?2 % 60000, json_extract(each.value, '$[0]') AS watched,
       json_extract(each.value, '$[1]') - coalesce((
         SELECT counters.value FROM counters
         WHERE isolate = ?1 AND name = json_extract(each.value, '$[0]')), 0) AS grown
FROM json_each(?3) AS each
WHERE watched IN (SELECT value FROM json_each(?4)) AND grown > 0
ON CONFLICT (minute, name) DO UPDATE SET value = value + excluded.value;

-- name: COUNT
INSERT INTO counters (isolate, name, value, seen_at)
SELECT ?1, json_extract(value, '$[0]'), json_extract(value, '$[1]'), ?2 FROM json_each(?3) WHERE true
ON CONFLICT (isolate, name) DO UPDATE SET value = max(value, excluded.value), seen_at = excluded.seen_at;

-- name: RAN
INSERT INTO jobs (job, started_at, succeeded_at, error)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]')
FROM json_each(?1) WHERE true
ON CONFLICT (job) DO UPDATE SET started_at = excluded.started_at, error = excluded.error,
  succeeded_at = coalesce(excluded.succeeded_at, succeeded_at);

-- name: SUMS
SELECT name, sum(value) AS value, max(value) AS largest FROM counters GROUP BY name;

-- name: JOBS
SELECT job, started_at, coalesce(succeeded_at, 0) AS succeeded_at, coalesce(error, '') AS error FROM jobs;

-- name: LATELY
SELECT name, sum(iif(minute > ?1, value, 0)) AS lately, sum(value) AS day, max(minute) AS last
FROM recent WHERE minute > ?2 GROUP BY name;

-- name: RETRIED_SINCE
SELECT coalesce(min(minute), 0) AS since FROM recent
WHERE name = 'consumer_retried'
  AND minute > coalesce((SELECT max(minute) FROM recent WHERE name = 'consumer_acked'), 0);

-- name: FORGET_RECENT
DELETE FROM recent WHERE minute < ?1;

-- name: RETIRE
INSERT INTO counters (isolate, name, value, seen_at)
SELECT '', name, iif(name GLOB '*_peak', max(value), sum(value)), max(seen_at) FROM counters
WHERE isolate = '' OR seen_at < ?1 GROUP BY name
ON CONFLICT (isolate, name) DO UPDATE SET value = excluded.value;

-- name: DELETE_RETIRED
DELETE FROM counters WHERE isolate <> '' AND seen_at < ?1;
