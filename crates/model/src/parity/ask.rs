//! What parity asks a store, and what the store answers.
//!
//! Invariant: the answers of the parts of one store (the objects that share its events) add up to the answer of the
//! whole store.

use litemap::LiteMap;

use serde::{Deserialize, Serialize};

use crate::event::value_hash::value_hash;
use crate::event::{Cohort, Event};
use crate::log::ledger::Arrivals;
use crate::log::writes::Writes;
use crate::sorted::distinct;

/// A question. Times are in ms; an end is not in its range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParityQuestion {
    /// What each minute holds.
    Minutes {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
    },
    /// Dual events by route.
    Paths {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
    },
    /// The dual events of these routes, each as digest and hash of its values.
    Pairs {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
        /// The routes.
        paths: Vec<String>,
    },
    /// Every copy of these digests, also those that dedup absorbed.
    Copies {
        /// The digests.
        digests: Vec<u64>,
        /// The first ID window to look in.
        from: u64,
        /// The last ID window to look in, inclusive.
        to: u64,
    },
    /// Which sequence numbers arrived.
    Ledger {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
    },
    /// Which writes carried the events.
    Writes {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
    },
    /// When these producers were first heard of.
    Producers(Vec<u64>),
    /// The digests of all stored events of any cohort, each as often as it is stored.
    Stored {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
    },
}

/// Sums over a set of events: equal sums mean equal sets with equal values, but for a chance of 2⁻⁶⁴.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetSum {
    /// How many.
    pub requests: u64,
    /// Wrapping sum of digests.
    pub digests: u64,
    /// Wrapping sum of hashes over the values.
    pub values: u64,
}

impl SetSum {
    /// The sums of one event.
    pub fn of(event: &Event) -> Self {
        Self { requests: 1, digests: event.digest.0, values: value_hash(event) }
    }

    /// Adds another set's sums.
    pub const fn add(&mut self, other: &Self) {
        // Wrapping, because differences of sums are added, too.
        self.requests = self.requests.wrapping_add(other.requests);
        self.digests = self.digests.wrapping_add(other.digests);
        self.values = self.values.wrapping_add(other.values);
    }

    /// These sums minus the other set's, wrapping. All zero if the sets are equal.
    #[must_use]
    pub const fn less(&self, other: &Self) -> Self {
        Self {
            requests: self.requests.wrapping_sub(other.requests),
            digests: self.digests.wrapping_sub(other.digests),
            values: self.values.wrapping_sub(other.values),
        }
    }
}

/// What one minute holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minute {
    /// Its events, of any cohort.
    pub events: u64,
    /// Its dual events.
    pub dual: SetSum,
    /// Its fallback events, which came by the other path than intended.
    pub fallback: u64,
    /// Distinct sequence numbers of its events. If the store counts events twice, there are fewer numbers than events.
    pub numbers: u64,
    /// Repeats that dedup absorbed.
    pub absorbed: u64,
}

impl Minute {
    /// Counts stored events of one cohort.
    pub const fn count(&mut self, cohort: Cohort, sum: &SetSum) {
        self.events += sum.requests;
        match cohort {
            Cohort::Single => {}
            Cohort::Dual => self.dual.add(sum),
            Cohort::Fallback => self.fallback += sum.requests,
        }
    }

    /// Adds the same minute of another part of the store.
    pub const fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.dual.add(&other.dual);
        self.fallback += other.fallback;
        self.numbers += other.numbers;
        self.absorbed += other.absorbed;
    }

    /// Events beyond one per sequence number. Each request has one number, so there should be none.
    pub const fn counted_twice(&self) -> u64 {
        self.events.saturating_sub(self.numbers)
    }
}

/// What a store holds of some minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minutes {
    /// By start of minute.
    #[serde(with = "crate::sorted::map")]
    pub by_start: LiteMap<u64, Minute>,
    /// Starts of hours that hold more events than their minutes, because not all of their minutes are still kept.
    pub incomplete: Vec<u64>,
    /// The newest ID window with any event in the store.
    pub newest_window: u64,
}

impl Minutes {
    fn add(&mut self, other: &Self) {
        for (start, minute) in &other.by_start {
            self.by_start.entry(*start).or_default().add(minute);
        }
        self.incomplete = distinct(self.incomplete.iter().chain(&other.incomplete).copied());
        self.newest_window = self.newest_window.max(other.newest_window);
    }
}

/// Dual events by route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSums {
    /// By route.
    #[serde(with = "crate::sorted::map")]
    pub sums: LiteMap<String, SetSum>,
    /// Whether the routes don't add up to the total, because some of the rollups they come from are no longer kept.
    pub incomplete: bool,
}

impl RouteSums {
    /// Adds a dual event.
    pub fn add(&mut self, event: &Event) {
        self.sums.entry(event.path.clone()).or_default().add(&SetSum::of(event));
    }

    /// All routes together.
    pub fn total(&self) -> SetSum {
        let mut total = SetSum::default();
        self.sums.values().for_each(|sum| total.add(sum));
        total
    }
}

/// One copy of an event in one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCopy {
    /// The event.
    pub event: Event,
    /// Whether dedup absorbed it: the store counts another copy.
    pub absorbed: bool,
}

/// A part of a store answered a different question, perhaps because it runs another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a part of a store answered another question than was asked; ask again, once all parts are of one version")]
pub struct MismatchedAnswer;

