//! Whether the pipeline works: a status for probes, and reasons that say what to do.
//!
//! Invariant: what could not be read is a reason itself; nothing is taken for well because it is not known.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::counting::grain::MINUTE_MS;
use crate::flag::stop::Stop;
use crate::reading::missing::MissingData;

mod judge;
mod reason_code;

pub use judge::judge;
pub use reason_code::ReasonCode;

/// What one isolate, or all of them, counted since it started, by name.
pub type CounterValues = BTreeMap<String, u64>;

/// Ending of the counters of which the largest counts, not the sum.
pub const PEAK: &str = "_peak";

/// A scheduled job's last runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Backlog {
    /// Messages; none where the platform doesn't tell.
    pub backlog: Option<u64>,
    /// Age of the oldest, in ms; none without one, or where the platform doesn't tell.
    pub oldest_ms: Option<u64>,
}

/// What waits as dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LetterGauge {
    /// How many.
    pub count: u64,
    /// When the oldest was received, in ms.
    pub oldest_at: Option<u64>,
    /// How many had to make room for others: the table is bounded.
    pub dropped: u64,
}

/// What isolates counted of late, by when they reported it; an isolate reports once a minute while it has work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecentCounts {
    /// Within 15 minutes.
    pub counts: CounterValues,
    /// Within the last 24 hours.
    pub day: CounterValues,
    /// When a message was first returned for another try since one was last acknowledged, in ms; none if none was.
    pub retried_since: Option<u64>,
    /// When the last event was reported as lost, in ms; none if none was within 24 hours.
    pub lost_at: Option<u64>,
}

/// What is lately, in ms: long enough for a queue's retries to show, short enough to see that they have ended.
pub const LATELY_MS: u64 = 15 * MINUTE_MS;

/// Counters of which is kept when they grew.
pub const WATCHED: [&str; 10] = [
    "do_record_tried",
    "do_record_failed",
    "queue_send_tried",
    "queue_send_failed",
    "fallback",
    "lost",
    "consumer_acked",
    "consumer_retried",
    "slow_lane_acked",
    "slow_lane_retried",
];

impl RecentCounts {
    /// How often this was counted lately.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }
}

/// The job that writes to D1 to see whether it can.
pub const WRITE_PROBE: &str = "write-probe";

/// What is known. None: it could not be read, or the platform doesn't tell.
#[derive(Debug, Clone, Default)]
pub struct HealthFacts {
    /// Parts that could not be read, and why.
    pub missing: Vec<MissingData>,
    /// Segments of the old store that wait to be folded.
    pub old_unfolded: Option<u64>,
    /// Segments of the new store that wait to be folded.
    pub new_unfolded: Option<u64>,
    /// Size of the largest object, in bytes.
    pub old_bytes: Option<u64>,
    /// Size of D1, in bytes.
    pub new_bytes: Option<u64>,
    /// When D1 last took a write of [`WRITE_PROBE`], in ms, as D1 itself says.
    pub new_written_at: Option<u64>,
    /// Jobs that have run.
    pub jobs: Option<Vec<Job>>,
    /// What isolates counted of late.
    pub lately: Option<RecentCounts>,
    /// Dead letters.
    pub letters: Option<LetterGauge>,
    /// The queue.
    pub backlog: Backlog,
    /// The slow lane: what the queue gave up for now.
    pub slow_lane: Backlog,
    /// Whether the newest hourly parity report says `fail`.
    pub parity_failed: bool,
    /// Events of the newest hour that parity compared, and that reached neither store and no dead letter.
    pub lost_on_both: u64,
    /// Whether the flag and the stops can be read; where not, the default holds.
    pub flag_is_known: bool,
    /// The emergency stop that holds.
    pub stop: Option<Stop>,
    /// Why the setting `COLLECTOR_SHARDS` is not in force; none while it is.
    pub shards_refused: Option<String>,
    /// How late the archive is, in ms; none while it is in time.
    pub archive_behind_ms: Option<u64>,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Nothing is lost or stuck.
    Ok,
    /// Counting goes on, but someone should look.
    Degraded,
    /// Events can't be stored on a path, or not read.
    Failing,
}

impl HealthStatus {
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthReason {
    /// For programs.
    pub code: ReasonCode,
    /// For people: what is wrong.
    pub message: String,
    /// Since when, in ms. None where that is not known.
    pub since: Option<u64>,
    /// For people: what to do.
    pub remedy: Cow<'static, str>,
}

#[cfg(test)]
mod tests;
