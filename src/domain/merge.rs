//! The merged read: figures over both stores, each event once, in any mode and across a change of mode.
//!
//! Invariant: an event counts once however many stores hold it. Where sums prove what the stores share, sums are
//! used; in the other minutes ([`ambiguous`]) the events themselves are united by digest. Where that would cost more
//! than a read may, the result says that it is not exact.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::event::{Cohort, Event};
use super::identity::Digest;
use super::rollup::{self, Key, MINUTE_MS, Rollup, Rollups};

/// Events of one minute, from the old store and from the new one.
pub type Recount = (Vec<Event>, Vec<Event>);

/// Both stores as one.
#[derive(Clone, Default)]
pub struct Merged {
    /// By normalised route.
    pub paths: BTreeMap<String, Rollup>,
    /// Events that both stores hold.
    pub both: u64,
    /// Events that only the old store holds.
    pub only_old: u64,
    /// Events that only the new store holds.
    pub only_new: u64,
    /// Whether every figure is exact as to which events it counts.
    pub exact: bool,
}

impl Merged {
    /// All routes together.
    pub fn total(&self) -> Rollup {
        let mut total = Rollup::default();
        for rollup in self.paths.values() {
            total.merge(rollup);
        }
        total
    }

    /// Routes with their requests, the busiest first.
    pub fn busiest(&self) -> Vec<(String, u64)> {
        let mut routes: Vec<_> = self.paths.iter().map(|(path, rollup)| (path.clone(), rollup.requests)).collect();
        routes.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        routes
    }

    fn count(&mut self, path: &str, rollup: &Rollup) {
        match self.paths.get_mut(path) {
            Some(sum) => sum.merge(rollup),
            None => drop(self.paths.insert(path.to_owned(), rollup.clone())),
        }
    }
}

/// What one store holds of one minute.
#[derive(Default)]
struct Minute<'a> {
    single: u64,
    fallback: u64,
    dual: BTreeMap<&'a str, &'a Rollup>,
}

fn by_minute(rollups: &Rollups) -> BTreeMap<u64, Minute<'_>> {
    let mut minutes: BTreeMap<u64, Minute<'_>> = BTreeMap::new();
    for (key, rollup) in rollups.iter().filter(|(_, rollup)| rollup.requests > 0) {
        let minute = minutes.entry(key.start).or_default();
        match key.cohort {
            Cohort::Single => minute.single += rollup.requests,
            Cohort::Fallback => minute.fallback += rollup.requests,
            Cohort::Dual => drop(minute.dual.insert(&key.path, rollup)),
        }
    }
    minutes
}

/// Minutes (start in ms) of which sums don't tell which events both stores hold: a fallback may have reached both, a
/// repeat may have met another flag, or the dual events differ. With them come the minutes in which the twin of such an
/// event may lie. A minute is never ambiguous while one store knows nothing of it nor of those around it.
pub fn ambiguous(old: &Rollups, new: &Rollups, window_ms: u64) -> BTreeSet<u64> {
    let (old, new) = (by_minute(old), by_minute(new));
    let near = Near { reach_ms: reach_ms(window_ms) };
    let nothing = Minute::default();
    let suspect = |start: &u64| {
        let apart = !near.any(&old, *start, |_| true) || !near.any(&new, *start, |_| true);
        let (o, n) = (old.get(start).unwrap_or(&nothing), new.get(start).unwrap_or(&nothing));
        let same_dual = o.dual.len() == n.dual.len()
            && o.dual.iter().all(|(path, mine)| n.dual.get(path).is_some_and(|theirs| mine.same_set(theirs)));
        let single = |minutes| near.any(minutes, *start, |minute| minute.single > 0);
        let may_repeat = o.fallback > 0 || n.fallback > 0 || (single(&old) && single(&new));
        !apart && (may_repeat || !same_dual)
    };
    let known: BTreeSet<u64> = old.keys().chain(new.keys()).copied().collect();
    let suspects: Vec<u64> = known.iter().copied().filter(suspect).collect();
    suspects.into_iter().flat_map(|start| known.range(near.range(start)).copied().collect::<Vec<_>>()).collect()
}

