//! Which copy to archive of an event that both stores hold.
//!
//! Invariant: the rule is the merged read's. Two copies are one event if their digests are equal, their stores differ
//! and their windows are the same or neighbours, and each has one twin; the earlier copy is written, of two in one
//! window the object's.

use std::collections::HashMap;

use crate::event::Event;
use crate::event::identity::Digest;
use crate::sorted;

/// The store that holds a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CopyHolder {
    /// The object.
    Old,
    /// D1.
    New,
}

/// The part of a copy that decides whether it is archived. Sorted in the order in which copies are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArchivableCopy {
    /// Start of its ID window, in ms.
    pub window: u64,
    /// Its digest.
    pub digest: Digest,
    /// The store that holds it.
    pub side: CopyHolder,
}

/// Pairs the copies of both stores. Remembers those that have no twin yet.
#[derive(Debug, Clone)]
pub struct CopyUnion {
    window_ms: u64,
    open: HashMap<u64, (u64, CopyHolder)>,
}

impl CopyUnion {
    /// A union without copies, for this ID window in ms.
    pub fn new(window_ms: u64) -> Self {
        Self { window_ms, open: HashMap::new() }
    }

    /// Adds the next copy, in the order of [`ArchivableCopy`], and returns whether it is archived.
    pub fn is_first(&mut self, copy: ArchivableCopy) -> bool {
        let known = self.open.get(&copy.digest.0);
        if known.is_some_and(|(window, side)| *side != copy.side && copy.window.abs_diff(*window) <= self.window_ms) {
            self.open.remove(&copy.digest.0);
            return false;
        }
        self.open.insert(copy.digest.0, (copy.window, copy.side));
        true
    }

    /// Adds copies that were archived earlier, in any order.
    pub fn remember(&mut self, mut copies: Vec<ArchivableCopy>) {
        sorted::sort_by(&mut copies, ArchivableCopy::cmp);
        for copy in copies {
            self.is_first(copy);
        }
    }

    /// Selects the events to archive from both stores, sorted by window and digest. Also returns how many twins were
    /// left out.
    pub fn write(&mut self, old: Vec<Event>, new: Vec<Event>) -> (Vec<Event>, u64) {
        let of = |side| move |event: Event| (copy_of(&event, side), event);
        let mut all: Vec<(ArchivableCopy, Event)> =
            old.into_iter().map(of(CopyHolder::Old)).chain(new.into_iter().map(of(CopyHolder::New))).collect();
        sorted::sort_by_key(&mut all, |(copy, _)| *copy);
        let before = all.len();
        let events: Vec<Event> =
            all.into_iter().filter_map(|(copy, event)| self.is_first(copy).then_some(event)).collect();
        let twins = (before - events.len()) as u64;
        (events, twins)
    }
}

/// The copy that an event of this store is.
pub fn copy_of(event: &Event, side: CopyHolder) -> ArchivableCopy {
    ArchivableCopy { window: event.idempotent_id.timestamp_ms(), digest: event.digest, side }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::counting::grain::Grain;
    use crate::counting::rollup::{self, Rollups};
    use crate::log::segment::tests::{WINDOW_MS, at};
    use crate::reading::blocks::BlockMemory;
    use crate::reading::grouping::Grouping;
    use crate::reading::intervals::{Intervals, by_interval};
    use crate::reading::merge::merge;
    use crate::reading::selection::Span;

    const START: u64 = 1_730_956_800_000;

    /// What a store keeps of arrivals: a digest once in neighbouring windows.
    fn store(arrivals: &[(u64, u64)]) -> Vec<Event> {
        let mut kept: Vec<Event> = Vec::new();
        for (window, request) in arrivals {
            let event = at(START + window * WINDOW_MS, *request);
            let near = |e: &Event| e.digest == event.digest && e.timestamp.abs_diff(event.timestamp) <= WINDOW_MS;
            if !kept.iter().any(near) {
                kept.push(event);
            }
        }
        kept
    }

    fn rollups(events: &[Event]) -> Intervals {
        let mut all = Rollups::new();
        for event in events {
            rollup::add(&mut all, Grain::Minute, &event.path, event);
        }
        by_interval(all)
    }

    #[test]
    fn twins_are_left_out_also_over_a_windows_edge_and_each_has_one() {
        let write = |old: &[(u64, u64)], new: &[(u64, u64)]| CopyUnion::new(WINDOW_MS).write(store(old), store(new));
        assert_eq!(write(&[(0, 1)], &[(0, 1)]).1, 1);
        assert_eq!(write(&[(0, 1)], &[(1, 1)]).1, 1);
        assert_eq!(write(&[(1, 1)], &[(0, 1)]).1, 1);
        assert_eq!(write(&[(0, 1)], &[(2, 1)]).1, 0);
        assert_eq!(write(&[(0, 1), (2, 1)], &[(1, 1)]).1, 1);
        assert_eq!(write(&[(0, 1), (2, 1)], &[(1, 1), (3, 1)]).1, 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn as_many_are_written_as_the_merged_read_counts(
            old in prop::collection::vec((0u64..8, 0u64..6), 0..40),
            new in prop::collection::vec((0u64..8, 0u64..6), 0..40),
        ) {
            // Each digest in few windows: of a repeat in every window, which is the twin of which is not the same.
            let few = |(window, request): &(u64, u64)| (*window < 2, (*window, *request));
            let pick = |arrivals: &[(u64, u64)]| -> Vec<(u64, u64)> {
                arrivals.iter().map(few).filter(|(early, _)| *early).map(|(_, arrival)| arrival).collect()
            };
            let (old, new) = (store(&pick(&old)), store(&pick(&new)));
            let minute = |event: &Event| Span::around(Grain::Minute, event.timestamp, event.timestamp + 1);
            let minutes: std::collections::BTreeSet<Span> = old.iter().chain(&new).map(minute).collect();
            let of = |events: &[Event], span: Span| -> Vec<Event> {
                events.iter().filter(|event| span.holds(event.timestamp)).cloned().collect()
            };
            let recounts = minutes.into_iter().map(|span| (span, (of(&old, span), of(&new, span)))).collect();
            let (sums, memory) = ((&rollups(&old), &rollups(&new)), &mut BlockMemory::default());
            let merged = merge(sums, &recounts, &Grouping::BY_ROUTE, WINDOW_MS, memory);
            let (events, twins) = CopyUnion::new(WINDOW_MS).write(old, new);
            prop_assert_eq!((events.len() as u64, twins), (merged.total().requests, merged.both));
        }
    }
}
