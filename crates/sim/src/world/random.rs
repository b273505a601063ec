//! Repeatable randomness: the same seed gives the same numbers on every machine and in every version.

use std::cell::Cell;

/// `SplitMix64`: Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014. Our own, because a
/// crate's may change with its version, and then the seed of a past failure shows nothing.
#[derive(Debug)]
pub struct Random(Cell<u64>);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// Another sequence of the same seed, so that more draws of one kind don't change those of another.
    pub fn of(seed: u64, stream: u64) -> Self {
        Self::new(Self::new(seed ^ stream.wrapping_mul(0xD134_2543_DE82_EF95)).bits())
    }

    pub fn bits(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        let mut z = self.0.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to `bound` - 1; 0 for a bound of 0.
    pub fn below(&self, bound: u64) -> u64 {
        u64::try_from((u128::from(self.bits()) * u128::from(bound)) >> 64).unwrap()
    }

    pub fn between(&self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    /// Whether something happens that happens so often in a million times.
    pub fn happens(&self, ppm: u32) -> bool {
        self.below(1_000_000) < u64::from(ppm)
    }

    /// One of these.
    pub fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    pub fn shuffle<T>(&self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, usize::try_from(self.below(at as u64 + 1)).unwrap());
        }
    }
}
