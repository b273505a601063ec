//! What is kept of comparing: findings by minute, and reports with all their revisions.
//!
//! Invariant: a report is never changed; a later one on the same window is its next revision, and only if what the
//! stores said has changed.

use std::collections::BTreeMap;

use crate::domain::parity::evidence::Evidence;
use crate::domain::parity::minute::Found;
use crate::domain::parity::report::Report;
use crate::domain::parity::window::Window;
use crate::store::sql::{Row, Sql, Statement, StoreError, Value, rows};

/// Dead letters that are looked into: they are few, or something else is wrong.
const MAX_LETTERS: u64 = 2_000;

const LETTERS: &str = "SELECT payload FROM dead_letters WHERE received_at >= ?1 ORDER BY received_at LIMIT ?2";

const COUNT_LETTERS: &str = "
    SELECT count(*) AS letters, coalesce(max(received_at), 0) AS newest FROM dead_letters WHERE received_at >= ?1";

const MINUTES: &str = "SELECT start, fingerprint, body FROM parity_minutes WHERE start >= ?1 AND start < ?2";

const KEEP_MINUTE: &str = "REPLACE INTO parity_minutes (start, fingerprint, body) VALUES (?1, ?2, ?3)";

const LATEST: &str = "
    SELECT body FROM parity_reports WHERE kind = ?1 AND start = ?2 AND end = ?3 ORDER BY revision DESC LIMIT 1";

const INSERT: &str = "
    INSERT INTO parity_reports (kind, start, end, revision, verdict, fingerprint, is_open, computed_at, body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

// The newest revision of each window.
const NEWEST: &str = "
    SELECT body FROM parity_reports AS r
    WHERE kind = ?1 AND revision =
      (SELECT max(revision) FROM parity_reports WHERE kind = r.kind AND start = r.start AND end = r.end)
    ORDER BY start DESC LIMIT ?2";

const FINGERPRINTS: &str = "
    SELECT start, fingerprint, is_open FROM parity_reports WHERE kind = ?1 AND start >= ?2 AND start < ?3 ORDER BY revision";

const DELETE_MINUTES: &str = "DELETE FROM parity_minutes WHERE start < ?1";

const DELETE_REPORTS: &str = "DELETE FROM parity_reports WHERE start < ?1";

/// Findings and reports in a database.
#[derive(Debug, Clone)]
pub struct Reports<S> {
    sql: S,
}

impl<S: Sql> Reports<S> {
    /// Over this database.
    pub const fn new(sql: S) -> Self {
        Self { sql }
    }

    /// What dead letters since a time prove.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn evidence(&self, since_ms: u64) -> Result<Evidence, StoreError> {
        let statements = vec![
            Statement::new(LETTERS, [since_ms.into(), MAX_LETTERS.into()]),
            Statement::new(COUNT_LETTERS, [since_ms.into()]),
        ];
        let results = self.sql.batch(statements).await?;
        let mut evidence = Evidence::default();
        for row in rows(&results, 0) {
            evidence.add_letter(row.text(0)?);
        }
        if let Some(row) = rows(&results, 1).first() {
            (evidence.letters, evidence.newest_letter_at) = (row.integer(0)?, row.integer(1)?);
        }
        Ok(evidence)
    }

    /// What was found earlier in the minutes of a time, with its fingerprint, by start of minute.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn minutes(&self, from: u64, to: u64) -> Result<BTreeMap<u64, (String, Found)>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(MINUTES, [from.into(), to.into()])]).await?;
        let known = |row: &Row| Ok((row.integer(0)?, (row.text(1)?.to_owned(), parsed(row.text(2)?)?)));
        rows(&results, 0).iter().map(known).collect()
    }

    /// Keeps what was found in a minute.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn keep_minute(&self, fingerprint: &str, found: &Found) -> Result<(), StoreError> {
        let params = [found.start.into(), fingerprint.into(), text(found)?];
        self.sql.batch(vec![Statement::new(KEEP_MINUTE, params)]).await.map(drop)
    }

    /// The newest revision of a window's report.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest(&self, window: Window) -> Result<Option<Report>, StoreError> {
        let params = [window.kind.name().into(), window.from.into(), window.to.into()];
        let results = self.sql.batch(vec![Statement::new(LATEST, params)]).await?;
        rows(&results, 0).first().map(|row| parsed(row.text(0)?)).transpose()
    }

    /// The newest revisions of the newest windows of a kind, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(&self, kind: &str, most: u64) -> Result<Vec<Report>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(NEWEST, [Value::from(kind), most.into()])]).await?;
        rows(&results, 0).iter().map(|row| parsed(row.text(0)?)).collect()
    }

    /// Fingerprints of the newest reports on windows of a kind that begin in a time, by their start, and whether each
    /// is open ([`Report::is_open`]).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fingerprints(
        &self,
        kind: &str,
        from: u64,
        to: u64,
    ) -> Result<BTreeMap<u64, (String, bool)>, StoreError> {
        let params = [Value::from(kind), from.into(), to.into()];
        let results = self.sql.batch(vec![Statement::new(FINGERPRINTS, params)]).await?;
        let print = |row: &Row| Ok((row.integer(0)?, (row.text(1)?.to_owned(), row.integer(2)? == 1)));
        rows(&results, 0).iter().map(print).collect()
    }

    /// Stores a report as the next revision, unless the latest one was made of the same; gives the one that holds.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Conflict`] if another run stored one meanwhile. Repeating is harmless.
    pub async fn store(&self, report: Report) -> Result<Report, StoreError> {
        let latest = self.latest(report.window).await?;
        let revision = latest.as_ref().map_or(0, |latest| latest.revision) + 1;
        if let Some(latest) = latest.filter(|latest| latest.says_the_same(&report)) {
            return Ok(latest);
        }
        let report = Report { revision, ..report };
        let params = [
            report.window.kind.name().into(),
            report.window.from.into(),
            report.window.to.into(),
            revision.into(),
            report.total.verdict.name().into(),
            report.fingerprint.as_str().into(),
            u64::from(report.is_open()).into(),
            report.computed_at.into(),
            text(&report)?,
        ];
        // 1. A crash here: the report is there or is not, and a repeat finds it.
        self.sql.batch(vec![Statement::new(INSERT, params)]).await?;
        Ok(report)
    }

    /// Deletes findings older than `minutes_before` and reports on windows older than `reports_before`, in ms.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn prune(&self, minutes_before: u64, reports_before: u64) -> Result<(), StoreError> {
        let statements = vec![
            Statement::new(DELETE_MINUTES, [minutes_before.into()]),
            Statement::new(DELETE_REPORTS, [reports_before.into()]),
        ];
        self.sql.batch(statements).await.map(drop)
    }
}

fn text(value: &impl serde::Serialize) -> Result<Value, StoreError> {
    serde_json::to_string(value).map(Value::Text).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(error.to_string()))
}
