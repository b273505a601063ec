//! The merged read: figures over both stores, each event once, in any mode and across a change of mode.
//!
//! Invariant: an event counts once however many stores hold it. Where sums prove what the stores share, sums are
//! used; in the other intervals ([`ambiguous`]) the events themselves are united by digest. Where that would cost more
//! than a read may, the result says that it is not exact.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use super::event::{Cohort, Event};
use super::grain::{Grain, MINUTE_MS};
use super::identity::Digest;
use super::intervals::{Interval, Intervals, Slot};
use super::rollup::{ALL_ROUTES, Rollup};
use super::selection::{Routes, Span};

/// Events of one interval, from the old store and from the new one.
pub type Recount = (Vec<Event>, Vec<Event>);

/// What is told apart in a merged read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// Which routes, and whether each by itself.
    pub routes: Routes,
    /// Length of the steps of a series, in ms; none: the whole range is one.
    pub step_ms: Option<u64>,
}

impl Grouping {
    /// Each route over the whole range.
    pub const BY_ROUTE: Self = Self { routes: Routes::Each, step_ms: None };

    const fn step(&self, start: u64) -> u64 {
        match self.step_ms {
            Some(ms) => start - start % ms,
            None => 0,
        }
    }

    fn route<'a>(&self, event: &'a Event) -> Option<&'a str> {
        match &self.routes {
            Routes::Each => Some(&event.path),
            Routes::Together => Some(ALL_ROUTES),
            Routes::One(path) => (*path == event.path).then_some(&event.path),
        }
    }
}

/// Both stores as one.
#[derive(Clone, Default)]
pub struct Merged {
    /// By start of the step (ms; 0 without steps) and normalised route ([`ALL_ROUTES`] for all together).
    pub cells: BTreeMap<(u64, String), Rollup>,
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
    /// All cells together.
    pub fn total(&self) -> Rollup {
        let mut total = Rollup::default();
        for rollup in self.cells.values() {
            total.merge(rollup);
        }
        total
    }

    /// Routes with their requests, the busiest first.
    pub fn busiest(&self) -> Vec<(String, u64)> {
        let mut routes: Vec<_> = self.cells.iter().map(|((_, path), rollup)| (path.clone(), rollup.requests)).collect();
        routes.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        routes
    }

    /// Adds an interval by its sums: what is not dual from both stores, and dual events from the one that has more.
    fn count_interval(&mut self, cells: &mut Cells, step: u64, old: &Interval, new: &Interval) {
        let cells = cells.entry(step).or_default();
        for cohort in [Cohort::Single, Cohort::Fallback] {
            for (path, rollup) in old.of(cohort).iter().chain(new.of(cohort).iter()) {
                count(cells, path, rollup);
            }
            self.only_old += old.of(cohort).requests();
            self.only_new += new.of(cohort).requests();
        }
        let (o, n) = (old.of(Cohort::Dual), new.of(Cohort::Dual));
        let same = o.same_set(n);
        let mut both = if same { o.requests() } else { 0 };
        for (path, rollup) in o.iter() {
            let of_new = n.requests_of(path);
            if same || rollup.requests >= of_new {
                count(cells, path, rollup);
            }
            both += if same { 0 } else { rollup.requests.min(of_new) };
        }
        for (path, rollup) in n.iter().filter(|_| !same) {
            if rollup.requests > o.requests_of(path) {
                count(cells, path, rollup);
            }
        }
        self.both += both;
        self.only_old += o.requests() - both;
        self.only_new += n.requests() - both;
    }
}

/// By start of the step and route, while they are added to.
type Cells = BTreeMap<u64, BTreeMap<String, Rollup>>;

/// Adds a rollup to that of its route.
fn count(cells: &mut BTreeMap<String, Rollup>, path: &str, rollup: &Rollup) {
    match cells.get_mut(path) {
        Some(sum) => sum.merge(rollup),
        None => drop(cells.insert(path.to_owned(), rollup.clone())),
    }
}

