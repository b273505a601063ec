//! `GET health`: whether the pipeline works.

use model::operating::health::{Backlog, CounterValues, HealthReason, HealthStatus, Job, LetterGauge, RecentCounts};
use model::reading::answers::LogState;
use model::reading::missing::MissingData;
use serde::{Deserialize, Serialize};

use crate::archive::ArchiveState;

/// How the pipeline is. What can't be read is null, and a reason. What isolates counted is complete but for the last minute
/// of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HealthAnswer {
    /// For probes.
    pub status: HealthStatus,
    /// Why it is not `ok`.
    pub reasons: Vec<HealthReason>,
    /// When it was judged, in ms since 1970.
    pub computed_at: u64,
    /// What could not be read.
    pub missing: Vec<MissingData>,
    /// Events that were written, by either path.
    pub sends: Option<SendCounts>,
    /// What became of what the queue delivered.
    pub consumer: Option<ConsumerCounts>,
    /// What isolates counted of late.
    pub lately: Option<RecentCounts>,
    /// What waits in the queue.
    pub queue: Backlog,
    /// What waits in the slow lane.
    pub slow_lane: Backlog,
    /// What waits as dead letter.
    pub dead_letters: Option<LetterGauge>,
    /// How much the stores hold.
    pub stores: StoreStates,
    /// Scheduled jobs and their last runs.
    pub cron: Option<Vec<Job>>,
    /// Where the archive stands.
    pub archive: Option<ArchiveState>,
    /// What all isolates counted.
    pub counters: Option<CounterValues>,
    /// What the answering isolate counted since it started.
    pub isolate: CounterValues,
}

/// Events that were written, by either path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SendCounts {
    /// Writes that were tried.
    pub tried: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those of them that the other path took.
    pub fallback: u64,
    /// Those of them that no path took.
    pub lost: u64,
}

/// What became of what the queue delivered: events, but for messages that were retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsumerCounts {
    /// Events counted.
    pub stored: u64,
    /// Repeats that were not counted again.
    pub absorbed: u64,
    /// Messages that are done.
    pub acked: u64,
    /// Messages that were put back.
    pub retried: u64,
    /// Events that became dead letters.
    pub dead: u64,
}

/// How much the stores hold. None where it can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoreStates {
    /// The objects.
    pub old: Option<Vec<LogState>>,
    /// D1.
    pub new: Option<LogState>,
}
