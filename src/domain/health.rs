//! Whether the pipeline works: a status for probes, and reasons that say what to do.
//!
//! Invariant: what could not be read is a reason itself; nothing is taken for well because it is not known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::flag::stop::Stop;
use super::grain::{HOUR_MS, MINUTE_MS};

/// What one isolate, or all of them, counted since it started, by name.
pub type Counts = BTreeMap<String, u64>;

/// Ending of the counters of which the largest counts, not the sum.
pub const PEAK: &str = "_peak";

/// How long cron may be silent, in ms: it runs each minute.
const CRON_SILENCE_MS: u64 = 5 * MINUTE_MS;

/// How long an event may wait in the queue, in ms: the lag that parity allows for.
const QUEUE_WAIT_MS: u64 = 15 * MINUTE_MS;

/// Messages that may wait in the queue: the founding plan's "backlog < 100".
const BACKLOG: u64 = 100;

/// Segments that may wait to be folded: readers unpack each of them.
const UNFOLDED: u64 = 2_000;

/// A scheduled job's last runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its name.
    pub job: String,
    /// When it last began, in ms.
    pub started_at: u64,
    /// When it last ended well, in ms.
    pub succeeded_at: Option<u64>,
    /// Why its last run failed; none if it did not.
    pub error: Option<String>,
}

/// What waits in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backlog {
    /// Messages; none where the platform doesn't tell.
    pub backlog: Option<u64>,
    /// Age of the oldest, in ms; none without one, or where the platform doesn't tell.
    pub oldest_ms: Option<u64>,
}

/// What waits as dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Letters {
    /// How many.
    pub count: u64,
    /// When the oldest was received, in ms.
    pub oldest_at: Option<u64>,
    /// How many had to make room for others: the table is bounded.
    pub dropped: u64,
}

/// What is known. None: it could not be read.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Segments of the old store that wait to be folded.
    pub old_unfolded: Option<u64>,
    /// Segments of the new store that wait to be folded.
    pub new_unfolded: Option<u64>,
    /// Jobs that have run.
    pub jobs: Option<Vec<Job>>,
    /// Dead letters.
    pub letters: Option<Letters>,
    /// The queue.
    pub backlog: Backlog,
    /// Whether the newest hourly parity report says `fail`.
    pub parity_failed: bool,
    /// Events of the newest hour that parity compared, and that reached neither store and no dead letter.
    pub lost_on_both: u64,
    /// How late the archive is, in ms; none while it is in time.
    pub archive_behind_ms: Option<u64>,
    /// Whether the flag and the stops can be read; where not, the default holds.
    pub flag_is_known: bool,
    /// The emergency stop that holds.
    pub stop: Option<Stop>,
    /// Why the setting `COLLECTOR_SHARDS` is not in force; none while it is.
    pub shards_refused: Option<String>,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing is lost or stuck.
    Ok,
    /// Counting goes on, but someone should look.
    Degraded,
    /// Events can't be stored on a path, or not read.
    Failing,
}

impl Status {
    /// Its name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }
}

/// Why the status is not `ok`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// For programs.
    pub code: &'static str,
    /// For people: what, and what to do.
    pub message: String,
    #[serde(skip)]
    status: Status,
}

