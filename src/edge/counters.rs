//! What went wrong, and how often, in this isolate since it started.
//!
//! Invariant: names are literals in the code, so that their number is bounded.

use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    static COUNTERS: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// Adds to a counter.
pub fn add(name: &'static str, count: u64) {
    if count > 0 {
        COUNTERS.with_borrow_mut(|counters| *counters.entry(name).or_default() += count);
    }
}

/// Raises a counter to the largest value seen. Its name ends in [`PEAK`](crate::domain::health::PEAK).
pub fn raise(name: &'static str, value: u64) {
    COUNTERS.with_borrow_mut(|counters| {
        let peak = counters.entry(name).or_default();
        *peak = value.max(*peak);
    });
}

/// All counters that are not zero.
pub fn all() -> BTreeMap<&'static str, u64> {
    COUNTERS.with_borrow(Clone::clone)
}
