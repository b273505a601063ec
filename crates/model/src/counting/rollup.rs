//! What is counted per interval, route and cohort.
//!
//! Invariant: a rollup is a commutative monoid over events: any split, order and merge of the same events gives the
//! same figures.

use std::collections::BTreeMap;

use super::exemplar::Exemplars;
use super::grain::Grain;
use super::sketch::{Addresses, LatencySketch};
pub use crate::event::value_hash::value_hash;
use crate::event::{Cohort, Event};

/// Stands for all routes together. No event has it: a route is never empty.
pub const ALL_ROUTES: &str = "";

/// Where a rollup belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RollupKey {
    /// Start of its interval, in ms.
    pub start: u64,
    /// Length of its interval.
    pub grain: Grain,
    /// Normalised route, or [`ALL_ROUTES`].
    pub path: String,
    /// Where its events were meant to be recorded.
    pub cohort: Cohort,
}

/// Figures of a set of events.
#[derive(Clone, Default)]
pub struct Rollup {
    /// Number of events.
    pub requests: u64,
    /// Events by status class, 1xx to 5xx.
    pub status: [u64; 5],
    /// Sum of response times in ms.
    pub response_time_sum: u64,
    /// Smallest and largest response time in ms; none when empty.
    pub response_time_range: Option<(u32, u32)>,
    /// Response times, for percentiles.
    pub latency: LatencySketch,
    /// Distinct client addresses.
    pub addresses: Addresses,
    /// Wrapping sum of the digests: equal sums and counts mean equal sets, but for a chance of 2⁻⁶⁴.
    pub digest_sum: u64,
    /// Wrapping sum of [`value_hash`]: equal sums mean equal values too, but for the same chance.
    pub value_sum: u64,
    /// Real requests among them.
    pub exemplars: Exemplars,
}

impl Rollup {
    /// Adds one event.
    pub fn add(&mut self, event: &Event) {
        self.requests += 1;
        let class = usize::from(event.status / 100).saturating_sub(1);
        if let Some(count) = self.status.get_mut(class) {
            *count += 1;
        }
        let ms = event.response_time;
        self.response_time_sum += u64::from(ms);
        self.response_time_range = range(self.response_time_range, Some((ms, ms)));
        self.latency.add(ms);
        self.addresses.add(event.client_ip_hash);
        self.digest_sum = self.digest_sum.wrapping_add(event.digest.0);
        self.value_sum = self.value_sum.wrapping_add(value_hash(event));
        self.exemplars.add(event);
    }

    /// Adds all events of another rollup.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.status.iter_mut().zip(other.status).for_each(|(mine, theirs)| *mine += theirs);
        self.response_time_sum += other.response_time_sum;
        self.response_time_range = range(self.response_time_range, other.response_time_range);
        self.latency.merge(&other.latency);
        self.addresses.merge(&other.addresses);
        self.digest_sum = self.digest_sum.wrapping_add(other.digest_sum);
        self.value_sum = self.value_sum.wrapping_add(other.value_sum);
        self.exemplars.merge(&other.exemplars);
    }

    /// Whether both were made from the same set of events, as far as sums tell.
    pub fn same_set(&self, other: &Self) -> bool {
        self.requests == other.requests && self.digest_sum == other.digest_sum
    }
}

fn range(a: Option<(u32, u32)>, b: Option<(u32, u32)>) -> Option<(u32, u32)> {
    match (a, b) {
        (Some((a_min, a_max)), Some((b_min, b_max))) => Some((a_min.min(b_min), a_max.max(b_max))),
        (one, other) => one.or(other),
    }
}

/// 64-bit FNV-1a hash of some bytes, to tell whether a text changed. It is too weak for sums and proofs; use
/// [`value_hash`] for those.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Rollups by where they belong.
pub type Rollups = BTreeMap<RollupKey, Rollup>;

/// Adds one event to the rollup of its interval, route and cohort.
pub fn add(rollups: &mut Rollups, grain: Grain, path: &str, event: &Event) {
    let key = RollupKey { start: grain.floor(event.timestamp), grain, path: path.to_owned(), cohort: event.cohort };
    rollups.entry(key).or_default().add(event);
}

/// Adds a rollup to the one at its key.
pub fn merge(rollups: &mut Rollups, key: RollupKey, rollup: &Rollup) {
    rollups.entry(key).or_default().merge(rollup);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::identity::Digest;
    use crate::event::tests::example;

    #[test]
    fn a_value_that_differs_shows_in_the_value_sum_alone() {
        let (mut one, mut other) = (Rollup::default(), Rollup::default());
        one.add(&example());
        other.add(&Event { status: 500, ..example() });
        assert!(one.same_set(&other));
        assert_ne!(one.value_sum, other.value_sum);
    }

    #[test]
    fn sets_are_the_same_only_if_both_their_sizes_and_their_digests_are() {
        let of = |digests: &[u64]| {
            let mut rollup = Rollup::default();
            for digest in digests {
                rollup.add(&Event { digest: Digest(*digest), ..example() });
            }
            rollup
        };
        assert!(of(&[1, 2]).same_set(&of(&[2, 1])));
        assert!(!of(&[1, 2]).same_set(&of(&[1, 3])), "one event more and one less");
        assert!(!of(&[1, 2]).same_set(&of(&[1, 2, 0])), "an event whose digest is nothing");
    }

    #[test]
    fn what_is_merged_at_a_key_counts_there_with_what_was() {
        let mut rollups = Rollups::new();
        add(&mut rollups, Grain::Minute, ALL_ROUTES, &example());
        let (key, rollup) = rollups.first_key_value().map(|(key, rollup)| (key.clone(), rollup.clone())).unwrap();
        let other = RollupKey { path: "/other".into(), ..key.clone() };
        merge(&mut rollups, key.clone(), &rollup);
        merge(&mut rollups, other.clone(), &rollup);
        assert_eq!((rollups[&key].requests, rollups[&other].requests), (2, 1));
    }

    #[test]
    fn texts_are_told_apart_by_fnv_1a() {
        // The published vectors of 64-bit FNV-1a.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn events_count_by_interval_route_and_cohort() {
        let mut rollups = Rollups::new();
        let mut count = |event: &Event| add(&mut rollups, Grain::Minute, &event.path, event);
        count(&example());
        count(&Event { cohort: Cohort::Dual, ..example() });
        count(&Event { timestamp: example().timestamp + Grain::Minute.ms(), ..example() });
        count(&example());
        assert_eq!(rollups.values().map(|r| r.requests).collect::<Vec<_>>(), [2, 1, 1]);
    }
}
