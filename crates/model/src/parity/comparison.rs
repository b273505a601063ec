//! How sets of events compare between the stores: those of each route, and all together.
//!
//! Invariant: routes are judged so that together they fail by chance no more often than one alone. A route that is too
//! small to pass can fail all the same.

use litemap::LiteMap;

use serde::{Deserialize, Serialize};

use crate::log::ledger::Ledger;
use crate::sorted;

use super::ask::SetSum;
use super::bounds;
use super::minute::{MinuteFindings, Tally, UNKNOWN};
use super::verdict::{
    ComparisonCounts, CountRange, Sample, Verdict, proves_above, proves_below, which_above, which_below,
};

/// Name under which routes with too few events are judged together.
pub const POOLED: &str = "(pooled)";

/// How one set of events compares between the stores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// What is concluded.
    pub verdict: Verdict,
    /// Events in either store that were meant for both.
    pub union: u64,
    /// Counts of differences.
    #[serde(flatten)]
    pub tally: Tally,
    /// All mismatches: what one store alone has, and what differs in value.
    pub mismatches: u64,
    /// Those without an explanation.
    pub unexplained: u64,
    /// Mismatches in the union, 0 to 1.
    pub rate: f64,
    /// The rate is at least this, with 95 % confidence.
    pub lower_bound: f64,
    /// The rate is at most this, with 95 % confidence.
    pub upper_bound: f64,
    /// Writes (flushes of an isolate) that carried the union. For a route, the number that is certain.
    pub writes: u64,
    /// Writes that carried mismatches.
    pub writes_differing: u64,
    /// The share of writes that carry a mismatch is at least this, with 95 % confidence.
    pub writes_lower_bound: f64,
    /// The share of writes that carry a mismatch is at most this, with 95 % confidence.
    pub writes_upper_bound: f64,
}

/// A route's comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PathComparison {
    /// The route, or `(pooled)`: routes with too few events, judged together.
    pub path: String,
    /// How it compares. Its bounds are its own; its verdict is corrected for the number of routes.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// How many writes carried the dual events of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteCounts {
    /// Writes that carried dual events in either store.
    pub dual: u64,
    /// Writes that carried dual events of each route, in the old store.
    pub old: LiteMap<String, u64>,
    /// The same in the new store.
    pub new: LiteMap<String, u64>,
    /// Whether the counts of some routes are incomplete.
    pub is_cut: bool,
}

/// A set of events before it is judged.
#[derive(Debug, Clone, Default)]
pub(super) struct ComparedSet {
    pub union: u64,
    pub tally: Tally,
    pub writes: CountRange,
    pub differing: CountRange,
}

impl ComparedSet {
    const fn sample(&self) -> Sample {
        let events = ComparisonCounts { union: self.union, mismatches: self.tally.mismatches() };
        Sample { events, writes: self.writes, differing: self.differing }
    }

    /// Adds a route's. Which writes carried several routes isn't known: at least there are those of the largest.
    fn pool(&mut self, route: &Self) {
        let add = |sum: &mut CountRange, other: CountRange| {
            *sum = CountRange { least: sum.least.max(other.least), most: sum.most + other.most };
        };
        self.union += route.union;
        self.tally.add(&route.tally);
        add(&mut self.writes, route.writes);
        add(&mut self.differing, route.differing);
    }
}

/// Each route's events, and all together. Of routes that minutes tell of together, only the latter know what became of them.
pub(super) fn sets(
    old_paths: &LiteMap<String, SetSum>,
    found: &[MinuteFindings],
    written: &WriteCounts,
) -> (LiteMap<String, ComparedSet>, ComparedSet) {
    let mut routes: LiteMap<String, ComparedSet> = LiteMap::new();
    let mut differing: LiteMap<&str, Ledger> = LiteMap::new();
    for (path, sum) in old_paths {
        routes.entry(path.clone()).or_default().union += sum.requests;
    }
    for (path, tally) in found.iter().flat_map(|found| &found.tallies) {
        let set = routes.entry(path.clone()).or_default();
        set.union += tally.beyond_old;
        set.tally.add(tally);
    }
    for (path, writes) in found.iter().flat_map(|found| &found.writes) {
        differing.entry(path).or_default().merge(writes);
    }
    for (_, set) in &mut routes {
        set.union = set.union.saturating_sub(set.tally.surplus_old);
    }
    routes.retain(|_, set| set.union > 0);
    let (mut all, mut all_differing) = (ComparedSet::default(), Ledger::default());
    for others in found.iter().map(|found| &found.others) {
        all.union += others.tally.beyond_old;
        all.tally.add(&others.tally);
        all_differing.merge(&others.writes);
    }
    let surplus_of_others = all.tally.surplus_old;
    // Of copies that can't be named, nobody knows the writes.
    let mut unknown = CountRange::default();
    for (path, set) in &mut routes {
        all.union += set.union;
        all.tally.add(&set.tally);
        let differing = differing.get(path.as_str());
        if let Some(writes) = differing {
            all_differing.merge(writes);
        }
        set.differing = CountRange::exactly(differing.map_or(0, Ledger::len));
        if path == UNKNOWN {
            unknown = CountRange { least: 1, most: set.union };
            set.differing = unknown;
        }
        set.writes = route_writes(path, set, written);
    }
    all.union = all.union.saturating_sub(surplus_of_others);
    let known = all_differing.len();
    all.differing = CountRange { least: known.max(unknown.least), most: known + unknown.most };
    all.writes =
        CountRange { least: written.dual.max(all.differing.least), most: written.dual.max(known) + unknown.most };
    (routes, all)
}

