//! Alarms: when an object is to be woken.

use crate::counting::grain::MINUTE_MS;

/// How late an alarm may ring, in ms. One that is later was lost: the platform still tells its time, and never rings it.
const OVERDUE_MS: u64 = MINUTE_MS;

/// Whether an alarm that is set for `at` (ms; none where none is set) still wakes the object, by `due` at the latest.
pub const fn is_set(at: Option<u64>, due: u64, now_ms: u64) -> bool {
    match at {
        Some(at) => at <= due && now_ms <= at.saturating_add(OVERDUE_MS),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_730_956_800_000;

    #[test]
    fn an_alarm_that_should_have_rung_long_ago_is_no_alarm() {
        let due = NOW + 15_000;
        for (at, set) in [
            (None, false),
            (Some(NOW - 10 * MINUTE_MS), false),
            (Some(NOW - OVERDUE_MS - 1), false),
            (Some(NOW - OVERDUE_MS), true),
            (Some(NOW), true),
            (Some(due), true),
            (Some(due + 1), false),
            (Some(0), false),
            (Some(u64::MAX), false),
        ] {
            assert_eq!(is_set(at, due, NOW), set, "{at:?}");
        }
    }
}