/// The minutes in which the twin of an event of some minute may lie.
#[derive(Clone, Copy)]
struct Near {
    reach_ms: u64,
}

impl Near {
    fn range(self, start: u64) -> std::ops::RangeInclusive<u64> {
        start.saturating_sub(self.reach_ms)..=start.saturating_add(self.reach_ms)
    }

    fn any(self, minutes: &BTreeMap<u64, Minute<'_>>, start: u64, holds: impl Fn(&Minute<'_>) -> bool) -> bool {
        minutes.range(self.range(start)).any(|(_, minute)| holds(minute))
    }
}

/// How far apart the minutes of two repeats may be that dedup takes for one: their windows are neighbours, so their
/// times differ by less than two windows.
pub const fn reach_ms(window_ms: u64) -> u64 {
    let minutes = (2 * window_ms).div_ceil(MINUTE_MS);
    if minutes > 1 { (minutes - 1) * MINUTE_MS } else { MINUTE_MS }
}

/// Unites both stores. `recounts` holds the events of [`ambiguous`] minutes; one that is missing is estimated by
/// `single + single + the larger dual + fallback` and makes the result inexact.
pub fn merge(old: &Rollups, new: &Rollups, recounts: &BTreeMap<u64, Recount>, window_ms: u64) -> Merged {
    let mut merged = Merged {
        exact: ambiguous(old, new, window_ms).iter().all(|start| recounts.contains_key(start)),
        ..Merged::default()
    };
    let plain = |key: &&Key| !recounts.contains_key(&key.start);
    let keys: BTreeSet<&Key> = old.keys().chain(new.keys()).filter(plain).collect();
    let nothing = Rollup::default();
    for key in keys {
        let (o, n) = (old.get(key).unwrap_or(&nothing), new.get(key).unwrap_or(&nothing));
        if key.cohort == Cohort::Dual {
            let both = o.requests.min(n.requests);
            merged.count(&key.path, if o.requests >= n.requests { o } else { n });
            merged.both += both;
            merged.only_old += o.requests - both;
            merged.only_new += n.requests - both;
        } else {
            merged.count(&key.path, o);
            merged.count(&key.path, n);
            merged.only_old += o.requests;
            merged.only_new += n.requests;
        }
    }
    unite(&mut merged, recounts, window_ms);
    merged
}

