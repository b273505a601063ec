//! Moments and lengths of time, as operators write and read them.

use jiff::{SignedDuration, Timestamp};

/// Units and their lengths in s, the longest first.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Longest length that is read: a year.
const MAX_S: u64 = 365 * 86_400;

/// Reads a length such as `90s`, `15m`, `24h` or `7d`.
///
/// # Errors
/// The remedy.
pub fn length(text: &str) -> Result<SignedDuration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    let unit_s = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, seconds)| *seconds);
    let seconds = count.parse::<u64>().ok().zip(unit_s).and_then(|(count, unit_s)| count.checked_mul(unit_s));
    seconds
        .filter(|seconds| (1..=MAX_S).contains(seconds))
        .and_then(|seconds| i64::try_from(seconds).ok())
        .map(SignedDuration::from_secs)
        .ok_or_else(|| "give a number and a unit, such as 90s, 15m, 24h or 7d; at most 365d".into())
}

/// Reads a length as [`length`] does, in ms.
///
/// # Errors
/// The remedy.
pub fn length_ms(text: &str) -> Result<u64, String> {
    length(text).map(|length| u64::try_from(length.as_millis()).unwrap_or_default())
}

/// A length in ms as text, in the longest unit that expresses it whole; below that in seconds with a fraction.
pub fn spelled(ms: u64) -> String {
    let whole = UNITS.iter().find(|(_, seconds)| ms > 0 && ms.is_multiple_of(seconds * 1_000));
    match whole {
        Some((unit, seconds)) => format!("{}{unit}", ms / (seconds * 1_000)),
        None => format!("{}.{:03}s", ms / 1_000, ms % 1_000),
    }
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
    fn lengths_have_a_number_and_a_unit() {
        assert_eq!(length("15m"), Ok(SignedDuration::from_mins(15)));
        assert_eq!(length_ms("7d"), Ok(604_800_000));
        for text in ["", "15", "m", "-1h", "0s", "366d", "9999999999999999999d", "1w", "½h"] {
            assert!(length(text).unwrap_err().contains("24h"), "{text}");
        }
    }

    #[test]
    fn lengths_are_spelled_in_the_longest_unit_that_is_whole() {
        for text in ["90s", "15m", "23h", "7d"] {
            assert_eq!(spelled(length_ms(text).unwrap()), text);
        }
        assert_eq!((spelled(3_600_000), spelled(3_250), spelled(0)), ("1h".into(), "3.250s".into(), "0.000s".into()));
    }

    #[test]
    fn moments_are_shown_to_the_second() {
        assert_eq!(moment(1_730_956_800_999), "2024-11-07T05:20:00Z");
        assert!(moment(u64::MAX).ends_with("ms after 1970"));
    }
}
