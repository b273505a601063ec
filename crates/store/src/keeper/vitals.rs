//! Vital signs: what isolates counted, and when scheduled jobs last ran. One object stores them for all isolates.
//!
//! Invariant: a report that is lost, repeated or late changes nothing. An isolate reports what it has counted since it
//! started, and the largest value of each counter is kept.

use std::collections::BTreeMap;

use model::counting::grain::DAY_MS;
use model::operating::health::{Job, LATELY_MS, PEAK, RecentCounts, WATCHED};
use model::operating::vitals::{Vitals, VitalsReport};

use crate::sql::{Database, Row, Statement, StoreError, Value, json_chunks, rows};
use crate::statements::statements;

/// Most counters, and most jobs, that are taken from one report.
const MAX_COUNTERS: usize = 64;

/// Characters of an error that are kept.
const MAX_ERROR_BYTES: usize = 300;

/// After this time without a report, in ms, an isolate is taken for gone. Its counts are then added to those of all
/// isolates that are gone.
const SILENCE_MS: u64 = 2 * DAY_MS;

statements!("vitals.sql":
    GREW, COUNT, RAN, SUMS, JOBS, LATELY, RETRIED_SINCE, FORGET_RECENT, RETIRE, DELETE_RETIRED,
);

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

    /// Stores a report.
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

    /// Reads the vital signs of all isolates.
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

    /// Adds up the counts of isolates that are gone, and deletes minutes that are older than a day.
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
