//! In how many objects the old path keeps its events.
//!
//! Invariant: the number never changes once an event may be in one of them. An event's object follows from it, so that
//! with another number repeats would count again, and what the objects of the old number hold would be read, compared
//! and archived by nobody.

use serde::{Deserialize, Serialize};

/// The number of objects, as the one that keeps it knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// How many objects.
    pub shards: u64,
    /// Whether it is recorded, and so stays. Until then no event is in any object, and the setting holds.
    pub is_recorded: bool,
}

impl Layout {
    /// What is in force where a number is recorded, or none is.
    pub const fn of(recorded: Option<u64>, setting: u64) -> Self {
        match recorded {
            Some(shards) => Self { shards, is_recorded: true },
            None => Self { shards: setting, is_recorded: false },
        }
    }

    /// Why the setting is not in force, if it is not, and what to do.
    pub fn refusal(&self, setting: u64) -> Option<String> {
        (self.shards != setting).then(|| {
            let shards = self.shards;
            format!(
                "COLLECTOR_SHARDS is {setting}, but events are kept in {shards} and stay there: {shards} is in force. Set \
                 COLLECTOR_SHARDS to {shards}; another number needs a new deployment with objects of its own"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_holds_and_another_setting_is_refused_with_both_numbers_and_the_remedy() {
        assert_eq!(Layout::of(None, 4), Layout { shards: 4, is_recorded: false });
        assert_eq!(Layout::of(None, 4).refusal(4), None);
        let recorded = Layout::of(Some(4), 8);
        assert_eq!(recorded, Layout { shards: 4, is_recorded: true });
        assert_eq!(recorded.refusal(4), None);
        let refusal = recorded.refusal(8).unwrap();
        assert!(refusal.contains("is 8") && refusal.contains("Set COLLECTOR_SHARDS to 4"), "{refusal}");
    }
}
