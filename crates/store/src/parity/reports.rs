//! What is kept of comparing: findings by minute, and reports with all their revisions.
//!
//! Invariant: a report is never changed; a later one on the same window is its next revision, and only if what the
//! stores said has changed. It is made beside the most that earlier ones saw (`crates/model/src/parity/revision.rs`).

use litemap::LiteMap;

use crate::sql::{Database, Row, Statement, StoreError, Value, packed, rows, unpacked};
use model::operating::readiness::ReportedDay;
use model::parity::evidence::Evidence;
use model::parity::filed::FiledReport;
use model::parity::minute::MinuteFindings;
use model::parity::report::ParityReport;
use model::parity::seen::SeenEvents;
use model::parity::verdict::Verdict;
use model::parity::window::{Window, WindowKind};

/// Longest report that is stored, in bytes: a row holds 2 MB, and has other columns.
const MAX_REPORT_BYTES: usize = 1_800_000;

/// Longest finding of one minute that is kept, in bytes: as text it is twice as long, and a value holds 2 MB. A minute
/// with more is looked into again by each run.
const MAX_FOUND_BYTES: usize = 900_000;

/// Dead letters that are looked into: they are few, or something else is wrong.
const MAX_LETTERS: u64 = 2_000;

const LETTERS: &str = "SELECT payload FROM dead_letters WHERE received_at >= ?1 ORDER BY received_at LIMIT ?2";

const COUNT_LETTERS: &str = "
    SELECT count(*) AS letters, coalesce(max(received_at), 0) AS newest_letter_at FROM dead_letters WHERE received_at >= ?1";

const NEWEST_LETTER: &str = "SELECT coalesce(max(received_at), 0) AS newest_letter_at FROM dead_letters";

const MINUTES: &str = "
    SELECT start, fingerprint, hex(body) AS found FROM parity_minutes WHERE start >= ?1 AND start < ?2";

const KEEP_MINUTE: &str = "REPLACE INTO parity_minutes (start, fingerprint, body) VALUES (?1, ?2, unhex(?3))";

const LATEST: &str = "
    SELECT kind, start, end, revision, verdict, compared, mismatches, against_new, against_old, summary, computed_at,
           json_extract(body, '$.writes') AS writes, json_extract(body, '$.writesDiffering') AS writes_differing,
           json_extract(body, '$.loss.unexplained') AS lost
    FROM parity_reports WHERE kind = ?1 AND start = ?2 AND end = ?3 ORDER BY revision DESC LIMIT 1";

const PREDECESSOR: &str = "
    SELECT revision, conclusion, seen_old, seen_new, seen_arrived
    FROM parity_reports WHERE kind = ?1 AND start = ?2 AND end = ?3 ORDER BY revision DESC LIMIT 1";

const BODY: &str = "
    SELECT body FROM parity_reports WHERE kind = ?1 AND start = ?2 AND end = ?3 ORDER BY revision DESC LIMIT 1";

const INSERT: &str = "
    INSERT INTO parity_reports
      (kind, start, end, revision, verdict, compared, mismatches, against_new, against_old, summary, computed_at,
       conclusion, fingerprint, is_open, body, seen_old, seen_new, seen_arrived)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";

// The newest revision of each window, without what only its own page shows.
const NEWEST: &str = "
    SELECT json_remove(body, '$.differences', '$.paths', '$.loss.gaps') AS body FROM parity_reports AS r
    WHERE kind = ?1 AND revision =
      (SELECT max(revision) FROM parity_reports WHERE kind = r.kind AND start = r.start AND end = r.end)
    ORDER BY start DESC LIMIT ?2";

const NEWEST_FILED: &str = "
    SELECT kind, start, end, revision, verdict, compared, mismatches, against_new, against_old, summary, computed_at,
           json_extract(body, '$.writes') AS writes, json_extract(body, '$.writesDiffering') AS writes_differing,
           json_extract(body, '$.loss.unexplained') AS lost
    FROM parity_reports AS r
    WHERE kind = ?1 AND revision =
      (SELECT max(revision) FROM parity_reports WHERE kind = r.kind AND start = r.start AND end = r.end)
    ORDER BY start DESC LIMIT ?2";

