//! Vital signs: what isolates counted, and when scheduled jobs last ran. One object keeps them for all.
//!
//! Invariant: an isolate reports what it counted since it started, so that a report that is lost, repeated or late
//! changes nothing: the largest value of each counter is kept.

use std::collections::BTreeMap;

use model::counting::grain::DAY_MS;
use model::operating::health::{Job, LATELY_MS, PEAK, RecentCounts, WATCHED};
use model::operating::vitals::{Vitals, VitalsReport};

use crate::sql::{Database, Row, Statement, StoreError, Value, json_chunks, rows};

/// Counters of one report, at most.
const MAX_COUNTERS: usize = 64;

/// Bytes of an error that are kept.
const MAX_ERROR_BYTES: usize = 300;

/// After this silence an isolate is gone, in ms; what it counted is added to what all that are gone counted.
const SILENCE_MS: u64 = 2 * DAY_MS;

/// The tables, which only the object has.
pub const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS counters (
      isolate TEXT NOT NULL,        -- 16 hex digits; empty: all that are gone
      name TEXT NOT NULL,
      value INTEGER NOT NULL,       -- since the isolate started
      seen_at INTEGER NOT NULL,     -- ms
      PRIMARY KEY (isolate, name)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS recent (
      minute INTEGER NOT NULL,      -- start, in ms
      name TEXT NOT NULL,
      value INTEGER NOT NULL,       -- what all isolates reported in it that they had not before
      PRIMARY KEY (minute, name)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS jobs (
      job TEXT PRIMARY KEY,
      started_at INTEGER NOT NULL,  -- ms
      succeeded_at INTEGER,         -- ms
      error TEXT                    -- of the last run, if it failed
    ) WITHOUT ROWID";

// Before the report is taken in: what is new in it. A report that is repeated or overtaken brings nothing.
const GREW: &str = "
    INSERT INTO recent (minute, name, value)
    SELECT ?2 - ?2 % 60000, json_extract(each.value, '$[0]') AS watched,
           json_extract(each.value, '$[1]') - coalesce((
             SELECT counters.value FROM counters
             WHERE isolate = ?1 AND name = json_extract(each.value, '$[0]')), 0) AS grown
    FROM json_each(?3) AS each
    WHERE watched IN (SELECT value FROM json_each(?4)) AND grown > 0
    ON CONFLICT (minute, name) DO UPDATE SET value = value + excluded.value";

const COUNT: &str = "
    INSERT INTO counters (isolate, name, value, seen_at)
    SELECT ?1, json_extract(value, '$[0]'), json_extract(value, '$[1]'), ?2 FROM json_each(?3) WHERE true
    ON CONFLICT (isolate, name) DO UPDATE SET value = max(value, excluded.value), seen_at = excluded.seen_at";

const RAN: &str = "
    INSERT INTO jobs (job, started_at, succeeded_at, error)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
           json_extract(value, '$[3]')
    FROM json_each(?1) WHERE true
    ON CONFLICT (job) DO UPDATE SET started_at = excluded.started_at, error = excluded.error,
      succeeded_at = coalesce(excluded.succeeded_at, succeeded_at)";

const SUMS: &str = "SELECT name, sum(value) AS value, max(value) AS largest FROM counters GROUP BY name";

const JOBS: &str =
    "SELECT job, started_at, coalesce(succeeded_at, 0) AS succeeded_at, coalesce(error, '') AS error FROM jobs";

const LATELY: &str = "
    SELECT name, sum(iif(minute > ?1, value, 0)) AS lately, sum(value) AS day, max(minute) AS last
    FROM recent WHERE minute > ?2 GROUP BY name";

const RETRIED_SINCE: &str = "
    SELECT coalesce(min(minute), 0) AS since FROM recent
    WHERE name = 'consumer_retried'
      AND minute > coalesce((SELECT max(minute) FROM recent WHERE name = 'consumer_acked'), 0)";

const FORGET_RECENT: &str = "DELETE FROM recent WHERE minute < ?1";

const RETIRE: &str = "
    INSERT INTO counters (isolate, name, value, seen_at)
    SELECT '', name, iif(name GLOB '*_peak', max(value), sum(value)), max(seen_at) FROM counters
    WHERE isolate = '' OR seen_at < ?1 GROUP BY name
    ON CONFLICT (isolate, name) DO UPDATE SET value = excluded.value";

const DELETE_RETIRED: &str = "DELETE FROM counters WHERE isolate <> '' AND seen_at < ?1";

/// Vital signs in a database.
#[derive(Debug, Clone)]
pub struct VitalSigns {
    sql: Database,
}

impl VitalSigns {
    /// Over this database.
    pub fn new(sql: impl Into<Database>) -> Self {
        Self { sql: sql.into() }
    }

    /// Takes a report in.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn report(&self, report: &VitalsReport, now_ms: u64) -> Result<(), StoreError> {
        let counters = report.counts.iter().take(MAX_COUNTERS).map(|(name, value)| serde_json::json!([name, value]));
        let jobs = report.jobs.iter().take(MAX_COUNTERS).map(|job| {
            let error = job.error.as_deref().map(|error| error.chars().take(MAX_ERROR_BYTES).collect::<String>());
            serde_json::json!([job.job, job.started_at, job.succeeded_at, error])
        });
        let watched = serde_json::json!(WATCHED).to_string();
        let count = |chunk: Value| {
            let params = [report.isolate.as_str().into(), now_ms.into(), chunk];
            let grew = params.clone().into_iter().chain([watched.as_str().into()]);
            [Statement::new(GREW, grew), Statement::new(COUNT, params)]
        };
        let mut statements: Vec<Statement> = json_chunks(counters).into_iter().flat_map(count).collect();
        statements.extend(json_chunks(jobs).into_iter().map(|chunk| Statement::new(RAN, [chunk])));
        self.sql.batch(statements).await.map(drop)
    }

    /// Reads all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, now_ms: u64) -> Result<Vitals, StoreError> {
        let before = |ms: u64| Value::from(now_ms.saturating_sub(ms));
        let statements = vec![
            Statement::new(SUMS, []),
            Statement::new(JOBS, []),
            Statement::new(LATELY, [before(LATELY_MS), before(DAY_MS)]),
            Statement::new(RETRIED_SINCE, []),
        ];
        let results = self.sql.batch(statements).await?;
        let mut counts = BTreeMap::new();
        for row in rows(&results, 0) {
            let name = row.text("name")?;
            counts.insert(name.to_owned(), row.integer(if name.ends_with(PEAK) { "largest" } else { "value" })?);
        }
        let job = |row: &Row| {
            Ok(Job {
                job: row.text("job")?.to_owned(),
                started_at: row.integer("started_at")?,
                succeeded_at: Some(row.integer("succeeded_at")?).filter(|at| *at > 0),
                error: Some(row.text("error")?.to_owned()).filter(|error| !error.is_empty()),
            })
        };
        let jobs = rows(&results, 1).iter().map(job).collect::<Result<_, StoreError>>()?;
        Ok(Vitals { counts, jobs, lately: lately(rows(&results, 2), rows(&results, 3))? })
    }

    /// Adds up what isolates counted that are gone.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn retire(&self, now_ms: u64) -> Result<(), StoreError> {
        let before: Value = now_ms.saturating_sub(SILENCE_MS).into();
        let statements = vec![
            Statement::new(RETIRE, [before.clone()]),
            Statement::new(DELETE_RETIRED, [before]),
            Statement::new(FORGET_RECENT, [now_ms.saturating_sub(DAY_MS).into()]),
        ];
        self.sql.batch(statements).await.map(drop)
    }
}

fn lately(grown: &[Row], retried: &[Row]) -> Result<RecentCounts, StoreError> {
    let mut lately = RecentCounts::default();
    for row in grown {
        let name = row.text("name")?;
        if let count @ 1.. = row.integer("lately")? {
            lately.counts.insert(name.to_owned(), count);
        }
        lately.day.insert(name.to_owned(), row.integer("day")?);
        if name == "lost" {
            lately.lost_at = Some(row.integer("last")?);
        }
    }
    lately.retried_since =
        retried.first().map_or(Ok(0), |row| row.integer("since")).map(|at| Some(at).filter(|at| *at > 0))?;
    Ok(lately)
}
