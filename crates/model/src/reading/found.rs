//! What one store answers to a read.

use serde::{Deserialize, Serialize};

use super::selection::FoldId;
use crate::event::Event;

/// State of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LogState {
    /// Events of the last eight UTC days.
    pub events: u64,
    /// Repeats that dedup absorbed, of the last two hours.
    pub absorbed: u64,
    /// Segments that wait to be folded.
    pub unfolded: u64,
    /// Size of the database, in bytes; none where the platform doesn't tell.
    pub bytes: Option<u64>,
}

/// Rollups that were selected, each as the text of a stored row; of several with the same key the sum is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedRollups {
    /// The last fold; none before the first.
    pub fold: Option<FoldId>,
    /// Whether the newest fold that the reader had heard of is among this store's. If not, the store was restored (or the
    /// reader was away for long), nothing that it knew is left out, and nothing else of it may be believed.
    pub is_continued: bool,
    /// Intervals that the reader knew and that end at or before this (ms) are as it knew them, and left out.
    pub changed_from: u64,
    /// What is folded.
    pub folded: Vec<String>,
    /// What waits to be folded.
    pub waiting: Vec<String>,
}

/// Events, and when each was stored (ms).
pub type TimedEvents = Vec<(Event, u64)>;

/// What a store knows of an ID.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Events under it. Two may share an ID by chance.
    pub stored: TimedEvents,
    /// Repeats under it that dedup absorbed, and when.
    pub absorbed: TimedEvents,
}
