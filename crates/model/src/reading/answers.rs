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
    /// Size of the database, in bytes. None if the platform doesn't report it.
    pub bytes: Option<u64>,
}

/// The selected rollups, each as the text of a stored row. Rollups with the same key are to be added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedRollups {
    /// The last fold. None before the first.
    pub fold: Option<FoldId>,
    /// Whether this store has the newest fold that the reader knew of. If not, the store was restored, or the reader
    /// was away for long. The answer is then complete, and the reader must discard what it remembers.
    pub is_continued: bool,
    /// Intervals that the reader already knew and that end at or before this time (ms) are unchanged and left out.
    pub changed_from: u64,
    /// Folded rollups.
    pub folded: Vec<String>,
    /// Rollups of segments that are not folded yet.
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
