//! What is stored of comparisons: findings by minute, and reports with all revisions.
//!
//! Invariant: a report is never changed. A later report on the same window becomes the next revision, and is stored
//! only if it concludes something else. Each revision also takes into account how many events earlier ones saw
//! (`crates/model/src/parity/revision.rs`).

use litemap::LiteMap;

use crate::sql::{Database, Row, Statement, StoreError, Value, packed, rows, unpacked};
use crate::statements::statements;
use model::operating::readiness::ReportedDay;
use model::parity::evidence::Evidence;
use model::parity::filed_report::FiledReport;
use model::parity::minute::MinuteFindings;
use model::parity::report::ParityReport;
use model::parity::seen_events::SeenEvents;
use model::parity::verdict::Verdict;
use model::parity::window::{Window, WindowKind};
use model::sorted;

/// Longest report that is stored, in bytes. A row has at most 2 MB, and has other columns.
const MAX_REPORT_BYTES: usize = 1_800_000;

/// Longest findings of one minute that are stored, in bytes. As hexadecimal text they are twice as long, and a value
/// has at most 2 MB. A minute with more is compared again by each run.
const MAX_FOUND_BYTES: usize = 900_000;

/// Most dead letters that are read. If there are more, something else is wrong.
const MAX_LETTERS: u64 = 2_000;

statements!("reports.sql":
    LETTERS, COUNT_LETTERS, NEWEST_LETTER, MINUTES, KEEP_MINUTE, LATEST, PREDECESSOR, BODY, INSERT, NEWEST,
    NEWEST_FILED, DAYS, FINGERPRINTS, DELETE_MINUTES, DELETE_REPORTS,
);

/// What a report was based on: enough to decide whether to make it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportBasis {
    /// Fingerprint of the stores' answers.
    pub fingerprint: String,
    /// Whether it is open ([`ParityReport::is_open`]): a dead letter may explain what is not explained.
    pub is_open: bool,
    /// Whether its verdict is `pending`.
    pub is_pending: bool,
    /// When it was made, in ms.
    pub computed_at: u64,
}

/// Findings and reports in a database.
#[derive(Debug, Clone)]
pub struct Reports {
    sql: Database,
}

impl Reports {
    /// Over this database.
    pub fn new(sql: impl Into<Database>) -> Self {
        Self { sql: sql.into() }
    }

