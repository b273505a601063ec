//! `GET ids`: the events themselves, as one store has them.

use model::event::Event;
use model::reading::missing::MissingData;
use serde::{Deserialize, Serialize};

/// One of the two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum StoreName {
    /// The object.
    Old,
    /// D1.
    New,
}

/// Events of one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventsAnswer {
    /// Which store.
    pub store: StoreName,
    /// Start of the range, in ms since 1970.
    pub from: u64,
    /// End of the range, in ms since 1970.
    pub to: u64,
    /// Whether there are more events than are given out: ask for a shorter range.
    pub more: bool,
    /// What the answer lacks, because it could not be read within `READ_DEADLINE_MS`. Of several objects, each that is
    /// missing is named.
    pub missing: Vec<MissingData>,
    /// The events.
    pub events: Vec<Event>,
}