/// Intervals of which sums don't tell which events both stores hold: a fallback may have reached both, a repeat may
/// have met another flag, or the dual events differ. With them come the intervals in which the twin of such an event
/// may lie. An interval is never ambiguous while one store knows nothing of it nor of those around it.
pub fn ambiguous(old: &Intervals, new: &Intervals, window_ms: u64) -> BTreeSet<Span> {
    let longest = old.keys().chain(new.keys()).map(|(_, grain)| *grain).max().unwrap_or(Grain::Minute);
    let reach = Reach { ms: reach_ms(window_ms), longest };
    let nothing = Interval::default();
    let suspect = |slot: &Slot| {
        let apart = [old, new].iter().any(|store| !reach.any_near(store, *slot, |held| held.requests() > 0));
        let (o, n) = (held(old, *slot).unwrap_or(&nothing), held(new, *slot).unwrap_or(&nothing));
        let has = |held: &Interval, cohort| held.of(cohort).requests() > 0;
        let single = |store| reach.any_near(store, *slot, |held| has(held, Cohort::Single));
        let may_repeat = has(o, Cohort::Fallback) || has(n, Cohort::Fallback) || (single(old) && single(new));
        !apart && (may_repeat || !o.of(Cohort::Dual).same_set(n.of(Cohort::Dual)))
    };
    let known: BTreeSet<Slot> =
        old.iter().chain(new).filter(|(_, held)| held.requests() > 0).map(|(slot, _)| *slot).collect();
    let suspects: Vec<Slot> = known.iter().copied().filter(suspect).collect();
    let near = |slot: Slot| known.range(reach.around(slot)).copied().filter(move |other| reach.is_near(slot, *other));
    suspects.into_iter().flat_map(near).map(span_of).collect()
}

fn held(store: &Intervals, slot: Slot) -> Option<&Interval> {
    store.get(&slot).map(AsRef::as_ref)
}

const fn span_of((from, grain): Slot) -> Span {
    Span { from, to: from + grain.ms(), grain }
}

/// Start of an interval's last minute, in ms.
const fn last_minute((start, grain): Slot) -> u64 {
    start + grain.ms() - MINUTE_MS
}

/// How far the twin of an event may be.
#[derive(Clone, Copy)]
struct Reach {
    /// Of minutes, in ms.
    ms: u64,
    /// No interval is longer.
    longest: Grain,
}

impl Reach {
    /// Whether the twin of an event of one interval may lie in the other: some of their minutes are within reach.
    const fn is_near(self, one: Slot, other: Slot) -> bool {
        other.0 <= last_minute(one) + self.ms && one.0 <= last_minute(other) + self.ms
    }

    /// Where to look for what is near.
    const fn around(self, slot: Slot) -> RangeInclusive<Slot> {
        let from = slot.0.saturating_sub(self.longest.ms() + self.ms);
        (from, Grain::Minute)..=(last_minute(slot) + self.ms, Grain::Day)
    }

    fn any_near(self, store: &Intervals, slot: Slot, holds: impl Fn(&Interval) -> bool) -> bool {
        let mut near = store.range(self.around(slot)).filter(|(other, _)| self.is_near(slot, **other));
        near.any(|(_, held)| holds(held))
    }
}

/// How far apart the minutes of two repeats may be that dedup takes for one: their windows are neighbours, so their
/// times differ by less than two windows.
pub const fn reach_ms(window_ms: u64) -> u64 {
    let minutes = (2 * window_ms).div_ceil(MINUTE_MS);
    if minutes > 1 { (minutes - 1) * MINUTE_MS } else { MINUTE_MS }
}

/// Whether [`merge`] takes a route's dual events from the new store, which has more of them.
pub fn takes_dual_of_new(old: &Intervals, new: &Intervals) -> bool {
    let nothing = Interval::default();
    new.iter().any(|(slot, held_by_new)| {
        let (o, n) = (held(old, *slot).unwrap_or(&nothing).of(Cohort::Dual), held_by_new.of(Cohort::Dual));
        !o.same_set(n) && n.iter().any(|(path, rollup)| o.requests_of(path) < rollup.requests)
    })
}

