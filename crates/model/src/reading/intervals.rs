//! What one store holds of some intervals, in the form that the merged read needs.
//!
//! Invariant: the totals of an interval are the sums over its routes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;

use crate::counting::grain::Grain;
use crate::counting::rollup::{Rollup, Rollups};
use crate::event::Cohort;

/// Start of an interval (ms) and its length.
pub type IntervalSlot = (u64, Grain);

/// Intervals by start and length. They are shared, so that reads don't copy what is remembered.
pub type Intervals = BTreeMap<IntervalSlot, Rc<Interval>>;

/// Figures of one interval, by cohort and normalised route.
#[derive(Clone, Default)]
pub struct Interval {
    cohorts: [CohortFigures; Cohort::ALL.len()],
}

/// Figures by normalised route.
#[derive(Clone, Default)]
pub struct CohortFigures {
    requests: u64,
    digest_sum: u64,
    by_path: BTreeMap<String, Rollup>,
}

impl Interval {
    /// Adds a rollup of a route.
    pub fn add(&mut self, path: String, cohort: Cohort, rollup: Rollup) {
        let of_cohort = &mut self.cohorts[cohort.index()];
        of_cohort.requests += rollup.requests;
        of_cohort.digest_sum = of_cohort.digest_sum.wrapping_add(rollup.digest_sum);
        match of_cohort.by_path.get_mut(&path) {
            Some(sum) => sum.merge(&rollup),
            None => drop(of_cohort.by_path.insert(path, rollup)),
        }
    }

    fn extend(&mut self, other: &Self) {
        for cohort in Cohort::ALL {
            for (path, rollup) in other.of(cohort).iter() {
                self.add(path.to_owned(), cohort, rollup.clone());
            }
        }
    }

    /// Figures of a cohort.
    pub fn of(&self, cohort: Cohort) -> &CohortFigures {
        &self.cohorts[cohort.index()]
    }

    /// Number of events.
    pub fn requests(&self) -> u64 {
        self.cohorts.iter().map(|routes| routes.requests).sum()
    }
}

impl CohortFigures {
    /// Number of events.
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Number of routes.
    pub fn routes(&self) -> usize {
        self.by_path.len()
    }

    /// Each route with its figures.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Rollup)> {
        self.by_path.iter().map(|(path, rollup)| (path.as_str(), rollup))
    }

    /// Events of one route.
    pub fn requests_of(&self, path: &str) -> u64 {
        self.by_path.get(path).map_or(0, |rollup| rollup.requests)
    }

    /// Whether both were made from the same set of events, as far as sums tell.
    pub const fn same_set(&self, other: &Self) -> bool {
        self.requests == other.requests && self.digest_sum == other.digest_sum
    }
}

/// What a store holds of an interval.
pub fn held(store: &Intervals, slot: IntervalSlot) -> Option<&Interval> {
    store.get(&slot).map(AsRef::as_ref)
}

/// Adds a rollup to its interval.
pub fn add(intervals: &mut Intervals, slot: IntervalSlot, path: String, cohort: Cohort, rollup: Rollup) {
    Rc::make_mut(intervals.entry(slot).or_default()).add(path, cohort, rollup);
}

/// Adds all of another store's, or shard's.
pub fn extend(all: &mut Intervals, others: Intervals) {
    for (slot, other) in others {
        match all.entry(slot) {
            Entry::Vacant(place) => drop(place.insert(other)),
            Entry::Occupied(mut place) => Rc::make_mut(place.get_mut()).extend(&other),
        }
    }
}

/// Rollups by their intervals.
pub fn by_interval(rollups: Rollups) -> Intervals {
    let mut intervals = Intervals::new();
    for (key, rollup) in rollups {
        add(&mut intervals, (key.start, key.grain), key.path, key.cohort, rollup);
    }
    intervals
}
