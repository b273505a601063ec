//! Mergeable summaries: response times for percentiles, address hashes for counting distinct ones.
//!
//! Invariant: a summary is a function of the *set* (addresses) or *multiset* (response times) of values it was
//! given, never of their order or of how they were split over summaries that were then merged.

use datasketches::hll::{HllSketch, HllType, HllUnion};
use sketches_ddsketch::{Config, DDSketch};

use crate::error::InputError;
use crate::event::address::ClientIpHash;
use crate::event::identity::first_u64;
use crate::sorted;

/// Smallest response time that is told apart from zero, in ms.
const MIN_MS: f64 = 1e-3;
/// Largest response time that is told apart, in ms: almost three hours.
const MAX_MS: f64 = 1e7;

/// Response times. DDSketch with 1 % relative error
/// (Masson, Rim, Lee: *DDSketch: A Fast and Fully-Mergeable Quantile Sketch*, VLDB 2019).
#[derive(Clone)]
pub struct LatencySketch(DDSketch);

impl Default for LatencySketch {
    fn default() -> Self {
        Self(DDSketch::new(Config::defaults()))
    }
}

impl LatencySketch {
    /// Adds one response time in ms.
    pub fn add(&mut self, ms: u32) {
        self.0.add(f64::from(ms).clamp(MIN_MS, MAX_MS));
    }

    /// Adds all values of another sketch.
    pub fn merge(&mut self, other: &Self) {
        // The sketch would make room for the bins that it has not. Many have none: they were not asked for.
        if other.0.count() == 0 {
            return;
        }
        // Both have the default configuration, the only thing on which a merge can fail.
        let merged = self.0.merge(&other.0);
        debug_assert!(merged.is_ok());
    }

    /// The response time below which a share `q` (0 to 1) lies, in ms; none when empty.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.0.quantile(q).ok().flatten()
    }

    /// How many response times are at most `ms`, within the sketch's error: it counts whole bins up to the one that
    /// holds `ms`. Adding a response time never lowers the result.
    pub fn at_most(&self, ms: f64) -> u64 {
        // Bins are compared, not values, because the first and the last rank have their own exact value.
        let bins = Config::defaults();
        let last = bins.key(ms);
        let count = self.0.count() as u64;
        let (mut low, mut high) = (0, count);
        // The bin of each rank rises with the rank.
        while low < high {
            let rank = low.midpoint(high);
            let value = self.quantile(share_of(rank, count));
            if value.is_some_and(|value| bins.key(value) <= last) { low = rank + 1 } else { high = rank }
        }
        low
    }

    /// Packed.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_java_bytes()
    }

    /// Unpacks [`Self::to_bytes`]. Empty bytes are an empty sketch.
    ///
    /// # Errors
    /// When the bytes are no sketch.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InputError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        DDSketch::from_java_bytes(bytes).map(Self).map_err(|error| damaged("response times", &error))
    }
}

/// The share at which the sketch finds this rank of so many values: it cuts off `share × (count − 1)`, of which half a
/// rank more keeps the floating-point error away.
#[allow(clippy::cast_precision_loss)] // counts stay far below 2^53
fn share_of(rank: u64, count: u64) -> f64 {
    if rank + 1 >= count { 1.0 } else { (rank as f64 + 0.5) / (count - 1) as f64 }
}

fn damaged(what: &'static str, reason: &dyn std::fmt::Display) -> InputError {
    let remedy = "it was stored by another version, or is damaged";
    InputError::Malformed { what, reason: reason.to_string(), remedy }
}

/// Up to this many distinct address hashes are kept and counted exactly (2 KB); above, they are estimated.
pub const EXACT_ADDRESSES: usize = 256;

/// Binary logarithm of the number of registers: 4,096 of 4 bits, 2 KB.
const LG_K: u8 = 12;

/// Relative standard error of the estimate: `1.04 / sqrt(2^LG_K)`
/// (Flajolet et al.: *HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm*, 2007).
const STANDARD_ERROR: f64 = 1.04 / 64.0;

/// Distinct client addresses, by their hashes: exact while they are few, then HyperLogLog.
#[derive(Clone)]
pub enum Addresses {
    /// Every hash, sorted.
    Exact(Vec<u64>),
    /// More than [`EXACT_ADDRESSES`].
    Estimated(Box<HllSketch>),
}

