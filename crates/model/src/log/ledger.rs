//! The ledger: which of each producer's sequence numbers arrived.
//!
//! Every isolate numbers its events from 0. What is missing between numbers that arrived, in either store, was lost on
//! its way to both: the one loss that comparing the stores can't show.
//!
//! Invariant: a ledger is a set, so that merging is idempotent, commutative and lossless.
//! Limit: what a producer lost after the last number that arrived can't be known.

use litemap::LiteMap;

use serde::{Deserialize, Serialize};

use super::runs::Runs;
use crate::event::{Event, ProducerId};
use crate::sorted;

/// Sequence numbers by producer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger(#[serde(with = "crate::sorted::map")] pub LiteMap<u64, Runs>);

impl Ledger {
    /// The ledger of these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        Self::of_numbers(events.into_iter().map(|event| (event.producer.0, event.seq)))
    }

    /// The ledger of these pairs of producer and number.
    pub fn of_numbers(numbers: impl IntoIterator<Item = (u64, u32)>) -> Self {
        Self::of_list(numbers.into_iter().collect())
    }

    fn of_list(mut all: Vec<(u64, u32)>) -> Self {
        all.sort_unstable();
        let runs = |of: &[(u64, u32)]| {
            let (producer, _) = of.first()?;
            Some((*producer, Runs::joined(of.iter().map(|(_, number)| (*number, *number)))))
        };
        Self(sorted::map_of(all.chunk_by(|(one, _), (other, _)| one == other).filter_map(runs)))
    }

    /// The union of both.
    pub fn merge(&mut self, other: &Self) {
        // Those that are new come all at once: put in one by one, each would move what lies behind it.
        let mut new = Vec::new();
        for (producer, runs) in &other.0 {
            match self.0.get_mut(producer) {
                Some(known) => known.merge(runs),
                None => new.push((*producer, runs.clone())),
            }
        }
        if !new.is_empty() {
            self.0 = sorted::map_of(std::mem::take(&mut self.0).into_iter().chain(new));
        }
    }

    /// Splits the ledger into parts that each hold at most `most` producers and runs (at least two).
    pub fn split(&self, most: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        let (mut part, mut room) = (Vec::new(), most);
        for (producer, runs) in &self.0 {
            let mut rest = runs.as_slice();
            while !rest.is_empty() {
                if room < 2 && !part.is_empty() {
                    parts.push(Self(sorted::map_of(std::mem::take(&mut part))));
                    room = most;
                }
                let (some, others) = rest.split_at(rest.len().min(room.max(2) - 1));
                part.push((*producer, Runs::joined(some.iter().copied())));
                (rest, room) = (others, room.saturating_sub(some.len() + 1));
            }
        }
        if !part.is_empty() {
            parts.push(Self(sorted::map_of(part)));
        }
        parts
    }

    /// How many numbers.
    pub fn len(&self) -> u64 {
        self.0.values().map(Runs::len).sum()
    }

    /// How many numbers are not in the other.
    pub fn beyond(&self, other: &Self) -> u64 {
        let mut both = other.clone();
        both.merge(self);
        both.len() - other.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Sequence numbers that arrived at one store: those of stored events, and those of absorbed repeats.
///
/// The packed form omits the second ledger if it is empty, because most minutes have no repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrivals {
    /// Of the events that are stored. Fewer numbers than events mean that a request is counted twice.
    pub stored: Ledger,
    /// Of the repeats that dedup absorbed.
    pub absorbed: Ledger,
}

