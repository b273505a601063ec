//! Writes: which flushes carried the events that arrived. The events of a flush are lost or kept together, so the
//! flush, not the event, is one observation of whether a path loses events.
//!
//! Invariants: sets merge like ledgers. A route's count is the number of writes that carried it. It may be too low. It
//! is too high only if one transaction's events are added in two folds.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use litemap::LiteMap;

use serde::{Deserialize, Serialize};

use super::ledger::Ledger;
use crate::event::{Cohort, Event};

/// Routes of which one minute counts writes: at 256 bytes each they stay far below the 2 MB of a row. Others count none.
pub const MAX_ROUTES: usize = 1_000;

/// Writes and routes that are remembered to count each once: twice as many take some 2 MB.
const REMEMBERED: usize = 20_000;

/// The writes of some events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writes {
    /// Writes that carried any event, by producer.
    pub all: Ledger,
    /// Writes that carried a dual event that is stored.
    pub dual: Ledger,
    /// How many writes carried dual events of each route.
    #[serde(with = "crate::sorted::map")]
    pub by_route: LiteMap<String, u64>,
    /// Whether routes were left out of `by_route`.
    pub is_cut: bool,
}

impl Writes {
    /// The writes of these stored events and these repeats that dedup absorbed.
    pub fn of<'a>(stored: &[&'a Event], absorbed: &[&'a Event], counted: &mut CountedWrites) -> Self {
        let dual = || stored.iter().filter(|event| event.cohort == Cohort::Dual);
        let write = |event: &&Event| (event.producer.0, event.write);
        let mut writes = Self {
            all: Ledger::of_numbers(stored.iter().chain(absorbed).map(write)),
            dual: Ledger::of_numbers(dual().map(write)),
            ..Self::default()
        };
        for event in dual().filter(|event| counted.is_new(event)) {
            writes.count(&event.path, 1);
        }
        writes
    }

    /// Adds the writes of other events.
    pub fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        self.dual.merge(&other.dual);
        self.is_cut |= other.is_cut;
        for (path, count) in &other.by_route {
            self.count(path, *count);
        }
    }

    /// Splits the writes into parts that merge to the same value. Each set of a part holds at most `most` producers and
    /// runs (at least two). The first part has the routes.
    pub fn split(&self, most: usize) -> Vec<Self> {
        let (all, dual) = (self.all.split(most), self.dual.split(most));
        let mut parts: Vec<Self> = Vec::new();
        parts.resize_with(all.len().max(dual.len()).max(1), Self::default);
        for (part, all) in parts.iter_mut().zip(all) {
            part.all = all;
        }
        for (part, dual) in parts.iter_mut().zip(dual) {
            part.dual = dual;
        }
        if let Some(first) = parts.first_mut() {
            first.by_route = self.by_route.clone();
            first.is_cut = self.is_cut;
        }
        parts
    }

    fn count(&mut self, path: &str, writes: u64) {
        let has_room = self.by_route.len() < MAX_ROUTES;
        match self.by_route.get_mut(path) {
            Some(count) => *count += writes,
            None if has_room => drop(self.by_route.insert(path.to_owned(), writes)),
            None => self.is_cut = true,
        }
    }
}

/// Which writes were recently counted for which routes, so that a write whose events lie in several minutes counts
/// once.
#[derive(Debug, Default)]
pub struct CountedWrites {
    newer: HashSet<(u64, u32, u64)>,
    older: HashSet<(u64, u32, u64)>,
}

impl CountedWrites {
    /// Whether this event's write is not counted for its route yet. Two routes of the same hash count as one.
    fn is_new(&mut self, event: &Event) -> bool {
        let mut hasher = DefaultHasher::new();
        event.path.hash(&mut hasher);
        let key = (event.producer.0, event.write, hasher.finish());
        if self.older.contains(&key) || !self.newer.insert(key) {
            return false;
        }
        if self.newer.len() >= REMEMBERED {
            self.older = std::mem::take(&mut self.newer);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::example;

    fn dual(write: u32, path: &str) -> Event {
        Event { cohort: Cohort::Dual, write, path: path.to_owned(), ..example() }
    }

    #[test]
    fn a_write_counts_once_for_each_of_its_routes_in_whatever_parts_its_events_come() {
        let events = [dual(0, "/a"), dual(0, "/b"), dual(0, "/a"), dual(3, "/a")];
        let single = Event { cohort: Cohort::Single, write: 9, ..example() };
        let mut counted = CountedWrites::default();
        let mut writes = Writes::of(&events.each_ref()[..2], &[], &mut counted);
        writes.merge(&Writes::of(&[&events[2], &events[3], &single], &[], &mut counted));
        assert_eq!((writes.all.len(), writes.dual.len()), (3, 2));
        assert_eq!(writes.by_route, LiteMap::from_iter([("/a".to_owned(), 2), ("/b".to_owned(), 1)]));
    }

    #[test]
    fn parts_merge_to_the_whole() {
        let events: Vec<Event> = (0..40).map(|n| dual(2 * n, ["/a", "/b"][n as usize % 2])).collect();
        let whole = Writes::of(&events.iter().collect::<Vec<_>>(), &[], &mut CountedWrites::default());
        let parts = whole.split(5);
        let mut merged = Writes::default();
        for part in &parts {
            merged.merge(part);
        }
        assert_eq!((parts.len(), merged), (10, whole));
        assert_eq!(Writes::default().split(5).len(), 1);
    }

    #[test]
    fn routes_beyond_the_bound_count_too_few_and_say_so() {
        let events: Vec<Event> = (0..=MAX_ROUTES).map(|n| dual(0, &format!("/{n}"))).collect();
        let writes = Writes::of(&events.iter().collect::<Vec<_>>(), &[], &mut CountedWrites::default());
        assert!(writes.is_cut && writes.by_route.len() == MAX_ROUTES);
        let mut merged = Writes::default();
        merged.merge(&writes);
        assert!(merged.is_cut, "what one part left out, the whole lacks");
        merged.merge(&Writes::default());
        assert!(merged.is_cut);
    }
}
