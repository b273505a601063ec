//! Real requests that stand for the figures: a uniform sample, and the slowest few.
//!
//! Invariant: both are functions of the set of events. The sample is the events with the smallest priority, a mix of
//! the digest: uniform like a reservoir, but unlike one it merges without loss ("bottom-k").

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::event::identity::{Digest, IdempotentId};

/// Events in the uniform sample.
pub const SAMPLE: usize = 8;
/// Events among the slowest.
pub const SLOWEST: usize = 4;

/// One real request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Exemplar {
    /// Its ID, to trace it by.
    pub idempotent_id: IdempotentId,
    /// Its dedup key.
    pub digest: Digest,
    /// Its normalised route.
    pub path: String,
    /// When it arrived, in ms.
    pub timestamp: u64,
    /// Its status.
    #[cfg_attr(feature = "schema", schemars(range(min = 100, max = 599)))]
    pub status: u16,
    /// Its response time in ms.
    pub response_time: u32,
}

impl From<&Event> for Exemplar {
    fn from(event: &Event) -> Self {
        Self {
            idempotent_id: event.idempotent_id,
            digest: event.digest,
            path: event.path.clone(),
            timestamp: event.timestamp,
            status: event.status,
            response_time: event.response_time,
        }
    }
}

/// A bounded choice of real requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemplars {
    /// A uniform sample, by rising priority.
    pub sample: Vec<Exemplar>,
    /// The slowest, slowest first.
    pub slowest: Vec<Exemplar>,
}

impl Exemplars {
    /// Offers one request.
    pub fn add(&mut self, event: &Event) {
        // Most are not chosen: that costs two comparisons.
        let in_sample = may_enter(&self.sample, SAMPLE, |last| priority(event.digest) <= priority(last.digest));
        let among_slowest = may_enter(&self.slowest, SLOWEST, |last| event.response_time >= last.response_time);
        if in_sample || among_slowest {
            let exemplar = Exemplar::from(event);
            sampled(&mut self.sample, &exemplar);
            slowest(&mut self.slowest, &exemplar);
        }
    }

    /// Offers all requests of another choice.
    pub fn merge(&mut self, other: &Self) {
        other.sample.iter().for_each(|exemplar| sampled(&mut self.sample, exemplar));
        other.slowest.iter().for_each(|exemplar| slowest(&mut self.slowest, exemplar));
    }
}

fn may_enter(list: &[Exemplar], limit: usize, beats: impl Fn(&Exemplar) -> bool) -> bool {
    list.len() < limit || list.last().is_some_and(beats)
}

fn sampled(list: &mut Vec<Exemplar>, new: &Exemplar) {
    keep(list, new, SAMPLE, |e| priority(e.digest));
}

fn slowest(list: &mut Vec<Exemplar>, new: &Exemplar) {
    keep(list, new, SLOWEST, |e| u64::from(u32::MAX - e.response_time));
}

/// Keeps the `limit` requests with the smallest key; ties by all the rest, so that order never matters.
fn keep(list: &mut Vec<Exemplar>, new: &Exemplar, limit: usize, key: fn(&Exemplar) -> u64) {
    let at = list.partition_point(|e| rank(e, key) < rank(new, key));
    if at < limit && list.get(at).is_none_or(|e| rank(e, key) != rank(new, key)) {
        list.insert(at, new.clone());
        list.truncate(limit);
    }
}

fn rank(e: &Exemplar, key: fn(&Exemplar) -> u64) -> (u64, Digest, u64, u32, u16, &str) {
    (key(e), e.digest, e.timestamp, e.response_time, e.status, &e.path)
}

/// A bijective mix of the digest (the finaliser of SplitMix64), so that the sample doesn't favour small digests,
/// of which the shown half of an ID would tell.
const fn priority(digest: Digest) -> u64 {
    let mut z = digest.0;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::tests::example;

    fn exemplar(digest: u64, response_time: u32) -> Event {
        Event { digest: Digest(digest), response_time, ..example() }
    }

    #[test]
    fn the_slowest_are_kept_and_the_sample_is_spread() {
        let mut all = Exemplars::default();
        (0..1_000).for_each(|n| all.add(&exemplar(n, u32::try_from(n).unwrap())));
        assert_eq!(all.slowest.iter().map(|e| e.response_time).collect::<Vec<_>>(), [999, 998, 997, 996]);
        assert_eq!(all.sample.len(), SAMPLE);
        let mean = all.sample.iter().map(|e| e.digest.0).sum::<u64>() / SAMPLE as u64;
        assert!((150..850).contains(&mean), "{mean}");
    }

    #[test]
    fn a_request_that_is_offered_again_is_chosen_once() {
        let mut all = Exemplars::default();
        for _ in 0..2 {
            (0..3).for_each(|n| all.add(&exemplar(n, 5)));
        }
        all.merge(&all.clone());
        assert_eq!((all.sample.len(), all.slowest.len()), (3, 3));
    }

    #[test]
    fn priorities_are_frozen_so_that_samples_of_different_versions_merge() {
        // The first outputs of SplitMix64 from seed 0, as published.
        let output = |n: u64| priority(Digest(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(n)));
        assert_eq!([1, 2, 3].map(output), [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F]);
    }

    proptest! {
        #[test]
        fn any_order_and_split_choose_the_same(values in prop::collection::vec((0u64..60, 0u32..20, any::<bool>()), 0..100)) {
            let (mut whole, mut left, mut right) = (Exemplars::default(), Exemplars::default(), Exemplars::default());
            for (digest, ms, side) in &values {
                whole.add(&exemplar(*digest, *ms));
                if *side { &mut left } else { &mut right }.add(&exemplar(*digest, *ms));
            }
            right.merge(&left);
            prop_assert_eq!(right, whole);
        }
    }
}
