//! A set of whole numbers, stored as runs, because most numbers that arrive are consecutive.
//!
//! Invariant: runs are sorted and neither touch nor overlap, so equal sets are equal values.

use serde::{Deserialize, Serialize};

/// A set of numbers, stored as sorted runs from a first to a last number. Runs neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runs(Vec<(u32, u32)>);

impl Runs {
    /// The set of these numbers.
    pub fn of(mut numbers: Vec<u32>) -> Self {
        numbers.sort_unstable();
        Self::joined(numbers.into_iter().map(|number| (number, number)))
    }

    /// Joins runs that come sorted by their first number.
    pub(super) fn joined(runs: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut joined: Vec<(u32, u32)> = Vec::new();
        for (first, last) in runs {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }

    /// The union of both.
    pub fn merge(&mut self, other: &Self) {
        let mut runs: Vec<(u32, u32)> = self.0.iter().chain(&other.0).copied().collect();
        runs.sort_unstable();
        *self = Self::joined(runs.into_iter());
    }

    /// How many numbers.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a number is in it.
    pub fn contains(&self, number: u32) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| *last >= number)
    }

    pub(super) fn as_slice(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// The runs.
    pub fn runs(&self) -> impl Iterator<Item = (u32, u32)> {
        self.0.iter().copied()
    }
}

// Packed as distances: a contiguous minute costs a few bytes, whatever its traffic.
impl Serialize for Runs {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut at = 0;
        let distances = self.0.iter().map(|(first, last)| {
            let pair = (first - at, last - first);
            at = *last;
            pair
        });
        serializer.collect_seq(distances)
    }
}

impl<'de> Deserialize<'de> for Runs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut at = 0u32;
        let absolute = |(distance, length): (u32, u32)| {
            let first = at.saturating_add(distance);
            at = first.saturating_add(length);
            (first, at)
        };
        Ok(Self::joined(Vec::<(u32, u32)>::deserialize(deserializer)?.into_iter().map(absolute)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_set_without_numbers_is_empty() {
        assert!(Runs::default().is_empty() && !Runs::of(vec![0]).is_empty());
    }

    proptest! {
        #[test]
        fn runs_are_a_set(left in prop::collection::vec(0u32..200, 0..80), right in prop::collection::vec(0u32..200, 0..80)) {
            let mut runs = Runs::of(left.clone());
            runs.merge(&Runs::of(right.clone()));
            let set: BTreeSet<u32> = left.into_iter().chain(right).collect();
            prop_assert_eq!(runs.len(), set.len() as u64);
            prop_assert!((0..210).all(|number| runs.contains(number) == set.contains(&number)));
            let again: Runs = postcard::from_bytes(&postcard::to_allocvec(&runs).unwrap()).unwrap();
            prop_assert_eq!(again, runs);
        }
    }
}