/// Adds the union of the recounted events. An event of the new store is one of the old store if digests agree and
/// their windows are the same or neighbours: the rule by which a store dedups.
fn unite(merged: &mut Merged, recounts: &BTreeMap<u64, Recount>, window_ms: u64) {
    let mut windows: HashMap<Digest, Vec<(u64, bool)>> = HashMap::new();
    let mut rollups = Rollups::new();
    for event in recounts.values().flat_map(|(old, _)| old) {
        windows.entry(event.digest).or_default().push((event.idempotent_id.timestamp_ms(), false));
        rollup::add(&mut rollups, event);
        merged.only_old += 1;
    }
    for event in recounts.values().flat_map(|(_, new)| new) {
        let window = event.idempotent_id.timestamp_ms();
        let twin = windows
            .get_mut(&event.digest)
            .and_then(|known| known.iter_mut().find(|(known, taken)| !taken && known.abs_diff(window) <= window_ms));
        if let Some((_, taken)) = twin {
            *taken = true;
            merged.only_old -= 1;
            merged.both += 1;
        } else {
            rollup::add(&mut rollups, event);
            merged.only_new += 1;
        }
    }
    for (key, rollup) in &rollups {
        merged.count(&key.path, rollup);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::tests::example;
    use crate::domain::identity::{DEFAULT_WINDOW_MS, IdempotentId, window_start};

    const START: u64 = 1_730_956_800_000;

    fn event(request: u64, ms: u64, cohort: Cohort) -> Event {
        let digest = Digest(request.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let timestamp = START + ms;
        let window = window_start(timestamp, DEFAULT_WINDOW_MS);
        Event {
            idempotent_id: IdempotentId::with_digest(window, digest).unwrap(),
            digest,
            timestamp,
            path: format!("/{}", request % 3),
            cohort,
            ..example()
        }
    }

    fn rollups(events: &[Event]) -> Rollups {
        let mut all = Rollups::new();
        for event in events {
            rollup::add(&mut all, event);
        }
        all
    }

    /// Merges as a reader does: fetches exactly the ambiguous minutes.
    fn read(old: &[Event], new: &[Event]) -> Merged {
        let (o, n) = (rollups(old), rollups(new));
        let of = |events: &[Event], start| events.iter().filter(|e| e.minute() * MINUTE_MS == start).cloned().collect();
        let recounts = ambiguous(&o, &n, DEFAULT_WINDOW_MS)
            .into_iter()
            .map(|start| (start, (of(old, start), of(new, start))))
            .collect();
        merge(&o, &n, &recounts, DEFAULT_WINDOW_MS)
    }

    #[test]
    fn equal_dual_events_need_no_events_and_count_once() {
        let events: Vec<Event> = (0..50).map(|n| event(n, n * 10, Cohort::Dual)).collect();
        assert!(ambiguous(&rollups(&events), &rollups(&events), DEFAULT_WINDOW_MS).is_empty());
        let merged = read(&events, &events);
        assert_eq!((merged.total().requests, merged.both, merged.only_old, merged.only_new), (50, 50, 0, 0));
    }

    #[test]
    fn an_event_missing_on_either_side_is_still_counted() {
        let events: Vec<Event> = (0..50).map(|n| event(n, n * 10, Cohort::Dual)).collect();
        let merged = read(&events[1..], &events[..48]);
        assert_eq!((merged.total().requests, merged.both, merged.only_old, merged.only_new), (50, 47, 2, 1));
        assert!(merged.exact);
    }

    #[test]
    fn a_fallback_whose_first_send_had_arrived_counts_once() {
        let merged =
            read(&[event(1, 5, Cohort::Fallback)], &[event(1, 5, Cohort::Single), event(2, 6, Cohort::Single)]);
        assert_eq!((merged.total().requests, merged.both, merged.only_new), (2, 1, 1));
    }

    #[test]
    fn a_repeat_across_a_window_edge_and_a_flag_change_counts_once() {
        let merged = read(&[event(1, 59_900, Cohort::Single)], &[event(1, 60_100, Cohort::Single)]);
        assert_eq!(merged.total().requests, 1);
    }

    #[test]
    fn without_the_events_the_result_says_so() {
        let (o, n) = (rollups(&[event(1, 5, Cohort::Fallback)]), rollups(&[event(1, 5, Cohort::Single)]));
        let merged = merge(&o, &n, &BTreeMap::new(), DEFAULT_WINDOW_MS);
        assert_eq!((merged.exact, merged.total().requests), (false, 2));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn each_event_counts_once_whatever_stores_hold_it(
            held in prop::collection::vec((0u64..200_000, 0usize..3, 0usize..3, 0u64..3, 1u8..4), 0..120),
        ) {
            // An event in both stores may be there under another cohort, and as the repeat of a window earlier or later.
            let copies: Vec<(Event, Event, u8)> = (0..)
                .zip(&held)
                .map(|(n, (ms, cohort, other, shift, stores))| {
                    let repeat = event(n, 60_000 + ms + shift * 60_000 - 60_000, Cohort::ALL[*other]);
                    (event(n, 60_000 + ms, Cohort::ALL[*cohort]), repeat, *stores)
                })
                .collect();
            let old: Vec<Event> = copies.iter().filter(|(_, _, s)| s & 1 != 0).map(|(e, _, _)| e.clone()).collect();
            let new: Vec<Event> = copies.iter().filter(|(_, _, s)| s & 2 != 0).map(|(_, e, _)| e.clone()).collect();
            let count = |stores: u8| copies.iter().filter(|(_, _, s)| *s == stores).count() as u64;
            let merged = read(&old, &new);
            prop_assert_eq!(merged.total().requests, copies.len() as u64);
            prop_assert_eq!((merged.only_old, merged.only_new, merged.both), (count(1), count(2), count(3)));
            prop_assert!(merged.exact);
        }
    }
}
