//! A day of the archive in a list.

use serde::{Deserialize, Serialize};

use crate::reading::trace::ArchiveProgress;

/// A day that is in the archive, or on its way there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListedDay {
    /// `YYYY-MM-DD`, in UTC.
    pub day: String,
    /// How far it is.
    pub state: ArchiveProgress,
    /// Parts so far.
    pub parts: u64,
    /// Events in them.
    pub rows: u64,
    /// Second copies, of events that both stores held, that were left out.
    pub twins: u64,
    /// Length of the parts, compressed.
    pub bytes: u64,
    /// When it was begun, in ms.
    pub started_at: u64,
    /// When it was done, in ms. None until then.
    pub done_at: Option<u64>,
}