/// How many writes carried a route. A store's own count may be too high where several objects share a write, so that
/// the lower of both counts is certain; a write that the old store has nothing of carries a mismatch.
fn route_writes(path: &str, set: &ComparedSet, written: &WriteCounts) -> CountRange {
    let of = |store: &LiteMap<String, u64>| store.get(path).copied().unwrap_or_default();
    let (old, new) = (of(&written.old), of(&written.new));
    let most = if written.is_cut { set.union } else { set.union.min(old + set.differing.most) };
    let least = old.min(new).max(set.differing.least).min(set.union);
    CountRange { least, most: most.max(least) }
}

impl Comparison {
    pub(super) fn of(set: &ComparedSet, limit: f64) -> Self {
        let sample = set.sample();
        let verdict = match (proves_above(&sample, limit), proves_below(&sample, limit)) {
            (true, _) => Verdict::Fail,
            (false, true) => Verdict::Pass,
            (false, false) => Verdict::Inconclusive,
        };
        let ComparisonCounts { union, mismatches } = sample.events;
        Self {
            verdict,
            union,
            tally: set.tally,
            mismatches,
            unexplained: set.tally.unexplained(),
            rate: share(mismatches, union),
            lower_bound: bounds::lower(mismatches, union),
            upper_bound: bounds::upper(mismatches, union),
            writes: set.writes.least,
            writes_differing: set.differing.least,
            writes_lower_bound: bounds::lower(set.differing.least, set.writes.most),
            writes_upper_bound: bounds::upper(set.differing.most, set.writes.least),
        }
    }
}

/// Each route's comparison, the worst first. Routes with too few events to ever pass are shown together, unless they
/// fail: alone they could only say that they are few. None passes where mismatches are known whose route is not.
pub(super) fn by_path(
    routes: &LiteMap<String, ComparedSet>,
    found: &[MinuteFindings],
    limit: f64,
) -> Vec<PathComparison> {
    let all_are_told = found.iter().all(|found| found.others.tally.mismatches() == 0);
    let fewest = bounds::fewest(limit);
    let samples: Vec<Sample> = routes.values().map(ComparedSet::sample).collect();
    let mut failing = Vec::new();
    let mut others: Vec<(&str, ComparedSet)> = Vec::new();
    let mut pool = ComparedSet::default();
    for ((path, set), fails) in routes.iter().zip(which_above(&samples, limit)) {
        match fails {
            true => failing.push((path.as_str(), set.clone(), Verdict::Fail)),
            false if set.union >= fewest => others.push((path, set.clone())),
            false => pool.pool(set),
        }
    }
    if pool.union > 0 {
        others.push((POOLED, pool));
    }
    let samples: Vec<Sample> = others.iter().map(|(_, set)| set.sample()).collect();
    let verdict = |passes| if passes && all_are_told { Verdict::Pass } else { Verdict::Inconclusive };
    let others =
        others.into_iter().zip(which_below(&samples, limit)).map(|((path, set), passes)| (path, set, verdict(passes)));
    let judged = failing.into_iter().chain(others).map(|(path, set, verdict)| PathComparison {
        path: path.to_owned(),
        comparison: Comparison { verdict, ..Comparison::of(&set, limit) },
    });
    let mut paths: Vec<PathComparison> = judged.collect();
    sorted::sort_by(&mut paths, |a, b| {
        let (x, y) = (&a.comparison, &b.comparison);
        let fails = |comparison: &Comparison| comparison.verdict == Verdict::Fail;
        fails(y)
            .cmp(&fails(x))
            .then(y.mismatches.cmp(&x.mismatches))
            .then(y.union.cmp(&x.union))
            .then_with(|| a.path.cmp(&b.path))
    });
    paths
}