impl Arrivals {
    /// The arrivals of these stored events and these repeats.
    pub fn of<'a>(stored: impl IntoIterator<Item = &'a Event>, absorbed: impl IntoIterator<Item = &'a Event>) -> Self {
        Self { stored: Ledger::of(stored), absorbed: Ledger::of(absorbed) }
    }

    /// The union of both.
    pub fn merge(&mut self, other: &Self) {
        self.stored.merge(&other.stored);
        self.absorbed.merge(&other.absorbed);
    }

    /// Splits the arrivals into parts whose union they are. Each ledger of a part holds at most `most` producers and
    /// runs (at least two).
    pub fn split(&self, most: usize) -> Vec<Self> {
        let (stored, absorbed) = (self.stored.split(most), self.absorbed.split(most));
        let mut parts: Vec<Self> = Vec::new();
        parts.resize_with(stored.len().max(absorbed.len()), Self::default);
        for (part, stored) in parts.iter_mut().zip(stored) {
            part.stored = stored;
        }
        for (part, absorbed) in parts.iter_mut().zip(absorbed) {
            part.absorbed = absorbed;
        }
        parts
    }

    /// All numbers that arrived, stored or absorbed.
    pub fn all(mut self) -> Ledger {
        self.stored.merge(&self.absorbed);
        self.stored
    }

    /// Packs it.
    ///
    /// # Errors
    /// If the encoder fails. It can't for these types.
    pub fn pack(&self) -> Result<Vec<u8>, postcard::Error> {
        let bytes = postcard::to_allocvec(&self.stored)?;
        if self.absorbed.is_empty() { Ok(bytes) } else { postcard::to_extend(&self.absorbed, bytes) }
    }

    /// Unpacks [`Arrivals::pack`].
    ///
    /// # Errors
    /// If the bytes are not packed arrivals.
    pub fn unpack(bytes: &[u8]) -> Result<Self, postcard::Error> {
        let (stored, rest) = postcard::take_from_bytes(bytes)?;
        let absorbed = if rest.is_empty() { Ledger::default() } else { postcard::from_bytes(rest)? };
        Ok(Self { stored, absorbed })
    }
}

/// Numbers of one producer that are in neither store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gap {
    /// Who numbered them.
    pub producer: ProducerId,
    /// The first one missing.
    pub first: u32,
    /// The last one missing.
    pub last: u32,
}

impl Gap {
    /// How many numbers are missing.
    pub const fn len(&self) -> u64 {
        self.last.abs_diff(self.first) as u64 + 1
    }

    /// A gap has at least one number.
    pub const fn is_empty(&self) -> bool {
        false
    }
}

/// The sequence numbers that are missing from a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MissingNumbers {
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// Producers that sent nothing during the time looked back over. Whether they lost events before the window can't
    /// be judged.
    pub unjudged: u64,
}

/// The gaps before the numbers that arrived in a window. A gap belongs to the window of the number that follows it, so
/// each gap is reported once. `window` is the union of both stores' ledgers for the window. `around` is the same for
/// the time before and after it, where a slow request's number may be. `is_new` says whether a producer was first seen
/// in the window.
pub fn missing(window: &Ledger, around: &Ledger, is_new: impl Fn(u64) -> bool) -> MissingNumbers {
    let mut found = MissingNumbers::default();
    for (producer, here) in &window.0 {
        let mut all = here.clone();
        if let Some(runs) = around.0.get(producer) {
            all.merge(runs);
        }
        let mut before = None;
        for (first, last) in all.runs() {
            // A run may begin with numbers from around, and is told of by the window of its first one.
            if here.contains(first) {
                match before {
                    Some(end) => found.gaps.push(gap(*producer, end, first)),
                    None if first > 0 && is_new(*producer) => {
                        found.gaps.push(Gap { producer: ProducerId(*producer), first: 0, last: first - 1 });
                    }
                    None if first > 0 => found.unjudged += 1,
                    None => {}
                }
            }
            before = Some(last);
        }
    }
    found
}

/// Producers whose lowest known number is in the window and is not 0. They lost the earlier numbers or sent them long
/// ago; only the time when they were first seen can tell which.
pub fn late_starters(window: &Ledger, around: &Ledger) -> Vec<u64> {
    let lowest = |runs: &Runs| runs.runs().next().map(|(first, _)| first);
    let is_late = |(producer, here): &(&u64, &Runs)| {
        let elsewhere = around.0.get(producer).and_then(lowest);
        lowest(here).is_some_and(|first| first > 0 && elsewhere.is_none_or(|other| first < other))
    };
    window.0.iter().filter(is_late).map(|(producer, _)| *producer).collect()
}

