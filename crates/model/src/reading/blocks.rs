//! Sums over blocks of intervals of both stores, and what a reader remembers of them.
//!
//! Invariant: a remembered sum is used only for the very intervals it was made of. Intervals are shared and don't
//! change while they are shared. A changed interval has another address, and a weak reference keeps the old address
//! from being reused.

use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use litemap::LiteMap;

use super::grouping::Grouping;
use super::intervals::{self, Interval, IntervalSlot, Intervals, held};
use crate::counting::grain::Grain;
use crate::counting::rollup::Rollup;
use crate::event::Cohort;
use crate::eviction;

/// Figures by normalised route.
pub type RollupsByRoute = BTreeMap<String, Rollup>;

/// Intervals of a block, at most: so many are added anew where one has changed.
const INTERVALS: u64 = 16;

/// Rollups that are remembered, at most: about 15 MB where they have response times.
const MAX_ROLLUPS: usize = 6_000;

/// A group of intervals of one grain within one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    /// Start of the step, in ms.
    pub step: u64,
    /// Which block of the step.
    number: u64,
    grain: Grain,
}

impl Block {
    /// The block of an interval.
    pub const fn of((start, grain): IntervalSlot, grouping: &Grouping) -> Self {
        let step = grouping.step(start);
        Self { step, number: (start - step) / (INTERVALS * grain.ms()), grain }
    }
}

/// The merged figures of some intervals of both stores.
#[derive(Clone, Default)]
pub struct BlockSum {
    /// Figures.
    pub by_route: Rc<RollupsByRoute>,
    /// Events that both stores hold.
    pub both: u64,
    /// Events that only the old store holds.
    pub only_old: u64,
    /// Events that only the new store holds.
    pub only_new: u64,
}

impl BlockSum {
    /// Adds an interval by its sums: what is not dual from both stores, and dual events from the one that has more.
    fn count(&mut self, old: &Interval, new: &Interval) {
        let by_route = Rc::make_mut(&mut self.by_route);
        for cohort in [Cohort::Single, Cohort::Fallback] {
            for (path, rollup) in old.of(cohort).iter().chain(new.of(cohort).iter()) {
                count(by_route, path, rollup);
            }
            self.only_old += old.of(cohort).requests();
            self.only_new += new.of(cohort).requests();
        }
        let (o, n) = (old.of(Cohort::Dual), new.of(Cohort::Dual));
        let both = if o.same_set(n) {
            o.iter().for_each(|(path, rollup)| count(by_route, path, rollup));
            o.requests()
        } else {
            count_larger(by_route, o, n)
        };
        self.both += both;
        self.only_old += o.requests() - both;
        self.only_new += n.requests() - both;
    }
}

/// Adds each route from the one that has more of it; gives how many events both have then.
fn count_larger(
    by_route: &mut RollupsByRoute,
    one: &intervals::CohortFigures,
    other: &intervals::CohortFigures,
) -> u64 {
    let mut both = 0;
    for (path, rollup) in one.iter() {
        let of_other = other.requests_of(path);
        if rollup.requests >= of_other {
            count(by_route, path, rollup);
        }
        both += rollup.requests.min(of_other);
    }
    for (path, rollup) in other.iter().filter(|(path, rollup)| rollup.requests > one.requests_of(path)) {
        count(by_route, path, rollup);
    }
    both
}

/// Adds a rollup to that of its route.
fn count(by_route: &mut RollupsByRoute, path: &str, rollup: &Rollup) {
    match by_route.get_mut(path) {
        Some(sum) => sum.merge(rollup),
        None => drop(by_route.insert(path.to_owned(), rollup.clone())),
    }
}

/// Adds each route's figures to those of the same route.
pub fn merge_routes(all: &mut RollupsByRoute, others: &RollupsByRoute) {
    for (path, rollup) in others {
        count(all, path, rollup);
    }
}

/// An interval as each store holds it; empty where one does not.
#[derive(Clone)]
struct Pair {
    slot: IntervalSlot,
    old: Weak<Interval>,
    new: Weak<Interval>,
}

impl Pair {
    fn of(slot: IntervalSlot, old: &Intervals, new: &Intervals) -> Self {
        let held = |store: &Intervals| store.get(&slot).map(Rc::downgrade).unwrap_or_default();
        Self { slot, old: held(old), new: held(new) }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.slot == other.slot && self.old.ptr_eq(&other.old) && self.new.ptr_eq(&other.new)
    }
}

