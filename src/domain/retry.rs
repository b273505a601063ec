//! How long a message waits before it is delivered again.

/// Longest wait, in s.
pub const MAX_DELAY_S: u32 = 600;

/// Delay in s for a message that was sent `age_ms` ago: twice its age, so that waits triple at each attempt without a
/// count of attempts; at least 1 s, at most [`MAX_DELAY_S`]. With batches of 5 s, three retries span some 3 minutes.
pub fn delay_seconds(age_ms: u64) -> u32 {
    u32::try_from(age_ms / 500).unwrap_or(MAX_DELAY_S).clamp(1, MAX_DELAY_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_with_age_within_bounds() {
        assert_eq!([0, 2_000, 60_000, 600_000, u64::MAX].map(delay_seconds), [1, 4, 120, 600, 600]);
    }
}
