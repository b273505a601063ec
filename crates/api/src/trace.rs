//! `GET trace/{id}`: what each part of the system knows of one ID.

use model::delivery::kept_letter::FoundLetter;
use model::event::identity::IdempotentId;
use model::event::{Cohort, Event};
use model::reading::missing::MissingData;
use model::reading::trace::{ArchiveProgress, DetailsNote};
use serde::{Deserialize, Serialize};

/// What is known of an ID. What can't be read is null, and `missing` names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TraceAnswer {
    /// The ID.
    pub idempotent_id: IdempotentId,
    /// What could not be read.
    pub missing: Vec<MissingData>,
    /// Events under it that the object holds.
    pub old: Option<Vec<StoredEvent>>,
    /// Events under it that D1 holds.
    pub new: Option<Vec<StoredEvent>>,
    /// Repeats that each store did not count again.
    pub absorbed: AbsorbedRepeats,
    /// Letters of its time or later that contain the ID, the oldest first.
    pub dead_letters: Option<Vec<FoundLetter>>,
    /// Letters of its time or later that were not looked into: there are too many.
    pub dead_letters_not_searched: Option<u64>,
    /// The ID's day in the archive. None where nothing is archived, or where the archive began later.
    pub archive: Option<ArchivedDay>,
    /// Cohort of the first event under the ID, or else of the first repeat.
    pub cohort: Option<Cohort>,
    /// Flag version of the same.
    pub flag_version: Option<u32>,
    /// Where details of the ID's time are, whether or not it is known. None where the archive's state can't be read.
    pub details: Option<DetailsNote>,
}

/// An event in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoredEvent {
    /// When it was stored, in ms since 1970.
    pub stored_at: u64,
    /// The event.
    pub event: Event,
}

/// Repeats that each store absorbed. None where it can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AbsorbedRepeats {
    /// The object.
    pub old: Option<usize>,
    /// D1.
    pub new: Option<usize>,
}

/// A day in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ArchivedDay {
    /// `YYYY-MM-DD`, in UTC.
    pub day: String,
    /// How far it is.
    pub state: ArchiveProgress,
}
