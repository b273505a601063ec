//! Which windows cron compares, and when.

use super::window::{Kind, Window};
use crate::domain::grain::{DAY_MS, HOUR_MS};

/// How often windows that have a report are looked at again, in ms: events may have arrived late.
pub const RECHECK_MS: u64 = 10 * 60_000;

/// How far back windows are compared, in ms: their minutes are still there (48 h), with an hour to spare.
const fn horizon_ms(kind: Kind) -> u64 {
    match kind {
        Kind::Hour | Kind::Range => 26 * HOUR_MS,
        Kind::Day => 2 * DAY_MS - HOUR_MS,
    }
}

/// The windows of a kind that are closed and may be compared, oldest first.
pub fn closed(kind: Kind, now_ms: u64, lag_ms: u64) -> Vec<Window> {
    let Some(length) = kind.length_ms() else { return Vec::new() };
    let earliest = now_ms.saturating_sub(horizon_ms(kind)).next_multiple_of(length);
    let window = |from| Window { kind, from, to: from + length };
    let starts = (0..).map(|n| earliest + n * length);
    starts.map(window).take_while(|window| window.is_closed(now_ms, lag_ms)).collect()
}

/// Whether it is time to look at all of them again, in a run every minute.
pub const fn is_recheck(now_ms: u64) -> bool {
    now_ms % RECHECK_MS < 60_000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-11-07 05:20:00 UTC.
    const NOW: u64 = 1_730_956_800_000;

    #[test]
    fn an_hour_is_compared_once_it_is_closed_and_for_a_day() {
        let hours = closed(Kind::Hour, NOW, 900_000);
        let newest = hours.last().unwrap();
        assert_eq!((newest.to, hours.len()), (NOW - 20 * 60_000, 25));
        assert_eq!(closed(Kind::Hour, NOW, 21 * 60_000).last().unwrap().to, NOW - 80 * 60_000, "stragglers have time");
        assert!(hours.windows(2).all(|pair| matches!(pair, [a, b] if a.to == b.from)));
    }

    #[test]
    fn a_day_is_compared_as_long_as_its_minutes_are_there() {
        let days = |now| closed(Kind::Day, now, 900_000).iter().map(|day| day.from).collect::<Vec<_>>();
        let day = Window::containing(Kind::Day, NOW).from;
        assert_eq!(days(day + DAY_MS + 899_999), [day - DAY_MS; 0], "the day before has lost minutes by then");
        assert_eq!(days(day + DAY_MS + 900_000), [day]);
        assert_eq!(days(day + 2 * DAY_MS - HOUR_MS), [day]);
        assert_eq!(closed(Kind::Range, NOW, 0), []);
    }

    #[test]
    fn all_are_looked_at_again_once_in_ten_minutes() {
        assert_eq!((0..60).filter(|minute| is_recheck(NOW + minute * 60_000 + 7)).count(), 6);
    }
}