    /// Reads what the dead letters since a time (ms) prove.
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
            evidence.add_letter(row.text("payload")?);
        }
        if let Some(row) = rows(&results, 1).first() {
            (evidence.letters, evidence.newest_letter_at) = (row.integer("letters")?, row.integer("newest_letter_at")?);
        }
        Ok(evidence)
    }

    /// When the newest dead letter was received, in ms. 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_letter_at(&self) -> Result<u64, StoreError> {
        let results = self.sql.batch(vec![Statement::new(NEWEST_LETTER, [])]).await?;
        rows(&results, 0).first().map_or(Ok(0), |row| row.integer("newest_letter_at"))
    }

    /// The stored findings of the minutes in `from..to` (ms), each with its fingerprint, by start of the minute.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn minutes(&self, from: u64, to: u64) -> Result<LiteMap<u64, (String, MinuteFindings)>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(MINUTES, [from.into(), to.into()])]).await?;
        let known =
            |row: &Row| Ok((row.integer("start")?, (row.text("fingerprint")?.to_owned(), unpacked(row, "found")?)));
        rows(&results, 0).iter().map(known).collect::<Result<Vec<_>, _>>().map(sorted::map_of)
    }

    /// Stores the findings of a minute, unless they are too long for a row.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn keep_minute(&self, fingerprint: &str, found: &MinuteFindings) -> Result<(), StoreError> {
        let body = packed(found)?;
        if body.len() > 2 * MAX_FOUND_BYTES {
            return Ok(());
        }
        let params = [found.start.into(), fingerprint.into(), body.into()];
        self.sql.batch(vec![Statement::new(KEEP_MINUTE, params)]).await.map(drop)
    }

    /// The summary of the newest revision of a window's report, if there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest(&self, window: Window) -> Result<Option<FiledReport>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(LATEST, key(window))]).await?;
        rows(&results, 0).first().map(filed).transpose()
    }

    /// The number of the newest revision, the hash of its conclusions, and the most events that any revision saw.
    async fn predecessor(&self, window: Window) -> Result<Option<(u64, String, SeenEvents)>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(PREDECESSOR, key(window))]).await?;
        let read = |row: &Row| {
            let seen = SeenEvents {
                old: row.integer("seen_old")?,
                new: row.integer("seen_new")?,
                arrived: row.integer("seen_arrived")?,
            };
            Ok((row.integer("revision")?, row.text("conclusion")?.to_owned(), seen))
        };
        rows(&results, 0).first().map(read).transpose()
    }

    /// The newest revision of a window's report, as JSON.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn body(&self, window: Window) -> Result<Option<String>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(BODY, key(window))]).await?;
        rows(&results, 0).first().map(|row| row.text("body").map(str::to_owned)).transpose()
    }

    /// The reports on the newest windows of a kind, newest first: of each the newest revision, as JSON without
    /// differences, routes and gaps.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(&self, kind: WindowKind, most: u64) -> Result<Vec<String>, StoreError> {
        let statement = Statement::new(NEWEST, [kind.name().into(), most.into()]);
        let results = self.sql.batch(vec![statement]).await?;
        rows(&results, 0).iter().map(|row| row.text("body").map(str::to_owned)).collect()
    }

    /// The summaries of the reports on the newest windows of a kind, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_filed(&self, kind: WindowKind, most: u64) -> Result<Vec<FiledReport>, StoreError> {
        let statement = Statement::new(NEWEST_FILED, [kind.name().into(), most.into()]);
        let results = self.sql.batch(vec![statement]).await?;
        rows(&results, 0).iter().map(filed).collect()
    }

    /// The newest reports on days, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn days(&self, most: u64) -> Result<Vec<ReportedDay>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(DAYS, [most.into()])]).await?;
        let day = |row: &Row| {
            let verdict = Verdict::named(row.text("verdict")?);
            Ok(ReportedDay {
                start: row.integer("start")?,
                verdict: verdict.ok_or_else(|| StoreError::Corrupt("a verdict is unknown".to_owned()))?,
                arrived: row.integer("arrived")?,
                missing: row.integer("missing")?,
                dead_lettered: row.integer("dead_lettered")?,
                queue_failed: row.integer("queue_failed")?,
                object_failed: row.integer("object_failed")?,
            })
        };
        rows(&results, 0).iter().map(day).collect()
    }

    /// What the newest reports on windows of a kind were based on, for windows that start in `from..to` (ms), by their
    /// start.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fingerprints(&self, kind: &str, from: u64, to: u64) -> Result<LiteMap<u64, ReportBasis>, StoreError> {
        let params = [Value::from(kind), from.into(), to.into()];
        let results = self.sql.batch(vec![Statement::new(FINGERPRINTS, params)]).await?;
        let made_of = |row: &Row| {
            let made_of = ReportBasis {
                fingerprint: row.text("fingerprint")?.to_owned(),
                is_open: row.integer("is_open")? == 1,
                is_pending: row.text("verdict")? == Verdict::Pending.name(),
                computed_at: row.integer("computed_at")?,
            };
            Ok((row.integer("start")?, made_of))
        };
        rows(&results, 0).iter().map(made_of).collect::<Result<Vec<_>, _>>().map(sorted::map_of)
    }

    /// Stores a report as the next revision, unless the latest one has the same conclusions. Returns the revision that
    /// then is the newest. If neither store ever had events in the window, nothing is stored, and the revision is 0.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Conflict`] if another run stored one meanwhile. Repeating is harmless.
    pub async fn store(&self, report: ParityReport) -> Result<ParityReport, StoreError> {
        let (before, seen) = match self.predecessor(report.window).await? {
            None if report.minutes == 0 => return Ok(report),
            None => (None, SeenEvents::default()),
            Some((revision, conclusion, seen)) => (Some((revision, conclusion)), seen),
        };
        let report = report.after(seen);
        let conclusion = report.conclusion();
        let revision = match before {
            None => 1,
            Some((revision, same)) if same == conclusion => return Ok(ParityReport { revision, ..report }),
            Some((revision, _)) => revision + 1,
        };
        let report = ParityReport { revision, ..report };
        let fitted = report.fit(MAX_REPORT_BYTES).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let (report, body) = fitted;
        let filed = report.filed();
        let values = [
            revision.into(),
            filed.verdict.name().into(),
            filed.compared.into(),
            filed.mismatches.into(),
            filed.against_new.into(),
            filed.against_old.into(),
            filed.summary.into(),
            filed.computed_at.into(),
            conclusion.into(),
            report.fingerprint.as_str().into(),
            u64::from(report.is_open()).into(),
            body.into(),
            report.seen.old.into(),
            report.seen.new.into(),
            report.seen.arrived.into(),
        ];
        let params = key(report.window).into_iter().chain(values);
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

fn key(window: Window) -> [Value; 3] {
    [window.kind.name().into(), window.from.into(), window.to.into()]
}

/// Reads a summary from a row of [`LATEST`] or [`NEWEST_FILED`].
fn filed(row: &Row) -> Result<FiledReport, StoreError> {
    let unknown = |name: &str| StoreError::Corrupt(format!("{name:?} is no kind or verdict"));
    let (kind, verdict) = (row.text("kind")?, row.text("verdict")?);
    let kind = WindowKind::named(kind).ok_or_else(|| unknown(kind))?;
    Ok(FiledReport {
        window: Window { kind, from: row.integer("start")?, to: row.integer("end")? },
        revision: row.integer("revision")?,
        verdict: Verdict::named(verdict).ok_or_else(|| unknown(verdict))?,
        compared: row.integer("compared")?,
        mismatches: row.integer("mismatches")?,
        against_new: row.integer("against_new")?,
        against_old: row.integer("against_old")?,
        summary: row.text("summary")?.to_owned(),
        computed_at: row.integer("computed_at")?,
        writes: row.integer("writes")?,
        writes_differing: row.integer("writes_differing")?,
        lost: row.integer("lost")?,
    })
}