/// An answer to the [`ParityQuestion`] of the same name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ParityAnswer {
    /// By start of minute.
    Minutes(Minutes),
    /// By route.
    Paths(RouteSums),
    /// Digest and hash of the values.
    Pairs(Vec<(u64, u64)>),
    /// In no order.
    Copies(Vec<EventCopy>),
    /// Of what is stored, and of what dedup absorbed.
    Ledger(Arrivals),
    /// Sets by producer, and counts by route. Parts of a store that share a write count it once each.
    Writes(Writes),
    /// Minute in which each was first heard of.
    Producers(#[serde(with = "crate::sorted::map")] LiteMap<u64, u64>),
    /// Digests, in no order.
    Stored(Vec<u64>),
}

impl ParityAnswer {
    /// Adds the answer of another part of the same store to the same question.
    ///
    /// # Errors
    /// If it answers another question. The sum would then lack a part.
    pub fn add(&mut self, other: Self) -> Result<(), MismatchedAnswer> {
        match (self, other) {
            (Self::Minutes(mine), Self::Minutes(theirs)) => mine.add(&theirs),
            (Self::Paths(mine), Self::Paths(theirs)) => {
                for (path, sum) in theirs.sums {
                    mine.sums.entry(path).or_default().add(&sum);
                }
                mine.incomplete |= theirs.incomplete;
            }
            (Self::Pairs(mine), Self::Pairs(theirs)) => mine.extend(theirs),
            (Self::Copies(mine), Self::Copies(theirs)) => mine.extend(theirs),
            (Self::Stored(mine), Self::Stored(theirs)) => mine.extend(theirs),
            (Self::Ledger(mine), Self::Ledger(theirs)) => mine.merge(&theirs),
            (Self::Writes(mine), Self::Writes(theirs)) => mine.merge(&theirs),
            (Self::Producers(mine), Self::Producers(theirs)) => {
                for (producer, first) in theirs {
                    let known = mine.entry(producer).or_insert(first);
                    *known = first.min(*known);
                }
            }
            _ => return Err(MismatchedAnswer),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> [ParityAnswer; 8] {
        [
            ParityAnswer::Minutes(Minutes::default()),
            ParityAnswer::Paths(RouteSums::default()),
            ParityAnswer::Pairs(Vec::new()),
            ParityAnswer::Copies(Vec::new()),
            ParityAnswer::Ledger(Arrivals::default()),
            ParityAnswer::Writes(Writes::default()),
            ParityAnswer::Stored(Vec::new()),
            ParityAnswer::Producers(LiteMap::new()),
        ]
    }

    #[test]
    fn a_part_that_answers_another_question_is_an_error_and_never_left_out_in_silence() {
        for (at, answer) in answers().into_iter().enumerate() {
            for (other_at, other) in answers().into_iter().enumerate() {
                assert_eq!(answer.clone().add(other).is_ok(), at == other_at, "{at} {other_at}");
            }
        }
    }

    fn sum(requests: u64, digests: u64, values: u64) -> SetSum {
        SetSum { requests, digests, values }
    }

    #[test]
    fn sums_of_sets_are_added_and_what_is_taken_away_again_leaves_the_rest() {
        let event = crate::event::tests::example();
        assert_eq!(SetSum::of(&event), sum(1, event.digest.0, value_hash(&event)));
        let mut both = sum(2, u64::MAX, 5);
        both.add(&SetSum::of(&event));
        assert_eq!(both.less(&SetSum::of(&event)), sum(2, u64::MAX, 5));
        assert_eq!(both.less(&both), SetSum::default());
        assert_eq!(sum(1, 2, 3).less(&sum(3, 2, 1)), sum(1u64.wrapping_sub(3), 0, 2));
    }

    #[test]
    fn routes_add_up_to_the_whole() {
        let event = crate::event::tests::example();
        let mut routes = RouteSums::default();
        for path in ["/a", "/b", "/a"] {
            routes.add(&Event { path: path.into(), ..event.clone() });
        }
        assert_eq!(routes.sums.values().map(|sum| sum.requests).collect::<Vec<_>>(), [2, 1]);
        assert_eq!((routes.total().requests, routes.total().digests), (3, event.digest.0.wrapping_mul(3)));
    }

    #[test]
    fn a_minute_counts_its_events_by_cohort_and_parts_add_up() {
        let mut minute = Minute::default();
        minute.count(Cohort::Single, &sum(5, 50, 500));
        minute.count(Cohort::Dual, &sum(3, 30, 300));
        minute.count(Cohort::Fallback, &sum(2, 20, 200));
        let counted = Minute { events: 10, dual: sum(3, 30, 300), fallback: 2, numbers: 0, absorbed: 0 };
        assert_eq!(minute, counted);
        let mut whole = Minute { numbers: 9, absorbed: 4, ..counted };
        assert_eq!(whole.counted_twice(), 1);
        whole.add(&Minute { events: 7, dual: sum(1, 2, 3), fallback: 6, numbers: 8, absorbed: 9 });
        assert_eq!(whole, Minute { events: 17, dual: sum(4, 32, 303), fallback: 8, numbers: 17, absorbed: 13 });
        assert_eq!(whole.counted_twice(), 0);
        assert_eq!(Minute { events: 1, numbers: 3, ..Minute::default() }.counted_twice(), 0);
    }

    #[test]
    fn where_one_part_lacks_minutes_the_whole_does() {
        let part = |incomplete: &[u64]| Minutes { incomplete: incomplete.to_vec(), ..Minutes::default() };
        let mut whole = part(&[7]);
        whole.add(&part(&[3, 7]));
        assert_eq!(whole.incomplete, [3, 7]);
        let mut routes = ParityAnswer::Paths(RouteSums::default());
        routes.add(ParityAnswer::Paths(RouteSums { incomplete: true, ..RouteSums::default() })).unwrap();
        assert_eq!(routes, ParityAnswer::Paths(RouteSums { incomplete: true, ..RouteSums::default() }));
    }
}
