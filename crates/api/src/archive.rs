//! `GET archive`: the days in the archive, and where it stands.

use model::archive::listed_day::ListedDay;
use model::counting::grain::DAY_MS;
use serde::{Deserialize, Serialize};

/// Days, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ArchiveAnswer {
    /// Whether a bucket is bound.
    pub bound: bool,
    /// The days.
    pub days: Vec<ListedDay>,
}

/// Where the archive stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ArchiveState {
    /// Whether a bucket is bound. If not, details are deleted on schedule.
    pub bound: bool,
    /// How long details are kept at the least, in days.
    pub details_days: u64,
    /// What is before is archived, in ms since 1970; 0 before the first day is.
    pub archived_until: u64,
}

/// Time that the archive has for a day that is due, in ms.
const GRACE_MS: u64 = 2 * DAY_MS;

impl ArchiveState {
    /// What is before is archived, in ms; 0 before the first day is. None where no bucket is bound.
    pub fn until_ms(&self) -> Option<u64> {
        self.bound.then_some(self.archived_until)
    }

    /// How much later than it should the oldest day that waits is, in ms. None while it is in time.
    pub fn behind_ms(&self, now_ms: u64) -> Option<u64> {
        let due = self.archived_until + (self.details_days + 1) * DAY_MS + GRACE_MS;
        (self.bound && self.archived_until > 0).then(|| now_ms.checked_sub(due)).flatten()
    }
}
