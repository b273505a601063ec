//! Whether the pipeline works: a status for probes, and reasons that say what to do.
//!
//! Invariant: anything that could not be read is a reason by itself. Unknown never counts as fine.

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

/// Counters by name: of one isolate since it started, or of all isolates.
pub type CounterValues = BTreeMap<String, u64>;

/// Suffix of counters whose largest value is kept instead of the sum.
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
    /// When it last succeeded, in ms. `None` if it never did.
    pub succeeded_at: Option<u64>,
    /// Why its last run failed. `None` if it succeeded.
    pub error: Option<String>,
}

/// The messages in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Backlog {
    /// How many messages wait. `None` if the platform doesn't say.
    pub backlog: Option<u64>,
    /// Age of the oldest message, in ms. `None` if there is none, or if the platform doesn't say.
    pub oldest_ms: Option<u64>,
}

/// The dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LetterGauge {
    /// How many.
    pub count: u64,
    /// When the oldest was received, in ms.
    pub oldest_at: Option<u64>,
    /// How many were deleted to make room for others, because the table is bounded.
    pub dropped: u64,
}

/// What isolates counted lately, by the time of their report. An isolate reports once a minute while it has work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecentCounts {
    /// Counts of the last 15 minutes.
    pub counts: CounterValues,
    /// Counts of the last 24 hours.
    pub day: CounterValues,
    /// When a message was first retried after the last one was acknowledged, in ms. `None` if none was.
    pub retried_since: Option<u64>,
    /// When an event was last reported as lost, in ms. `None` if none was in the last 24 hours.
    pub lost_at: Option<u64>,
}

/// How long "lately" is, in ms: long enough to see a queue's retries, short enough to see that they have ended.
pub const LATELY_MS: u64 = 15 * MINUTE_MS;

/// Counters whose growth is stored by minute.
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
    /// How often this was counted in the last 15 minutes.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }
}

/// The job that checks whether D1 takes writes.
pub const WRITE_PROBE: &str = "write-probe";

/// The facts that health is judged by. `None` means that it could not be read, or that the platform doesn't say.
#[derive(Debug, Clone, Default)]
pub struct HealthFacts {
    /// Parts that could not be read, and why.
    pub missing: Vec<MissingData>,
    /// Segments of the old store that are not folded yet.
    pub old_unfolded: Option<u64>,
    /// Segments of the new store that are not folded yet.
    pub new_unfolded: Option<u64>,
    /// Size of the largest object, in bytes.
    pub old_bytes: Option<u64>,
    /// Size of D1, in bytes.
    pub new_bytes: Option<u64>,
    /// When D1 last took a write of [`WRITE_PROBE`], in ms, read from D1 itself.
    pub new_written_at: Option<u64>,
    /// Jobs that have run.
    pub jobs: Option<Vec<Job>>,
    /// What isolates counted lately.
    pub lately: Option<RecentCounts>,
    /// Dead letters.
    pub letters: Option<LetterGauge>,
    /// The queue.
    pub backlog: Backlog,
    /// The slow lane: messages that the queue gave up on, for now.
    pub slow_lane: Backlog,
    /// Whether the newest hourly parity report says `fail`.
    pub parity_failed: bool,
    /// Events of the newest compared hour that reached neither store and no dead letter.
    pub lost_on_both: u64,
    /// Whether the flag and the stops can be read. If not, the default flag is in force.
    pub flag_is_known: bool,
    /// The emergency stop that holds, if any.
    pub stop: Option<Stop>,
    /// Why the setting `COLLECTOR_SHARDS` is not in force. `None` while it is.
    pub shards_refused: Option<String>,
    /// How late the archive is, in ms. `None` while it is on time.
    pub archive_behind_ms: Option<u64>,
}

/// The status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Nothing is lost, and nothing is stuck.
    Ok,
    /// Counting goes on, but someone should look.
    Degraded,
    /// A path can't store events, or a store can't be read.
    Failing,
}

impl HealthStatus {
    /// Its name in JSON.
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
    /// The code, for programs.
    pub code: ReasonCode,
    /// What is wrong, for people.
    pub message: String,
    /// Since when, in ms. `None` if that is unknown.
    pub since: Option<u64>,
    /// What to do, for people.
    pub remedy: Cow<'static, str>,
}

#[cfg(test)]
mod tests;