/// A sum, and what it is of.
struct Kept {
    of: Vec<Pair>,
    sum: Rc<BlockSum>,
    /// The last merge that used it.
    used: u64,
}

impl Kept {
    fn is_of(&self, pairs: &[Pair]) -> bool {
        self.of.len() == pairs.len() && self.of.iter().zip(pairs).all(|(one, other)| one.is_same(other))
    }
}

/// Sums that a reader remembers. Losing them is harmless.
#[derive(Default)]
pub struct BlockMemory {
    kept: LiteMap<Grouping, LiteMap<Block, Kept>>,
    merges: u64,
}

impl BlockMemory {
    /// The sums of all blocks. Sums that are not remembered yet are computed, then remembered.
    pub fn sums(
        &mut self,
        grouping: &Grouping,
        blocks: &LiteMap<Block, Vec<IntervalSlot>>,
        old: &Intervals,
        new: &Intervals,
    ) -> Vec<(Block, Rc<BlockSum>)> {
        self.merges += 1;
        let used = self.merges;
        let of_grouping = self.kept.entry(grouping.clone()).or_default();
        let mut sums = Vec::new();
        for (block, slots) in blocks {
            let of: Vec<Pair> = slots.iter().map(|slot| Pair::of(*slot, old, new)).collect();
            let sum = match of_grouping.get_mut(block) {
                Some(kept) if kept.is_of(&of) => {
                    kept.used = used;
                    Rc::clone(&kept.sum)
                }
                _ => {
                    let sum = Rc::new(sum_of(slots, old, new));
                    of_grouping.insert(*block, Kept { of, sum: Rc::clone(&sum), used });
                    sum
                }
            };
            sums.push((*block, sum));
        }
        self.forget();
        sums
    }

    /// Keeps to the bound: what was used longest ago goes first.
    fn forget(&mut self) {
        // An empty sum takes room too.
        let weighed = |kept: &Kept| (kept.used, kept.sum.by_route.len() + 1);
        let gone = eviction::up_to(self.kept.values().flat_map(LiteMap::values).map(weighed), MAX_ROLLUPS);
        for (_, of_grouping) in &mut self.kept {
            of_grouping.retain(|_, kept| kept.used > gone);
        }
        self.kept.retain(|_, of_grouping| !of_grouping.is_empty());
    }
}