impl Default for Addresses {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

impl Addresses {
    /// Adds one address.
    pub fn add(&mut self, hash: ClientIpHash) {
        match self {
            Self::Exact(set) => {
                if sorted::insert(set, hash.0) {
                    self.spill();
                }
            }
            Self::Estimated(sketch) => sketch.update(hash.0),
        }
    }

    /// Adds all values of another sketch.
    pub fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::Exact(set)) => {
                for hash in set {
                    self.add(ClientIpHash(*hash));
                }
            }
            (Self::Estimated(mine), Self::Estimated(theirs)) => {
                if let Ok(mut union) = HllUnion::new(LG_K) {
                    union.update(mine);
                    union.update(theirs);
                    **mine = union.to_sketch(HllType::Hll4);
                }
            }
            (Self::Exact(set), Self::Estimated(theirs)) => {
                let mut sketch = theirs.clone();
                for hash in set.iter() {
                    sketch.update(*hash);
                }
                *self = Self::Estimated(sketch);
            }
        }
    }

    /// From set to sketch, when there are more than are kept.
    fn spill(&mut self) {
        let Self::Exact(set) = self else { return };
        if set.len() <= EXACT_ADDRESSES {
            return;
        }
        // The constructor refuses only register counts out of its range; LG_K is inside. Should it ever refuse, the
        // set simply goes on growing.
        if let Ok(mut sketch) = HllSketch::new(LG_K, HllType::Hll4) {
            for hash in set.iter() {
                sketch.update(*hash);
            }
            *self = Self::Estimated(Box::new(sketch));
        }
    }

    /// Estimated number of distinct addresses: exact up to [`EXACT_ADDRESSES`].
    #[allow(clippy::cast_precision_loss)] // a set of 2^52 would not fit anywhere
    pub fn estimate(&self) -> f64 {
        match self {
            Self::Exact(set) => set.len() as f64,
            Self::Estimated(sketch) => sketch.composite_estimate(),
        }
    }

    /// Lower bound of the number of distinct addresses: exact up to [`EXACT_ADDRESSES`]; above, the estimate less two
    /// standard errors (97.7 % one-sided), and surely more than are kept exactly.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to a positive range below 2^53
    pub fn lower_bound(&self) -> u64 {
        match self {
            Self::Exact(set) => set.len() as u64,
            Self::Estimated(_) => {
                let bound = self.estimate() * (1.0 - 2.0 * STANDARD_ERROR);
                (bound.clamp(0.0, 9e15) as u64).max(EXACT_ADDRESSES as u64 + 1)
            }
        }
    }
}

/// First byte of packed addresses: every hash follows, 8 bytes each; or a sketch.
const EXACT: u8 = 0;
const ESTIMATED: u8 = 1;

