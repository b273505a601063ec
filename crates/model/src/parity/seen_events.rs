//! How many events the stores had for a window when one revision of its report was made.

use serde::{Deserialize, Serialize};

/// How many events the stores had for a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SeenEvents {
    /// Events in the old store, of any mode.
    pub old: u64,
    /// Events in the new store, of any mode.
    pub new: u64,
    /// Sequence numbers that arrived in either.
    pub arrived: u64,
}

impl SeenEvents {
    pub(super) fn most(self, other: Self) -> Self {
        Self { old: self.old.max(other.old), new: self.new.max(other.new), arrived: self.arrived.max(other.arrived) }
    }

    /// What of this is not in `now`.
    pub(super) const fn beyond(self, now: Self) -> Self {
        Self {
            old: self.old.saturating_sub(now.old),
            new: self.new.saturating_sub(now.new),
            arrived: self.arrived.saturating_sub(now.arrived),
        }
    }

    pub(super) const fn is_nothing(self) -> bool {
        self.old == 0 && self.new == 0 && self.arrived == 0
    }
}