/// A part of a whole, 0 to 1; of nothing it is 0.
#[allow(clippy::cast_precision_loss)] // counts stay far below 2^53
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parity::minute::PooledRoutes;

    const LIMIT: f64 = 0.01;

    fn routes<T>(values: impl IntoIterator<Item = (&'static str, T)>) -> LiteMap<String, T> {
        values.into_iter().map(|(path, value)| (path.to_owned(), value)).collect()
    }

    fn requests(requests: u64) -> SetSum {
        SetSum { requests, ..SetSum::default() }
    }

    fn clean(union: u64) -> ComparedSet {
        ComparedSet { union, writes: CountRange::exactly(union), ..ComparedSet::default() }
    }

    #[test]
    fn a_set_is_what_the_old_store_has_once_and_what_it_leaves_out() {
        let found = MinuteFindings {
            tallies: routes([
                ("/a", Tally { beyond_old: 2, only_new: 2, surplus_old: 1, counted_twice: 1, ..Tally::default() }),
                ("/nothing", Tally { repeats: 1, ..Tally::default() }),
            ]),
            writes: routes([("/a", Ledger::of_numbers([(1, 0), (1, 5)]))]),
            others: PooledRoutes {
                tally: Tally { beyond_old: 3, only_new: 3, ..Tally::default() },
                writes: Ledger::of_numbers([(1, 5), (1, 9)]),
                ..PooledRoutes::default()
            },
            ..MinuteFindings::default()
        };
        let written = WriteCounts { dual: 8, old: routes([("/a", 6)]), new: routes([("/a", 5)]), is_cut: false };
        let (sets, all) = sets(&routes([("/a", requests(10)), ("/b", requests(4))]), &[found], &written);
        assert_eq!(
            sets.iter().map(|(path, set)| (path.as_str(), set.union)).collect::<Vec<_>>(),
            [("/a", 11), ("/b", 4)]
        );
        assert_eq!((all.union, all.tally.mismatches()), (11 + 4 + 3, 2 + 1 + 3));
        assert_eq!(
            (sets.get("/a").unwrap().differing, all.differing),
            (CountRange::exactly(2), CountRange::exactly(3))
        );
        assert_eq!(
            (sets.get("/a").unwrap().writes, all.writes),
            (CountRange { least: 5, most: 6 + 2 }, CountRange::exactly(8))
        );
    }

    #[test]
    fn copies_that_can_not_be_named_came_in_one_write_or_in_as_many_as_they_are() {
        let known = MinuteFindings {
            tallies: routes([("/a", Tally { only_old: 2, ..Tally::default() })]),
            writes: routes([("/a", Ledger::of_numbers([(1, 0), (1, 5)]))]),
            ..MinuteFindings::default()
        };
        let written = WriteCounts { dual: 8, ..WriteCounts::default() };
        let (sets, all) =
            sets(&routes([("/a", requests(10))]), &[known, MinuteFindings::counted_twice(0, 4)], &written);
        assert_eq!(sets.get(UNKNOWN).unwrap().differing, CountRange { least: 1, most: 4 });
        assert_eq!(all.differing, CountRange { least: 2, most: 2 + 4 });
        assert_eq!((all.union, all.writes), (14, CountRange { least: 8, most: 8 + 4 }));
    }

    #[test]
    fn a_routes_writes_are_those_that_both_stores_count_at_least_and_its_events_at_most() {
        let writes = |old, new, differing, union, is_cut| {
            let set = ComparedSet { differing: CountRange::exactly(differing), ..clean(union) };
            let written = WriteCounts { dual: 0, old: routes([("/a", old)]), new: routes([("/a", new)]), is_cut };
            let CountRange { least, most } = route_writes("/a", &set, &written);
            (least, most)
        };
        assert_eq!(writes(5, 4, 2, 10, false), (4, 5 + 2));
        assert_eq!(writes(5, 4, 2, 6, false), (4, 6), "no more writes than events");
        assert_eq!(writes(1, 0, 3, 10, false), (3, 1 + 3), "each that differs is one");
        assert_eq!(writes(5, 4, 2, 10, true), (4, 10), "not all were counted");
        let none = WriteCounts::default();
        assert_eq!(route_writes("/a", &clean(10), &none), CountRange::exactly(0));
    }

    #[test]
    fn routes_are_pooled_without_knowing_which_writes_they_share() {
        let mut pool = ComparedSet::default();
        for (least, most) in [(3, 5), (2, 4)] {
            pool.pool(&ComparedSet { writes: CountRange { least, most }, ..clean(10) });
        }
        assert_eq!((pool.union, pool.writes), (20, CountRange { least: 3, most: 9 }));
    }

    #[test]
    fn a_route_passes_only_with_what_all_routes_together_need_to_prove() {
        let verdicts = |sets: &LiteMap<String, ComparedSet>, found: &[MinuteFindings]| {
            by_path(sets, found, LIMIT).iter().map(|path| path.comparison.verdict).collect::<Vec<_>>()
        };
        assert_eq!(verdicts(&routes([("/a", clean(299))]), &[]), [Verdict::Pass]);
        let two = routes([("/a", clean(299)), ("/b", clean(299))]);
        assert_eq!(verdicts(&two, &[]), [Verdict::Inconclusive; 2]);
        let two = routes([("/a", clean(1_000)), ("/b", clean(1_000))]);
        assert_eq!(verdicts(&two, &[]), [Verdict::Pass; 2]);
        let tally = Tally { only_old: 1, ..Tally::default() };
        let untold =
            MinuteFindings { others: PooledRoutes { tally, ..PooledRoutes::default() }, ..MinuteFindings::default() };
        assert_eq!(verdicts(&two, &[untold]), [Verdict::Inconclusive; 2], "a mismatch may be of either route");
    }
}