const DAYS: &str = "
    SELECT start, verdict, json_extract(body, '$.loss.arrived') AS arrived,
           json_extract(body, '$.loss.missing') AS missing, json_extract(body, '$.loss.deadLettered') AS dead_lettered,
           json_extract(body, '$.old.fallback') AS queue_failed, json_extract(body, '$.new.fallback') AS object_failed
    FROM parity_reports AS r
    WHERE kind = 'day' AND revision =
      (SELECT max(revision) FROM parity_reports WHERE kind = r.kind AND start = r.start AND end = r.end)
    ORDER BY start DESC LIMIT ?1";

const FINGERPRINTS: &str = "
    SELECT start, fingerprint, is_open, verdict, computed_at FROM parity_reports
    WHERE kind = ?1 AND start >= ?2 AND start < ?3 ORDER BY revision";

const DELETE_MINUTES: &str = "DELETE FROM parity_minutes WHERE start < ?1";

const DELETE_REPORTS: &str = "DELETE FROM parity_reports WHERE start < ?1";

/// What a report was made of, as far as it says whether it is to be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportBasis {
    /// Of what the stores said.
    pub fingerprint: String,
    /// Whether it is open ([`ParityReport::is_open`]): a dead letter may explain what is not explained.
    pub is_open: bool,
    /// Whether it waits for something, be it for time to pass.
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
            evidence.add_letter(row.text("payload")?);
        }
        if let Some(row) = rows(&results, 1).first() {
            (evidence.letters, evidence.newest_letter_at) = (row.integer("letters")?, row.integer("newest_letter_at")?);
        }
        Ok(evidence)
    }

    /// When the newest dead letter came, in ms; 0 without one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_letter_at(&self) -> Result<u64, StoreError> {
        let results = self.sql.batch(vec![Statement::new(NEWEST_LETTER, [])]).await?;
        rows(&results, 0).first().map_or(Ok(0), |row| row.integer("newest_letter_at"))
    }

    /// What was found earlier in the minutes of a time, with its fingerprint, by start of minute.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn minutes(&self, from: u64, to: u64) -> Result<LiteMap<u64, (String, MinuteFindings)>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(MINUTES, [from.into(), to.into()])]).await?;
        let known =
            |row: &Row| Ok((row.integer("start")?, (row.text("fingerprint")?.to_owned(), unpacked(row, "found")?)));
        rows(&results, 0).iter().map(known).collect()
    }

    /// Keeps what was found in a minute, unless it is too long for a row.
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

    /// What is filed of the newest revision of a window's report.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest(&self, window: Window) -> Result<Option<FiledReport>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(LATEST, key(window))]).await?;
        rows(&results, 0).first().map(filed).transpose()
    }

    /// The newest revision's number, the hash of what it concluded, and the most that any revision saw.
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

    /// The newest revisions of the newest windows of a kind, newest first: each report as JSON, without differences,
    /// routes and gaps.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(&self, kind: WindowKind, most: u64) -> Result<Vec<String>, StoreError> {
        let statement = Statement::new(NEWEST, [kind.name().into(), most.into()]);
        let results = self.sql.batch(vec![statement]).await?;
        rows(&results, 0).iter().map(|row| row.text("body").map(str::to_owned)).collect()
    }

    /// What is filed of the newest revisions of the newest windows of a kind, newest first.
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

    /// What the newest reports on windows of a kind that begin in a time were made of, by their start.
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
        rows(&results, 0).iter().map(made_of).collect()
    }

    /// Stores a report as the next revision, unless the latest one concluded the same; returns the revision that holds.
    /// Where there never was anything in either store there is nothing to report: none is stored, and the revision is 0.
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

/// What is filed, from a row of [`LATEST`] or [`NEWEST_FILED`].
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
