//! What the Worker asks an object, and what the object answers.
//!
//! Both are packed by `postcard` behind one byte, the version of the format. During a gradual deployment a Worker and an
//! object of different versions meet. So variants are only ever appended, at the end, and any other change is a new
//! version, beside which the old one is still read: a field more, too, for what was packed without it ends too soon. What
//! an end can't read is an error that says so, never a default. `tests/object_protocol.rs` holds the bytes of every version.

use model::archive::plan::PartRange;
use model::delivery::layout::Layout;
use model::event::Event;
use model::event::identity::{Digest, IdempotentId};
use model::operating::vitals::{Vitals, VitalsReport};
use model::parity::ask;
use model::reading::answers::{LogState, SelectedRollups, Sighting};
use model::reading::selection::{KnownIntervals, Selection};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of the format.
pub const VERSION: u8 = 1;

/// What an object is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObjectRequest {
    /// Records the events of a queue message, given as its text.
    Record(String),
    /// Stores the events of a self-test past dedup, given as a message's text.
    StoreAgain(String),
    /// In how many objects events are kept. With `record` the setting is recorded, unless a number is already.
    Layout {
        /// The asking deployment's `COLLECTOR_SHARDS`.
        setting: u64,
        /// Whether events are about to be written by it.
        record: bool,
    },
    /// The address key of a day, and the layout, which is recorded.
    AddressKey {
        /// UTC days since 1970.
        day: u64,
        /// The asking deployment's `COLLECTOR_SHARDS`.
        setting: u64,
    },
    /// Takes in a flag document and stops, as the JSON text of a [`FlagCopy`](model::flag::obeyed::FlagCopy).
    Flag(String),
    /// Takes in what an isolate counted.
    Report(VitalsReport),
    /// What all isolates counted.
    Vitals,
    /// Keeps the dashboard's summary, JSON text.
    KeepSnapshot(String),
    /// The dashboard's summary.
    Snapshot,
    /// How much the object holds.
    State,
    /// Figures that were selected, less what the reader knows.
    Rollups(Selection, Option<KnownIntervals>),
    /// One of parity's questions.
    Parity(ask::ParityQuestion),
    /// Events that happened in `from..to`, in ms.
    Events {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
    },
    /// What is known of an ID.
    Trace(IdempotentId),
    /// Events by ID window, for the archive.
    Windows {
        /// Beginning, in ms.
        from: u64,
        /// End, in ms.
        to: u64,
        /// Most windows.
        most: u64,
    },
    /// The events of an archive's part.
    Details(PartRange),
    /// The digests of windows that start in `from..to`, in ms.
    Digests {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
    },
    /// Deletes all that the object holds.
    Erase,
}

/// What an object answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ObjectAnswer {
    /// It could not: why.
    Failed(String),
    /// It is done.
    Done,
    /// Events were recorded.
    Recorded {
        /// New ones.
        stored: u64,
        /// Repeats.
        absorbed: u64,
        /// Why some of the message could not be read; those events are not recorded.
        rejected: Vec<String>,
    },
    /// The layout in force.
    Layout(Layout),
    /// The key's bytes, and the layout in force.
    AddressKey([u8; 32], Layout),
    /// What is held now: the JSON text of a [`FlagCopy`](model::flag::obeyed::FlagCopy).
    Flag(String),
    /// What all isolates counted.
    Vitals(Vitals),
    /// The summary, if one is kept.
    Snapshot(Option<String>),
    /// How much is held.
    State(LogState),
    /// Figures.
    Rollups(SelectedRollups),
    /// Parity's answer.
    Parity(ask::ParityAnswer),
    /// Events, and whether there are more than are given out.
    Events(Vec<Event>, bool),
    /// What is known of the ID.
    Trace(Sighting),
    /// Events by window (ms), and up to where (ms) that is all.
    Windows(Vec<(u64, u64)>, u64),
    /// Events of a part.
    Details(Vec<Event>),
    /// Digests with their windows (ms).
    Digests(Vec<(u64, Digest)>),
}

/// Why bytes are no question or answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Of another version of the format.
    #[error("it has version {0} of the object's protocol; this version knows {VERSION}")]
    Version(u8),
    /// Empty, cut off, too long, or of a kind that this version does not know.
    #[error("it is nothing that version {VERSION} of the object's protocol knows")]
    Content,
}

/// Packs a question or an answer.
///
/// # Errors
/// It can't be packed, which these types always can.
pub fn pack(value: &impl Serialize) -> Result<Vec<u8>, ProtocolError> {
    postcard::to_extend(value, vec![VERSION]).map_err(|_| ProtocolError::Content)
}

/// Reads a question or an answer.
///
/// # Errors
/// [`ProtocolError`].
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ProtocolError> {
    match bytes.split_first() {
        Some((&VERSION, packed)) => match postcard::take_from_bytes(packed) {
            Ok((value, [])) => Ok(value),
            _ => Err(ProtocolError::Content),
        },
        Some((&version, _)) => Err(ProtocolError::Version(version)),
        None => Err(ProtocolError::Content),
    }
}