/// Unites both stores. `recounts` holds the events of [`ambiguous`] intervals, of all routes; one that is missing is
/// estimated by `single + single + the larger dual + fallback` and makes the result inexact.
pub fn merge(
    old: &Intervals,
    new: &Intervals,
    recounts: &BTreeMap<Span, Recount>,
    grouping: &Grouping,
    window_ms: u64,
) -> Merged {
    let exact = ambiguous(old, new, window_ms).iter().all(|span| recounts.contains_key(span));
    let (mut merged, mut cells) = (Merged { exact, ..Merged::default() }, Cells::new());
    let nothing = Interval::default();
    let slots: BTreeSet<Slot> =
        old.keys().chain(new.keys()).filter(|slot| !recounts.contains_key(&span_of(**slot))).copied().collect();
    for slot in slots {
        let (o, n) = (held(old, slot).unwrap_or(&nothing), held(new, slot).unwrap_or(&nothing));
        merged.count_interval(&mut cells, grouping.step(slot.0), o, n);
    }
    unite(&mut merged, &mut cells, recounts, grouping, window_ms);
    let by_path = |(step, by_path): (u64, BTreeMap<String, Rollup>)| {
        by_path.into_iter().map(move |(path, rollup)| ((step, path), rollup))
    };
    merged.cells = cells.into_iter().flat_map(by_path).collect();
    merged
}

