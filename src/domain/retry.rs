//! How long a message waits before it is delivered again.

/// Longest wait, in s.
pub const MAX_DELAY_S: u32 = 300;

/// Delay in s for a message that was sent `age_ms` ago: about half of its age, so that waits grow by half at each
/// attempt without a count of attempts; at least 1 s, at most [`MAX_DELAY_S`].
pub fn delay_seconds(age_ms: u64) -> u32 {
    u32::try_from(age_ms / 2_000).unwrap_or(MAX_DELAY_S).clamp(1, MAX_DELAY_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_with_age_within_bounds() {
        assert_eq!([0, 2_000, 60_000, 600_000, u64::MAX].map(delay_seconds), [1, 1, 30, 300, 300]);
    }
}
