//! Moments and lengths of time, as operators read them.

use jiff::{SignedDuration, Timestamp};

/// A length in ms as text, such as `1h 30m`.
pub fn length(ms: u64) -> String {
    format!("{:#}", SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX)))
}

/// A moment in ms since 1970 as text, to the second.
pub fn moment(ms: u64) -> String {
    let moment = i64::try_from(ms / 1_000).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| format!("{ms} ms after 1970"), |moment| moment.to_string())
}

/// Now, in ms since 1970.
pub fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_moments_are_short() {
        assert_eq!([5_400_000, 3_250, 0].map(length), ["1h 30m", "3s 250ms", "0s"]);
        assert_eq!(moment(1_730_956_800_999), "2024-11-07T05:20:00Z");
        assert!(moment(u64::MAX).ends_with("ms after 1970"));
    }
}