/// Why traffic doesn't go by the flag.
fn flag_reasons(facts: &Facts, mut add: impl FnMut(&'static str, Status, String)) {
    if let Some(Stop { id, made, .. }) = &facts.stop {
        let message = format!("stopped by {}: {}; POST flag/release with the ID {id} ends it", made.by, made.reason);
        add("stopped", Status::Degraded, message);
    }
    if !facts.flag_is_known {
        let message =
            "neither KV nor the object tells the flag and its stops: the old path alone holds here".to_owned();
        add("flag-unreadable", Status::Degraded, message);
    }
}

/// Judges.
pub fn judge(facts: &Facts, now_ms: u64) -> (Status, Vec<Reason>) {
    let mut reasons = Vec::new();
    let mut add = |code, status, message: String| reasons.push(Reason { code, message, status });
    for (code, name, unfolded) in [
        ("old-store-unreadable", "the PathCollector object", facts.old_unfolded),
        ("new-store-unreadable", "D1", facts.new_unfolded),
    ] {
        match unfolded {
            None => add(code, Status::Failing, format!("{name} can't be read; writes to it go the other way")),
            Some(waiting) if waiting > UNFOLDED => {
                let message =
                    format!("{waiting} segments of {name} wait to be folded, which makes reads slow: see cron");
                add("folding-late", Status::Degraded, message);
            }
            Some(_) => {}
        }
    }
    match &facts.jobs {
        None => {}
        Some(jobs) if jobs.is_empty() => {
            add("cron-never", Status::Degraded, "no scheduled job has run yet: it takes a minute".to_owned());
        }
        Some(jobs) => {
            for job in jobs {
                let silent_ms = now_ms.saturating_sub(job.started_at);
                if silent_ms > CRON_SILENCE_MS {
                    let message = format!("the job `{}` has not begun for {} min", job.job, silent_ms / MINUTE_MS);
                    add("cron-late", Status::Degraded, message);
                } else if let Some(error) = &job.error {
                    add("cron-failed", Status::Degraded, format!("the job `{}` failed: {error}", job.job));
                }
            }
        }
    }
    if let Some(waiting) = facts.backlog.backlog.filter(|waiting| *waiting > BACKLOG) {
        add("backlog", Status::Degraded, format!("{waiting} messages wait in the queue: more than {BACKLOG}"));
    }
    if let Some(oldest_ms) = facts.backlog.oldest_ms.filter(|oldest_ms| *oldest_ms > QUEUE_WAIT_MS) {
        let message =
            format!("a message has waited for {} min: the consumer is behind or stopped", oldest_ms / MINUTE_MS);
        add("queue-stuck", Status::Failing, message);
    }
    match facts.letters {
        None => add("dead-letters-unreadable", Status::Degraded, "dead letters can't be read".to_owned()),
        Some(Letters { count, .. }) if count > 0 => {
            let message = format!("{count} dead letters are kept: redrive them, or purge what can't be applied");
            add("dead-letters", Status::Degraded, message);
        }
        Some(_) => {}
    }
    if let Some(behind_ms) = facts.archive_behind_ms {
        let message = format!("the archive is {} h late; details are kept meanwhile", behind_ms / HOUR_MS);
        add("archive-late", Status::Degraded, message);
    }
    flag_reasons(facts, &mut add);
    if facts.parity_failed {
        let message = "the newest hour's parity report says fail: the stores differ".to_owned();
        add("parity-failed", Status::Degraded, message);
    }
    if facts.lost_on_both > 0 {
        let message = format!(
            "{} events of the newest hour were lost on both paths: see `loss.gaps` of its parity report, and the log",
            facts.lost_on_both
        );
        add("lost-on-both-paths", Status::Degraded, message);
    }
    if let Some(refusal) = &facts.shards_refused {
        add("shards-refused", Status::Degraded, refusal.clone());
    }
    let status = reasons.iter().map(|reason| reason.status).max().unwrap_or(Status::Ok);
    (status, reasons)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::flag::stop::Act;

    const NOW: u64 = 1_730_956_800_000;

    fn well() -> Facts {
        let job = Job { job: "fold".into(), started_at: NOW - 1, succeeded_at: Some(NOW), error: None };
        Facts {
            old_unfolded: Some(3),
            new_unfolded: Some(0),
            jobs: Some(vec![job]),
            letters: Some(Letters::default()),
            backlog: Backlog { backlog: Some(100), oldest_ms: Some(QUEUE_WAIT_MS) },
            parity_failed: false,
            lost_on_both: 0,
            archive_behind_ms: None,
            flag_is_known: true,
            stop: None,
            shards_refused: None,
        }
    }

    fn codes(facts: &Facts) -> (Status, Vec<&'static str>) {
        let (status, reasons) = judge(facts, NOW);
        (status, reasons.iter().map(|reason| reason.code).collect())
    }

    #[test]
    fn all_well_needs_no_reason() {
        assert_eq!(codes(&well()), (Status::Ok, vec![]));
        assert_eq!(codes(&Facts { backlog: Backlog::default(), ..well() }).0, Status::Ok);
    }

    #[test]
    fn each_trouble_has_its_reason_and_the_worst_decides() {
        let job = |error: Option<&str>, ago: u64| {
            let error = error.map(str::to_owned);
            Some(vec![Job { job: "fold".into(), started_at: NOW - ago, succeeded_at: None, error }])
        };
        let letters = Some(Letters { count: 2, oldest_at: Some(1), dropped: 0 });
        let stop = Stop::new([0; 4], Act { at: 1, by: "op".into(), reason: "test".into() });
        let waiting = |backlog, oldest_ms| Backlog { backlog, oldest_ms };
        for (facts, status, code) in [
            (Facts { old_unfolded: None, ..well() }, Status::Failing, "old-store-unreadable"),
            (Facts { new_unfolded: None, ..well() }, Status::Failing, "new-store-unreadable"),
            (Facts { new_unfolded: Some(9_999), ..well() }, Status::Degraded, "folding-late"),
            (Facts { jobs: Some(vec![]), ..well() }, Status::Degraded, "cron-never"),
            (Facts { jobs: job(None, CRON_SILENCE_MS + 1), ..well() }, Status::Degraded, "cron-late"),
            (Facts { jobs: job(Some("x"), 0), ..well() }, Status::Degraded, "cron-failed"),
            (Facts { letters, ..well() }, Status::Degraded, "dead-letters"),
            (Facts { letters: None, ..well() }, Status::Degraded, "dead-letters-unreadable"),
            (Facts { backlog: waiting(Some(101), None), ..well() }, Status::Degraded, "backlog"),
            (Facts { backlog: waiting(None, Some(QUEUE_WAIT_MS + 1)), ..well() }, Status::Failing, "queue-stuck"),
            (Facts { archive_behind_ms: Some(1), ..well() }, Status::Degraded, "archive-late"),
            (Facts { parity_failed: true, ..well() }, Status::Degraded, "parity-failed"),
            (Facts { lost_on_both: 1, ..well() }, Status::Degraded, "lost-on-both-paths"),
            (Facts { flag_is_known: false, ..well() }, Status::Degraded, "flag-unreadable"),
            (Facts { stop: Some(stop.clone()), ..well() }, Status::Degraded, "stopped"),
            (Facts { shards_refused: Some("8, not 4".into()), ..well() }, Status::Degraded, "shards-refused"),
        ] {
            assert_eq!(codes(&facts), (status, vec![code]), "{facts:?}");
        }
        assert_eq!(codes(&Facts { letters, new_unfolded: None, ..well() }).0, Status::Failing);
    }
}
