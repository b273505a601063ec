//! Repeatable randomness: the same seed gives the same numbers on every machine and in every version.
//!
//! Its own small generator, because the crates' distributions promise no stable output and a log that changes with a
//! dependency has no known truth. Not for secrets.

use std::f64::consts::TAU;

/// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator that repeats itself for the same seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    #[allow(clippy::cast_precision_loss)] // 53 bits are exactly what a double holds
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in 0 to `bound` - 1; 0 for a bound of 0.
    #[allow(clippy::cast_possible_truncation)] // the upper half of a 64 by 64 bit product fits 64 bits
    pub fn below(&mut self, bound: u64) -> u64 {
        // Lemire's multiplication without his rejection: the bias is under bound / 2^64.
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// Whether an event of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of these; `None` if there are none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(usize::try_from(self.below(of.len() as u64)).ok()?)
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (TAU * self.unit()).cos()
    }

    /// Lognormal with this median; `sigma` is the standard deviation of the logarithm.
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }
}

/// Ranks with probability proportional to 1 / (rank + 1)^exponent.
#[derive(Debug, Clone)]
pub struct Zipf {
    /// Cumulative weight up to and including each rank.
    cumulative: Vec<f64>,
}

impl Zipf {
    /// Ranks 0 to `ranks` - 1.
    #[allow(clippy::cast_precision_loss)] // ranks are far below 2^53
    pub fn new(ranks: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let weigh = |rank: usize| {
            sum += ((rank + 1) as f64).powf(-exponent);
            sum
        };
        Self { cumulative: (0..ranks).map(weigh).collect() }
    }

    /// A rank; 0 if there are none.
    pub fn rank(&self, random: &mut Random) -> usize {
        let total = self.cumulative.last().copied().unwrap_or_default();
        let at = random.unit() * total;
        self.cumulative.partition_point(|sum| *sum <= at).min(self.cumulative.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_its_published_numbers() {
        // First outputs for seed 1234567, as in the reference implementation's test of xoshiro's authors.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn bounds_hold() {
        let mut random = Random::new(1);
        assert!((0..10_000).all(|_| (0.0..1.0).contains(&random.unit())));
        assert!((0..10_000).all(|_| random.below(7) < 7));
        assert_eq!((random.below(0), random.pick::<u8>(&[])), (0, None));
    }

    #[test]
    fn the_normal_has_its_mean_and_deviation() {
        let mut random = Random::new(2);
        let values: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
        let mean = values.iter().sum::<f64>() / 100_000.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 100_000.0;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }

    #[test]
    fn a_zipf_rank_is_as_frequent_as_its_weight() {
        let (zipf, mut random) = (Zipf::new(3, 1.0), Random::new(3));
        let mut counts = [0u32; 3];
        for _ in 0..110_000 {
            counts[zipf.rank(&mut random)] += 1;
        }
        // Weights 6 : 3 : 2.
        for (count, expected) in counts.iter().zip([60_000u32, 30_000, 20_000]) {
            assert!(count.abs_diff(expected) < 1_000, "{counts:?}");
        }
        assert_eq!(Zipf::new(0, 1.0).rank(&mut random), 0);
    }
}