/// What lies between two numbers that are not neighbours.
const fn gap(producer: u64, end: u32, first: u32) -> Gap {
    Gap { producer: ProducerId(producer), first: end.saturating_add(1), last: first.saturating_sub(1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ledger(numbers: &[u32]) -> Ledger {
        Ledger(LiteMap::from_iter([(1, Runs::of(numbers.to_vec()))]))
    }

    fn gaps(window: &[u32], around: &[u32], is_new: bool) -> (Vec<(u32, u32)>, u64) {
        let missing = missing(&ledger(window), &ledger(around), |_| is_new);
        (missing.gaps.iter().map(|gap| (gap.first, gap.last)).collect(), missing.unjudged)
    }

    #[test]
    fn a_gap_is_what_no_store_has_between_numbers_that_arrived() {
        assert_eq!(gaps(&[0, 1, 2, 5, 6, 9], &[], true), (vec![(3, 4), (7, 8)], 0));
        assert_eq!(gaps(&[0, 1, 5], &[2, 3, 4], true), (vec![], 0), "slow requests of the windows around");
        assert_eq!(gaps(&[7, 8], &[4], false), (vec![(5, 6)], 0), "lost at the edge");
    }

    #[test]
    fn a_new_producer_counts_from_zero_and_of_an_old_one_the_past_is_not_judged() {
        assert_eq!(gaps(&[3, 4], &[], true), (vec![(0, 2)], 0));
        assert_eq!(gaps(&[3, 4], &[], false), (vec![], 1));
        assert_eq!(gaps(&[9], &[3, 4], true).0, [(5, 8)], "what begins around is told of there");
    }

    fn event(producer: u64, seq: u32) -> Event {
        Event { producer: ProducerId(producer), seq, write: seq, ..crate::event::tests::example() }
    }

    #[test]
    fn a_ledger_has_each_number_of_each_producer_once() {
        let events = [event(1, 5), event(2, 5), event(1, 5), event(1, 6)];
        let of_all = Ledger::of(&events);
        assert_eq!((of_all.len(), of_all.is_empty(), Ledger::default().is_empty()), (3, false, true));
        assert_eq!(of_all, Ledger::of_numbers([(1, 6), (2, 5), (1, 5)]));
        assert_eq!((of_all.beyond(&Ledger::of(&events[..2])), Ledger::default().beyond(&of_all)), (1, 0));
        assert_eq!(of_all.beyond(&Ledger::default()), 3);
    }

    #[test]
    fn parts_are_as_full_as_they_may_be() {
        // Each producer costs two: itself, and its run.
        let whole = Ledger::of_numbers((0..7).map(|producer| (producer, 0)));
        assert_eq!(whole.split(4).iter().map(Ledger::len).collect::<Vec<_>>(), [2, 2, 2, 1]);
    }

    #[test]
    fn what_was_stored_and_what_was_absorbed_are_merged_and_split_apart() {
        let (one, other) = ([event(1, 0), event(1, 2)], [event(2, 0)]);
        let mut both = Arrivals::of(&one, &other);
        assert_eq!((&both.stored, &both.absorbed), (&Ledger::of(&one), &Ledger::of(&other)));
        both.merge(&Arrivals::of(&other, &one));
        let all = Ledger::of_numbers([(1, 0), (1, 2), (2, 0)]);
        assert_eq!((&both.stored, &both.absorbed), (&all, &all));
        let parts = both.split(2);
        let mut union = Arrivals::default();
        for part in &parts {
            union.merge(part);
        }
        assert_eq!((parts.len(), union), (3, both));
    }

    #[test]
    fn what_arrived_is_packed_with_its_repeats_and_without() {
        let stored = [event(1, 0), event(2, 7)];
        for absorbed in [&[][..], &[event(1, 3)]] {
            let arrivals = Arrivals::of(&stored, absorbed);
            assert_eq!(Arrivals::unpack(&arrivals.pack().unwrap()), Ok(arrivals.clone()));
            assert_eq!(arrivals.all(), Ledger::of(stored.iter().chain(absorbed)));
        }
    }

    #[test]
    fn who_begins_in_the_window_and_not_at_zero_is_a_late_starter() {
        let late = |window: &[u32], around: &[u32]| {
            let around = if around.is_empty() { Ledger::default() } else { ledger(around) };
            late_starters(&ledger(window), &around) == [1]
        };
        assert!(late(&[3, 4], &[]) && late(&[3], &[4, 5]));
        assert!(!late(&[0, 1], &[]) && !late(&[0, 1], &[2]), "the first number is there");
        assert!(!late(&[3, 4], &[2]) && !late(&[3, 4], &[3]), "it was heard of around the window");
        assert!(!Gap { producer: ProducerId(1), first: 3, last: 3 }.is_empty());
    }

    #[test]
    fn a_contiguous_minute_costs_a_few_bytes() {
        let packed = postcard::to_allocvec(&ledger(&(1_000_000..1_060_000).collect::<Vec<_>>())).unwrap();
        assert!(packed.len() < 16, "{}", packed.len());
    }

    proptest! {
        #[test]
        fn parts_are_small_and_their_union_is_the_whole(
            numbers in prop::collection::vec((0u64..6, 0u32..60), 0..120), most in 2usize..20,
        ) {
            let mut whole = Ledger::default();
            for (producer, number) in numbers {
                whole.merge(&Ledger(LiteMap::from_iter([(producer, Runs::of(vec![number]))])));
            }
            let mut union = Ledger::default();
            for part in whole.split(most) {
                let entries = part.0.values().map(|runs| runs.as_slice().len() + 1).sum::<usize>();
                prop_assert!((2..=most).contains(&entries));
                union.merge(&part);
            }
            prop_assert_eq!(union, whole);
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes: Vec<u8>) {
            let _ = postcard::from_bytes::<Ledger>(&bytes);
        }

        /// Numbers 0 to `count` in `windows` windows, some lost: every lost one that has a later number is told of by
        /// exactly one window.
        #[test]
        fn over_all_windows_each_loss_is_told_of_once(
            events in prop::collection::vec((0u64..4, any::<bool>()), 1..60),
        ) {
            let of = |chosen: &dyn Fn(u64) -> bool| ledger(&(0u32..).zip(&events)
                .filter(|(_, (window, kept))| *kept && chosen(*window)).map(|(seq, _)| seq).collect::<Vec<_>>());
            let first_seen = (0u64..4).find(|w| !of(&|x| x == *w).0[&1].is_empty());
            let told: Vec<u32> = (0u64..4).flat_map(|w| {
                missing(&of(&|x| x == w), &of(&|x| x != w), |_| first_seen == Some(w)).gaps
            }).flat_map(|gap| gap.first..=gap.last).collect();
            let last = (0u32..).zip(&events).filter(|(_, (_, kept))| *kept).map(|(seq, _)| seq).max();
            let mut lost: Vec<u32> = (0u32..).zip(&events).filter(|(_, (_, kept))| !kept).map(|(seq, _)| seq)
                .filter(|seq| last.is_some_and(|last| *seq < last)).collect();
            let mut told = told;
            told.sort_unstable();
            lost.sort_unstable();
            // The leading gap is judged only by the window in which the producer was first heard of.
            let leading = (0u32..).zip(&events).find(|(_, (_, kept))| *kept).map_or(u32::MAX, |(seq, _)| seq);
            let first_window = (0u32..).zip(&events).find(|(_, (_, kept))| *kept).map(|(_, (w, _))| *w);
            if first_window != first_seen {
                lost.retain(|seq| *seq >= leading);
            }
            prop_assert_eq!(told, lost);
        }
    }
}
