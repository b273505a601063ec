//! What went wrong, and how often, in this isolate since it started.
//!
//! Invariant: names are literals in the code, so that their number is bounded.

use std::cell::RefCell;

use model::operating::health::Counts;

thread_local! {
    // Few: looked through faster than looked up.
    static COUNTERS: RefCell<Vec<(&'static str, u64)>> = const { RefCell::new(Vec::new()) };
}

/// Adds to a counter.
pub fn add(name: &'static str, count: u64) {
    if count > 0 {
        change(name, |value| value + count);
    }
}

/// Raises a counter to the largest value seen. Its name ends in [`PEAK`](model::operating::health::PEAK).
pub fn raise(name: &'static str, value: u64) {
    change(name, |peak| value.max(peak));
}

fn change(name: &'static str, next: impl Fn(u64) -> u64) {
    COUNTERS.with_borrow_mut(|counters| match counters.iter_mut().find(|(known, _)| *known == name) {
        Some((_, value)) => *value = next(*value),
        None => counters.push((name, next(0))),
    });
}

/// All counters that are not zero.
pub fn all() -> Counts {
    COUNTERS.with_borrow(|counters| counters.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect())
}
