//! What went wrong, and how often, in one isolate since it started.
//!
//! Invariant: names are literals in the code, so that their number is bounded.

use std::cell::RefCell;

use model::operating::health::CounterValues;

/// Counters by name.
#[derive(Debug, Default)]
pub struct Counters(
    // Few: looked through faster than looked up.
    RefCell<Vec<(&'static str, u64)>>,
);

impl Counters {
    /// Adds to a counter.
    pub fn add(&self, name: &'static str, count: u64) {
        if count > 0 {
            self.change(name, |value| value + count);
        }
    }

    /// Raises a counter to the largest value seen. Its name ends in [`PEAK`](model::operating::health::PEAK).
    pub fn raise(&self, name: &'static str, value: u64) {
        self.change(name, |peak| value.max(peak));
    }

    fn change(&self, name: &'static str, next: impl Fn(u64) -> u64) {
        let mut counters = self.0.borrow_mut();
        match counters.iter_mut().find(|(known, _)| *known == name) {
            Some((_, value)) => *value = next(*value),
            None => counters.push((name, next(0))),
        }
    }

    /// One counter.
    pub fn of(&self, name: &str) -> u64 {
        self.0.borrow().iter().find(|(known, _)| *known == name).map_or(0, |(_, value)| *value)
    }

    /// All counters that are not zero.
    pub fn all(&self) -> CounterValues {
        self.0.borrow().iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }
}
