//! Grains: the lengths of the intervals that figures are kept for, and how long each is kept.
//!
//! Invariant: one transaction adds an event to the figures of its minute, its hour and its day. Figures that are past
//! their retention are deleted, never moved, so retention can't change a total.

use serde::{Deserialize, Serialize};

use crate::event::MAX_AGE_MS;

/// A minute, in ms.
pub const MINUTE_MS: u64 = 60_000;

/// An hour, in ms.
pub const HOUR_MS: u64 = 60 * MINUTE_MS;

/// A day, in ms.
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// Length of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grain {
    /// 60,000 ms.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours, from midnight UTC.
    Day,
}

impl Grain {
    /// All, from the finest.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// Its length in ms.
    pub const fn ms(self) -> u64 {
        match self {
            Self::Minute => MINUTE_MS,
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
        }
    }

    /// The grain of this length.
    pub fn of_ms(ms: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|grain| grain.ms() == ms)
    }

    /// The next finer one.
    pub const fn finer(self) -> Option<Self> {
        match self {
            Self::Minute => None,
            Self::Hour => Some(Self::Minute),
            Self::Day => Some(Self::Hour),
        }
    }

    /// The next coarser one.
    pub const fn coarser(self) -> Option<Self> {
        match self {
            Self::Minute => Some(Self::Hour),
            Self::Hour => Some(Self::Day),
            Self::Day => None,
        }
    }

    /// Start of the interval that holds a time (both in ms).
    pub const fn floor(self, ms: u64) -> u64 {
        ms - ms % self.ms()
    }

    /// The first start of an interval at or after a time (both in ms).
    pub const fn ceil(self, ms: u64) -> u64 {
        ms.next_multiple_of(self.ms())
    }
}

/// How long sums by minute over all routes and the ledger are kept, in ms: 9 days. What can still change must still be
/// comparable: the last event of a day may come [`MAX_AGE_MS`] after the day's end, when its first minute is a day older;
/// the other day is for comparing it then, also after an outage.
pub const PROOF_MS: u64 = MAX_AGE_MS + 2 * DAY_MS;

/// How long things are kept, in ms. The sums that parity compares are kept for [`PROOF_MS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Figures by minute.
    pub minutes_ms: u64,
    /// Figures by hour; longer than [`PROOF_MS`], so that it can be told whether an hour's minutes are all there.
    pub hours_ms: u64,
    /// Figures by day.
    pub days_ms: u64,
    /// Details: the events themselves.
    pub details_ms: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { minutes_ms: 48 * HOUR_MS, hours_ms: 90 * DAY_MS, days_ms: 400 * DAY_MS, details_ms: 7 * DAY_MS }
    }
}

/// Start of the first minute for which parity's sums are kept, in ms.
pub const fn first_proof(now_ms: u64) -> u64 {
    Grain::Minute.ceil(now_ms.saturating_sub(PROOF_MS))
}

impl Retention {
    /// Start of the first interval of a grain that is kept, in ms.
    pub const fn first(&self, grain: Grain, now_ms: u64) -> u64 {
        let kept = match grain {
            Grain::Minute => self.minutes_ms,
            Grain::Hour => self.hours_ms,
            Grain::Day => self.days_ms,
        };
        grain.ceil(now_ms.saturating_sub(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grain_begins_on_its_own_multiple() {
        assert_eq!(
            Grain::ALL.map(|grain| grain.floor(DAY_MS + HOUR_MS + 61_000)),
            [DAY_MS + HOUR_MS + 60_000, DAY_MS + HOUR_MS, DAY_MS]
        );
        assert_eq!(Grain::Hour.ceil(HOUR_MS), HOUR_MS);
        assert!(Grain::ALL.into_iter().all(|grain| Grain::of_ms(grain.ms()) == Some(grain)));
        assert_eq!(Grain::of_ms(1), None);
    }

    #[test]
    fn grains_are_ordered_from_the_finest() {
        assert_eq!(Grain::ALL.map(Grain::finer), [None, Some(Grain::Minute), Some(Grain::Hour)]);
        assert_eq!(Grain::ALL.map(Grain::coarser), [Some(Grain::Hour), Some(Grain::Day), None]);
        assert!(Grain::ALL.is_sorted_by_key(|grain| grain.ms()));
    }

    #[test]
    fn sums_are_kept_long_enough_to_compare_a_day_after_its_last_event_may_have_come() {
        let first_minute = 490 * DAY_MS;
        let last_arrival = first_minute + DAY_MS + MAX_AGE_MS;
        assert!(first_proof(last_arrival) <= first_minute);
        assert_eq!(first_proof(500 * DAY_MS + 1), 491 * DAY_MS + MINUTE_MS, "the first minute that is kept whole");
        assert_eq!(first_proof(0), 0);
    }

    #[test]
    fn the_first_interval_that_is_kept_is_kept_whole() {
        let now_ms = 500 * DAY_MS + 1;
        let first = Retention::default().first(Grain::Minute, now_ms);
        assert_eq!(first, 498 * DAY_MS + 60_000);
        assert_eq!(Retention::default().first(Grain::Day, now_ms), 101 * DAY_MS);
    }
}
