//! What a manifest says: enough to check a day's parts by themselves.

use serde::{Deserialize, Serialize};

use crate::event::identity::IdempotentId;

/// Version of the manifest's format.
pub const FORMAT: u32 = 1;

/// One file of gzip NDJSON, an event to a line, by ID window and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ArchivePart {
    /// Its name, without the folder.
    pub name: String,
    /// Events in it.
    pub rows: u64,
    /// Length of the file, compressed.
    pub bytes: u64,
    /// SHA-256 of the file, 64 hex digits.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{64}$")))]
    pub sha256: String,
    /// ID of its first event.
    pub first_id: Option<IdempotentId>,
    /// ID of its last event.
    pub last_id: Option<IdempotentId>,
    /// Start of its first ID window, in ms.
    pub from: u64,
    /// End of its ID windows, in ms.
    pub to: u64,
    /// Which slice of their digests, of `slices`.
    pub slice: u64,
    /// Slices that the digests of a busy window are cut into.
    pub slices: u64,
    /// Events that the object held.
    pub old: u64,
    /// Events that D1 held.
    pub new: u64,
    /// Second copies, of events that both held, that were left out.
    pub twins: u64,
}

/// A day's parts. `P` is [`ArchivePart`], or its JSON as it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Manifest<P = ArchivePart> {
    /// Version of the format.
    #[cfg_attr(feature = "schema", schemars(extend("const" = FORMAT)))]
    pub format: u32,
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// Length of the ID window, in ms: a digest is in neighbouring windows once.
    pub window_ms: u64,
    /// Events in all parts.
    pub rows: u64,
    /// Length of all parts, compressed.
    pub bytes: u64,
    /// ID of the first event.
    pub first_id: Option<IdempotentId>,
    /// ID of the last event.
    pub last_id: Option<IdempotentId>,
    /// The parts, in order.
    pub parts: Vec<P>,
}