/// Adds the union of the recounted events. An event of the new store is one of the old store if digests agree and
/// their windows are the same or neighbours: the rule by which a store dedups.
fn unite(
    merged: &mut Merged,
    cells: &mut Cells,
    recounts: &BTreeMap<Span, Recount>,
    grouping: &Grouping,
    window_ms: u64,
) {
    let mut windows: HashMap<Digest, Vec<(u64, bool)>> = HashMap::new();
    let mut add = |event| {
        let Some(route) = grouping.route(event) else { return 0 };
        let cells = cells.entry(grouping.step(event.timestamp)).or_default();
        cells.entry(route.to_owned()).or_default().add(event);
        1
    };
    for event in recounts.values().flat_map(|(old, _)| old) {
        windows.entry(event.digest).or_default().push((event.idempotent_id.timestamp_ms(), false));
        merged.only_old += add(event);
    }
    for event in recounts.values().flat_map(|(_, new)| new) {
        let window = event.idempotent_id.timestamp_ms();
        let twin = windows
            .get_mut(&event.digest)
            .and_then(|known| known.iter_mut().find(|(known, taken)| !taken && known.abs_diff(window) <= window_ms));
        if let Some((_, taken)) = twin {
            *taken = true;
            let counted = u64::from(grouping.route(event).is_some());
            merged.only_old = merged.only_old.saturating_sub(counted);
            merged.both += counted;
        } else {
            merged.only_new += add(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::tests::example;
    use crate::domain::identity::{DEFAULT_WINDOW_MS, IdempotentId, window_start};
    use crate::domain::intervals::by_interval;
    use crate::domain::rollup::{self, Rollups};
    use crate::domain::sketch::Latency;

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

    /// By minute, by hour, or hours that are followed by minutes.
    #[derive(Debug, Clone, Copy)]
    enum By {
        Minute,
        Hour,
        Both,
    }

    impl By {
        fn grain(self, ms: u64) -> Grain {
            match self {
                Self::Minute => Grain::Minute,
                Self::Both if ms >= Grain::Hour.ceil(START) => Grain::Minute,
                Self::Hour | Self::Both => Grain::Hour,
            }
        }
    }

    fn counted(events: &[Event], by: By) -> Rollups {
        let mut all = Rollups::new();
        for event in events {
            rollup::add(&mut all, by.grain(event.timestamp), &event.path, event);
        }
        all
    }

    fn rollups(events: &[Event], by: By) -> Intervals {
        by_interval(counted(events, by))
    }

    /// Merges as a reader does: fetches exactly the ambiguous intervals.
    fn read_by(by: By, grouping: &Grouping, old: &[Event], new: &[Event]) -> Merged {
        let (o, n) = (rollups(old, by), rollups(new, by));
        let of = |events: &[Event], span: Span| events.iter().filter(|e| span.holds(e.timestamp)).cloned().collect();
        let recounts = ambiguous(&o, &n, DEFAULT_WINDOW_MS)
            .into_iter()
            .map(|span| (span, (of(old, span), of(new, span))))
            .collect();
        merge(&o, &n, &recounts, grouping, DEFAULT_WINDOW_MS)
    }

    fn read(old: &[Event], new: &[Event]) -> Merged {
        read_by(By::Minute, &Grouping::BY_ROUTE, old, new)
    }

    #[test]
    fn equal_dual_events_need_no_events_and_count_once() {
        let events: Vec<Event> = (0..50).map(|n| event(n, n * 10, Cohort::Dual)).collect();
        let held = rollups(&events, By::Minute);
        assert!(ambiguous(&held, &held, DEFAULT_WINDOW_MS).is_empty());
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
        let of = |cohort| rollups(&[event(1, 5, cohort)], By::Minute);
        let (o, n) = (of(Cohort::Fallback), of(Cohort::Single));
        let merged = merge(&o, &n, &BTreeMap::new(), &Grouping::BY_ROUTE, DEFAULT_WINDOW_MS);
        assert_eq!((merged.exact, merged.total().requests), (false, 2));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn each_event_counts_once_whatever_stores_hold_it(
            held in prop::collection::vec((0u64..200_000, 0usize..3, 0usize..3, 0u64..3, 1u8..4), 0..120),
            by in prop::sample::select(vec![By::Minute, By::Hour, By::Both]),
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
            let merged = read_by(by, &Grouping::BY_ROUTE, &old, &new);
            let (o, n) = (rollups(&old, by), rollups(&new, by));
            let whole = merge(&o, &n, &BTreeMap::new(), &Grouping::BY_ROUTE, DEFAULT_WINDOW_MS).total();
            if !takes_dual_of_new(&o, &n) {
                let mut thin = counted(&new, by);
                let dual = thin.iter_mut().filter(|(key, _)| key.cohort == Cohort::Dual);
                dual.for_each(|(_, rollup)| rollup.latency = Latency::default());
                let n = by_interval(thin);
                let thin = merge(&o, &n, &BTreeMap::new(), &Grouping::BY_ROUTE, DEFAULT_WINDOW_MS).total();
                prop_assert_eq!(thin.latency.quantile(0.5), whole.latency.quantile(0.5));
                prop_assert_eq!(thin.latency.at_most(1e9), whole.requests);
            }
            prop_assert_eq!(merged.total().requests, copies.len() as u64);
            prop_assert_eq!((merged.only_old, merged.only_new, merged.both), (count(1), count(2), count(3)));
            prop_assert!(merged.exact);
            // Told apart by route or by step, the parts make the same whole.
            for (routes, step_ms) in [(Routes::Each, Some(60_000)), (Routes::Each, Some(3_600_000))] {
                let parts = read_by(By::Minute, &Grouping { routes, step_ms }, &old, &new);
                prop_assert_eq!(parts.total().requests, copies.len() as u64);
            }
            let route = |path: String| {
                let of = |events: &[Event]| {
                    by_interval(counted(events, by).into_iter().filter(|(key, _)| key.path == path).collect())
                };
                let (o, n) = (of(&old), of(&new));
                let fetched = |span: Span, events: &[Event]| events.iter().filter(|e| span.holds(e.timestamp)).cloned().collect();
                let spans = ambiguous(&rollups(&old, by), &rollups(&new, by), DEFAULT_WINDOW_MS).into_iter();
                let recounts = spans.map(|span| (span, (fetched(span, &old), fetched(span, &new)))).collect();
                let grouping = Grouping { routes: Routes::One(path.clone()), step_ms: None };
                merge(&o, &n, &recounts, &grouping, DEFAULT_WINDOW_MS).total().requests
            };
            prop_assert_eq!((0..3).map(|n| route(format!("/{n}"))).sum::<u64>(), copies.len() as u64);
        }
    }
}
