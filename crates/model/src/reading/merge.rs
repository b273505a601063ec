//! The merged read: figures over both stores, each event once, in any mode and across a change of mode.
//!
//! Invariant: an event counts once however many stores hold it. Where sums prove what the stores share, sums are
//! used; in the other intervals ([`ambiguous`]) the events themselves are united by digest. Where that would cost more
//! than a read may, the result says that it is not exact.

use std::collections::HashMap;
use std::rc::Rc;

use litemap::LiteMap;

use super::ambiguous::{ambiguous, span_of};
use super::blocks::{Block, BlockMemory, BlockSum, RollupsByRoute, merge_routes};
use super::grouping::Grouping;
use super::intervals::{Interval, IntervalSlot, Intervals, held};
use super::selection::Span;
use crate::counting::rollup::Rollup;
use crate::event::identity::Digest;
use crate::event::{Cohort, Event};
use crate::sorted::{self, distinct};

/// Events of one interval, from the old store and from the new one.
pub type Recount = (Vec<Event>, Vec<Event>);

/// The merged figures of both stores.
#[derive(Clone, Default)]
pub struct Merged {
    /// By start of the step (ms; 0 without steps) and normalised route (`ALL_ROUTES` for all together). They are
    /// shared with what is remembered.
    pub steps: LiteMap<u64, Rc<RollupsByRoute>>,
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
    /// Each route over all steps.
    pub fn by_route(&self) -> Rc<RollupsByRoute> {
        let mut steps = self.steps.values();
        let mut all = steps.next().cloned().unwrap_or_default();
        steps.for_each(|by_route| merge_routes(Rc::make_mut(&mut all), by_route));
        all
    }

    /// All steps and routes together.
    pub fn total(&self) -> Rollup {
        let mut total = Rollup::default();
        self.steps.values().flat_map(|by_route| by_route.values()).for_each(|rollup| total.merge(rollup));
        total
    }

    /// A route in a step.
    pub fn cell(&self, step: u64, path: &str) -> Option<&Rollup> {
        self.steps.get(&step)?.get(path)
    }

    fn add(&mut self, step: u64, sum: &BlockSum) {
        let by_route = self.steps.entry(step).or_default();
        if by_route.is_empty() {
            *by_route = Rc::clone(&sum.by_route);
        } else {
            merge_routes(Rc::make_mut(by_route), &sum.by_route);
        }
        self.both += sum.both;
        self.only_old += sum.only_old;
        self.only_new += sum.only_new;
    }
}

/// Routes, the busiest first.
pub fn busiest(by_route: &RollupsByRoute) -> Vec<(&str, &Rollup)> {
    let mut routes: Vec<_> = by_route.iter().map(|(path, rollup)| (path.as_str(), rollup)).collect();
    sorted::sort_by(&mut routes, |a, b| b.1.requests.cmp(&a.1.requests).then_with(|| a.0.cmp(b.0)));
    routes
}

/// Whether [`merge`] takes a route's dual events from the new store, which has more of them.
pub fn takes_dual_of_new(old: &Intervals, new: &Intervals) -> bool {
    let nothing = Interval::default();
    new.iter().any(|(slot, held_by_new)| {
        let (o, n) = (held(old, *slot).unwrap_or(&nothing).of(Cohort::Dual), held_by_new.of(Cohort::Dual));
        !o.same_set(n) && n.iter().any(|(path, rollup)| o.requests_of(path) < rollup.requests)
    })
}

/// Merges both stores. `recounts` holds the events of [`ambiguous`] intervals, of all routes. An ambiguous interval
/// that is missing there is estimated by `single + single + the larger dual + fallback`, and the result is inexact.
/// `memo` holds sums of earlier merges, and keeps those of this one.
pub fn merge(
    (old, new): (&Intervals, &Intervals),
    recounts: &LiteMap<Span, Recount>,
    grouping: &Grouping,
    window_ms: u64,
    memo: &mut BlockMemory,
) -> Merged {
    let exact = ambiguous(old, new, window_ms).iter().all(|span| recounts.contains_key(span));
    let mut merged = Merged { exact, ..Merged::default() };
    let slots = distinct(old.keys().chain(new.keys()).filter(|slot| !recounts.contains_key(&span_of(**slot))).copied());
    let mut blocks: LiteMap<Block, Vec<IntervalSlot>> = LiteMap::new();
    for slot in slots {
        blocks.entry(Block::of(slot, grouping)).or_default().push(slot);
    }
    for (block, sum) in memo.sums(grouping, &blocks, old, new) {
        merged.add(block.step, &sum);
    }
    unite(&mut merged, recounts, grouping, window_ms);
    merged
}