impl Addresses {
    /// Packed.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Exact(set) => std::iter::once(EXACT).chain(set.iter().flat_map(|hash| hash.to_be_bytes())).collect(),
            Self::Estimated(sketch) => std::iter::once(ESTIMATED).chain(sketch.serialize()).collect(),
        }
    }

    /// Unpacks [`Self::to_bytes`]. Empty bytes mean no addresses.
    ///
    /// # Errors
    /// If the bytes are neither a list nor a sketch.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InputError> {
        match bytes.split_first() {
            None => Ok(Self::default()),
            Some((&EXACT, hashes)) if hashes.len() % 8 == 0 => {
                Ok(Self::Exact(sorted::distinct(hashes.chunks_exact(8).map(first_u64))))
            }
            Some((&ESTIMATED, sketch)) => HllSketch::deserialize(sketch)
                .map(|sketch| Self::Estimated(Box::new(sketch)))
                .map_err(|error| damaged("addresses", &error)),
            Some(_) => Err(damaged("addresses", &"the format is unknown")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addresses(hashes: &[u64]) -> Addresses {
        let mut all = Addresses::default();
        for hash in hashes {
            all.add(ClientIpHash(*hash));
        }
        all
    }

    /// Spreads small test numbers over 64 bits, as real hashes are.
    fn spread(n: u64) -> u64 {
        n.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    #[test]
    fn few_addresses_are_counted_exactly_and_many_within_three_standard_errors() {
        for n in [0u64, 1, 256, 257, 1_000, 20_000, 200_000] {
            let all = addresses(&(0..n).map(spread).collect::<Vec<_>>());
            #[allow(clippy::cast_precision_loss)]
            let truth = n as f64;
            assert!((all.estimate() - truth).abs() <= 3.0 * STANDARD_ERROR * truth, "{n}: {}", all.estimate());
            assert!(all.lower_bound() <= n, "{n}: {}", all.lower_bound());
            // One more than are kept exactly is surely there; above, two standard errors are some 3 %.
            if n <= EXACT_ADDRESSES as u64 + 1 {
                assert_eq!(all.lower_bound(), n);
            }
            assert!(all.lower_bound() >= n - n / 10, "{n}: {}", all.lower_bound());
            assert!(all.to_bytes().len() < 4_096, "{n}: {} bytes", all.to_bytes().len());
        }
    }

    #[test]
    fn percentiles_are_within_one_percent() {
        let mut latency = LatencySketch::default();
        (1..=10_000).for_each(|ms| latency.add(ms));
        for (q, truth) in [(0.5, 5_000.0), (0.95, 9_500.0), (0.99, 9_900.0)] {
            let found = latency.quantile(q).unwrap();
            assert!((found - truth).abs() / truth <= 0.011, "p{q}: {found}");
        }
        assert_eq!(LatencySketch::default().quantile(0.5), None);
    }

    #[test]
    fn counts_below_a_bound_are_those_of_the_values() {
        let mut latency = LatencySketch::default();
        assert_eq!(latency.at_most(1e9), 0);
        (1..=1_000).for_each(|ms| latency.add(ms));
        assert_eq!((latency.at_most(0.0), latency.at_most(1e9)), (0, 1_000));
        for bound in [10.0, 100.0, 500.0] {
            #[allow(clippy::cast_precision_loss)]
            let found = latency.at_most(bound) as f64;
            assert!((found - bound).abs() <= 0.011 * bound + 1.0, "{bound}: {found}");
        }
    }

    proptest! {
        #[test]
        fn a_count_below_a_bound_is_exact_by_bins_and_never_shrinks(
            values in prop::collection::vec(0u32..3_000, 1..300), bound in 1u32..3_000,
        ) {
            let bound = f64::from(bound);
            let bins = Config::defaults();
            let (mut latency, mut truth) = (LatencySketch::default(), 0);
            for ms in values {
                latency.add(ms);
                truth += u64::from(bins.key(f64::from(ms).max(MIN_MS)) <= bins.key(bound));
                prop_assert_eq!(latency.at_most(bound), truth);
            }
            prop_assert_eq!(LatencySketch::from_bytes(&latency.to_bytes()).unwrap().at_most(bound), truth);
        }
    }

    #[test]
    fn damaged_bytes_are_an_error_and_none_are_an_empty_summary() {
        assert_eq!(
            (LatencySketch::from_bytes(&[]).unwrap().quantile(0.5), Addresses::from_bytes(&[]).unwrap().estimate()),
            (None, 0.0)
        );
        assert!(LatencySketch::from_bytes(&[1, 2, 3]).is_err());
        for bytes in [&[EXACT, 1][..], &[ESTIMATED, 1], &[2]] {
            assert!(Addresses::from_bytes(bytes).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn a_merge_of_any_split_gives_the_figures_of_the_whole(
            values in prop::collection::vec((0u64..2_000, 0u32..100_000, 0usize..4), 0..1_500),
        ) {
            let (mut whole, mut times) = (Addresses::default(), LatencySketch::default());
            let mut parts: Vec<(Addresses, LatencySketch)> = vec![Default::default(); 4];
            for (address, ms, part) in values {
                let hash = ClientIpHash(spread(address));
                whole.add(hash);
                times.add(ms);
                parts[part].0.add(hash);
                parts[part].1.add(ms);
            }
            let (mut merged, mut merged_times) = (Addresses::default(), LatencySketch::default());
            for (addresses, latency) in parts.iter().rev() {
                merged.merge(addresses);
                merged_times.merge(latency);
            }
            prop_assert!((merged.estimate() - whole.estimate()).abs() < 1e-6);
            prop_assert_eq!(merged.lower_bound(), whole.lower_bound());
            for q in [0.0, 0.5, 0.95, 0.99, 1.0] {
                prop_assert_eq!(merged_times.quantile(q), times.quantile(q));
            }
            let stored = Addresses::from_bytes(&merged.to_bytes()).unwrap();
            prop_assert!((stored.estimate() - whole.estimate()).abs() < 1e-6);
            let stored = LatencySketch::from_bytes(&merged_times.to_bytes()).unwrap();
            prop_assert_eq!(stored.quantile(0.95), times.quantile(0.95));
        }
    }
}