fn sum_of(slots: &[IntervalSlot], old: &Intervals, new: &Intervals) -> BlockSum {
    let (mut sum, nothing) = (BlockSum::default(), Interval::default());
    for slot in slots {
        sum.count(held(old, *slot).unwrap_or(&nothing), held(new, *slot).unwrap_or(&nothing));
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Event;
    use crate::event::tests::example;
    use crate::reading::merge::{Merged, merge};
    use crate::reading::selection::RouteSelection;

    const START: u64 = 1_730_956_800_000;

    /// What befalls a store between two reads.
    #[derive(Debug, Clone)]
    enum Change {
        /// More is counted in an interval.
        Fold {
            minute: u64,
            route: u8,
            cohort: usize,
        },
        /// It is read anew, and the same.
        Reread {
            minute: u64,
        },
        /// It is no longer kept.
        Delete {
            minute: u64,
        },
        Nothing,
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            4 => (0u64..40, 0u8..3, 0usize..3).prop_map(|(minute, route, cohort)| Change::Fold { minute, route, cohort }),
            1 => (0u64..40).prop_map(|minute| Change::Reread { minute }),
            1 => (0u64..40).prop_map(|minute| Change::Delete { minute }),
            1 => Just(Change::Nothing),
        ]
    }

    fn slot(minute: u64) -> IntervalSlot {
        (START + minute * Grain::Minute.ms(), Grain::Minute)
    }

    fn apply(store: &mut Intervals, change: &Change, number: u64) {
        match *change {
            Change::Fold { minute, route, cohort } => {
                let mut rollup = Rollup::default();
                rollup.add(&Event { response_time: u32::try_from(number).unwrap(), ..example() });
                intervals::add(store, slot(minute), format!("/{route}"), Cohort::ALL[cohort], rollup);
            }
            Change::Reread { minute } => {
                if let Some(held) = store.get_mut(&slot(minute)) {
                    *held = Rc::new((**held).clone());
                }
            }
            Change::Delete { minute } => drop(store.remove(&slot(minute))),
            Change::Nothing => {}
        }
    }

    /// Step, route, requests and sum of response times.
    type Cell = (u64, String, u64, u64);

    /// What a merge says: its cells, and counts of each store.
    fn said(merged: &Merged) -> (Vec<Cell>, [u64; 3]) {
        let of_step = |(step, by_route): (&u64, &Rc<RollupsByRoute>)| {
            let cell =
                |(path, rollup): (&String, &Rollup)| (*step, path.clone(), rollup.requests, rollup.response_time_sum);
            by_route.iter().map(cell).collect::<Vec<_>>()
        };
        (merged.steps.iter().flat_map(of_step).collect(), [merged.both, merged.only_old, merged.only_new])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn what_is_remembered_never_differs_from_what_is_held(
            changes in prop::collection::vec((change(), any::<bool>(), 0usize..3), 1..60),
        ) {
            let (mut memo, mut old, mut new) = (BlockMemory::default(), Intervals::new(), Intervals::new());
            for (number, (change, is_old, steps)) in (0..).zip(&changes) {
                apply(if *is_old { &mut old } else { &mut new }, change, number);
                let step_ms = [None, Some(Grain::Minute.ms()), Some(5 * Grain::Minute.ms())][*steps];
                let grouping = Grouping { routes: RouteSelection::Each, step_ms };
                let by = |memo: &mut BlockMemory| said(&merge((&old, &new), &LiteMap::new(), &grouping, 60_000, memo));
                let fresh = by(&mut BlockMemory::default());
                prop_assert_eq!(by(&mut memo), fresh);
            }
        }
    }

    #[test]
    fn equal_intervals_are_summed_once_and_a_changed_one_with_its_block_alone() {
        let mut store = Intervals::new();
        for minute in 0..40 {
            apply(&mut store, &Change::Fold { minute, route: 0, cohort: 1 }, minute);
        }
        let mut memo = BlockMemory::default();
        let mut all: LiteMap<Block, Vec<IntervalSlot>> = LiteMap::new();
        for slot in (0..40).map(slot) {
            all.entry(Block::of(slot, &Grouping::BY_ROUTE)).or_default().push(slot);
        }
        let first = memo.sums(&Grouping::BY_ROUTE, &all, &store, &store);
        apply(&mut store, &Change::Fold { minute: 39, route: 0, cohort: 1 }, 1);
        let second = memo.sums(&Grouping::BY_ROUTE, &all, &store, &store);
        let same = first.iter().zip(&second).filter(|((_, one), (_, other))| Rc::ptr_eq(one, other)).count();
        assert_eq!((first.len(), same), (all.len(), all.len() - 1));
    }

    #[test]
    fn what_was_used_longest_ago_is_forgotten_first() {
        let mut store = Intervals::new();
        for minute in 0..400 {
            (0..10).for_each(|route| apply(&mut store, &Change::Fold { minute, route, cohort: 1 }, minute));
        }
        let by_minute = Grouping { routes: RouteSelection::Each, step_ms: Some(Grain::Minute.ms()) };
        let mut memo = BlockMemory::default();
        let mut read = |minutes: std::ops::Range<u64>| {
            let blocks = minutes.map(|minute| (Block::of(slot(minute), &by_minute), vec![slot(minute)])).collect();
            memo.sums(&by_minute, &blocks, &store, &store);
            let kept = memo.kept.values().flat_map(LiteMap::values);
            kept.map(|kept| kept.sum.by_route.len()).sum::<usize>()
        };
        assert_eq!((read(0..300), read(300..400)), (3_000, 4_000));
        for minute in 400..800 {
            (0..10).for_each(|route| apply(&mut store, &Change::Fold { minute, route, cohort: 1 }, minute));
        }
        let blocks = (400..600).map(|minute| (Block::of(slot(minute), &by_minute), vec![slot(minute)])).collect();
        memo.sums(&by_minute, &blocks, &store, &store);
        let first = memo.kept.values().flat_map(LiteMap::keys).map(|block| block.step).min();
        assert_eq!(first, Some(slot(300).0));
    }
}