/// Adds the union of the recounted events. An event of the new store is one of the old store if digests agree and
/// their windows are the same or neighbours: the rule by which a store dedups.
fn unite(merged: &mut Merged, recounts: &LiteMap<Span, Recount>, grouping: &Grouping, window_ms: u64) {
    let mut windows: HashMap<Digest, Vec<(u64, bool)>> = HashMap::new();
    let Merged { steps, both, only_old, only_new, .. } = merged;
    let mut add = |event| {
        let Some(route) = grouping.route(event) else { return 0 };
        let by_route = Rc::make_mut(steps.entry(grouping.step(event.timestamp)).or_default());
        by_route.entry(route.to_owned()).or_default().add(event);
        1
    };
    for event in recounts.values().flat_map(|(old, _)| old) {
        windows.entry(event.digest).or_default().push((event.idempotent_id.timestamp_ms(), false));
        *only_old += add(event);
    }
    for event in recounts.values().flat_map(|(_, new)| new) {
        let window = event.idempotent_id.timestamp_ms();
        let twin = windows
            .get_mut(&event.digest)
            .and_then(|known| known.iter_mut().find(|(known, taken)| !taken && known.abs_diff(window) <= window_ms));
        if let Some((_, taken)) = twin {
            *taken = true;
            let counted = u64::from(grouping.route(event).is_some());
            *only_old = only_old.saturating_sub(counted);
            *both += counted;
        } else {
            *only_new += add(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::counting::grain::Grain;
    use crate::counting::rollup::{self, Rollups};
    use crate::counting::sketch::LatencySketch;
    use crate::event::identity::{DEFAULT_WINDOW_MS, IdempotentId, window_start};
    use crate::event::tests::example;
    use crate::reading::intervals::by_interval;
    use crate::reading::selection::RouteSelection;

    const START: u64 = 1_730_956_800_000;

    fn event(request: u64, ms: u64, cohort: Cohort) -> Event {
        // Hashed as real ones are: of plain multiples, different sets have equal sums (0 + 3 = 1 + 2).
        let digest = Digest::of("192.0.2.1", "/", &request.to_string());
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

    /// Merges as one who remembers nothing.
    fn afresh(old: &Intervals, new: &Intervals, recounts: &LiteMap<Span, Recount>, grouping: &Grouping) -> Merged {
        merge((old, new), recounts, grouping, DEFAULT_WINDOW_MS, &mut BlockMemory::default())
    }

    /// Merges as a reader does: fetches exactly the ambiguous intervals.
    fn read_by(by: By, grouping: &Grouping, old: &[Event], new: &[Event]) -> Merged {
        let (o, n) = (rollups(old, by), rollups(new, by));
        let of = |events: &[Event], span: Span| events.iter().filter(|e| span.holds(e.timestamp)).cloned().collect();
        let recounts = ambiguous(&o, &n, DEFAULT_WINDOW_MS)
            .into_iter()
            .map(|span| (span, (of(old, span), of(new, span))))
            .collect();
        afresh(&o, &n, &recounts, grouping)
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
    fn what_one_store_alone_holds_counts_there_in_every_step() {
        let events: Vec<Event> = (0..4).map(|n| event(n, n * 3_600_000, Cohort::Single)).collect();
        let by_step = Grouping { routes: RouteSelection::Each, step_ms: Some(3_600_000) };
        let (one, other) = events.split_at(2);
        let merged = read_by(By::Minute, &by_step, one, other);
        assert_eq!((merged.only_old, merged.only_new, merged.both), (2, 2, 0));
        assert_eq!((merged.steps.len(), merged.total().requests), (4, 4));
        // Requests 0 and 3 have one route, in the first and in the last step.
        let by_route = merged.by_route();
        assert_eq!(by_route.values().map(|rollup| rollup.requests).collect::<Vec<_>>(), [2, 1, 1]);
        let first = Grain::Hour.floor(START);
        assert_eq!(merged.cell(first, "/0").map(|rollup| rollup.requests), Some(1));
        assert!(merged.cell(first, "/1").is_none() && merged.cell(first + 1, "/0").is_none());
    }

    #[test]
    fn the_busiest_routes_come_first_and_equal_ones_by_name() {
        let events: Vec<Event> = [2, 1, 4, 0, 5].into_iter().map(|n| event(n, n, Cohort::Single)).collect();
        let merged = read(&events, &[]);
        let by_route = merged.by_route();
        let routes: Vec<_> = busiest(&by_route).into_iter().map(|(path, rollup)| (path, rollup.requests)).collect();
        assert_eq!(routes, [("/1", 2), ("/2", 2), ("/0", 1)]);
    }

    #[test]
    fn dual_events_of_a_route_come_from_the_store_that_has_more_of_them() {
        let takes_new = |old: &[u64], new: &[u64]| {
            let of = |ids: &[u64]| ids.iter().map(|n| event(*n, *n, Cohort::Dual)).collect::<Vec<_>>();
            takes_dual_of_new(&rollups(&of(old), By::Minute), &rollups(&of(new), By::Minute))
        };
        // Requests 0, 3 and 6 are of one route, 1 and 4 of another one.
        assert!(takes_new(&[], &[0]) && takes_new(&[0], &[0, 3]) && takes_new(&[0, 3, 1], &[0, 1, 4]));
        assert!(!takes_new(&[0, 3], &[0, 3]), "they are the same");
        assert!(!takes_new(&[0, 3], &[0, 6]), "they are as many");
        assert!(!takes_new(&[0, 3], &[0]) && !takes_new(&[0], &[]));
    }

    #[test]
    fn an_event_has_one_twin() {
        // The old store's one is in reach of both of the new store's, which dedup takes for two.
        let merged = read(
            &[event(1, 60_000, Cohort::Single)],
            &[event(1, 0, Cohort::Single), event(1, 120_000, Cohort::Single)],
        );
        assert_eq!((merged.both, merged.only_old, merged.only_new, merged.total().requests), (1, 0, 1, 2));
    }

    #[test]
    fn without_the_events_the_result_says_so() {
        let of = |cohort| rollups(&[event(1, 5, cohort)], By::Minute);
        let (o, n) = (of(Cohort::Fallback), of(Cohort::Single));
        let merged = afresh(&o, &n, &LiteMap::new(), &Grouping::BY_ROUTE);
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
            let whole = afresh(&o, &n, &LiteMap::new(), &Grouping::BY_ROUTE).total();
            if !takes_dual_of_new(&o, &n) {
                let mut thin = counted(&new, by);
                let dual = thin.iter_mut().filter(|(key, _)| key.cohort == Cohort::Dual);
                dual.for_each(|(_, rollup)| rollup.latency = LatencySketch::default());
                let n = by_interval(thin);
                let thin = afresh(&o, &n, &LiteMap::new(), &Grouping::BY_ROUTE).total();
                prop_assert_eq!(thin.latency.quantile(0.5), whole.latency.quantile(0.5));
                prop_assert_eq!(thin.latency.at_most(1e9), whole.requests);
            }
            prop_assert_eq!(merged.total().requests, copies.len() as u64);
            prop_assert_eq!((merged.only_old, merged.only_new, merged.both), (count(1), count(2), count(3)));
            prop_assert!(merged.exact);
            // Told apart by route or by step, the parts make the same whole.
            for (routes, step_ms) in [(RouteSelection::Each, Some(60_000)), (RouteSelection::Each, Some(3_600_000))] {
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
                let grouping = Grouping { routes: RouteSelection::One(path.clone()), step_ms: None };
                afresh(&o, &n, &recounts, &grouping).total().requests
            };
            prop_assert_eq!((0..3).map(|n| route(format!("/{n}"))).sum::<u64>(), copies.len() as u64);
        }
    }
}
