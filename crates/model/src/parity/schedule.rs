//! Which windows cron compares, and when.
//!
//! Invariant: a window is compared again for as long as one of its events may still be accepted, and once after that.
//! One run covers a bounded time: the last day or two, or one earlier day.

use super::window::{Window, WindowKind};
use crate::counting::grain::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::event::MAX_AGE_MS;

/// How often windows of the last day or two are looked at again, in ms: events may have arrived late.
pub const RECHECK_MS: u64 = 10 * MINUTE_MS;

/// How long after the recent windows an older day is looked at, in ms: not in the same run.
const OLDER_AFTER_MS: u64 = 3 * MINUTE_MS;

/// Days before today whose windows may still change: an event is accepted for [`MAX_AGE_MS`], 7 days, and the last one of
/// a day lies at its end.
const OLDER_DAYS: u64 = MAX_AGE_MS / DAY_MS + 1;

/// How long after the last event that may come a window is still looked at, in ms: longer than a round over
/// [`OLDER_DAYS`] takes, so that this event is seen, too.
const GRACE_MS: u64 = 2 * HOUR_MS;

/// The windows that one run compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduledLook {
    /// The last 26 hours, and the last two days.
    Recent,
    /// The UTC day that was so many days ago, with its hours.
    DaysAgo(u64),
}

/// What the run at `now_ms` compares, if there is a run every minute. Most runs compare nothing. Recent windows are
/// compared every [`RECHECK_MS`], and so is one earlier day. The earlier days take turns, which takes 80 minutes.
pub const fn look(now_ms: u64) -> Option<ScheduledLook> {
    let in_turn = now_ms % RECHECK_MS;
    if in_turn < MINUTE_MS {
        Some(ScheduledLook::Recent)
    } else if in_turn >= OLDER_AFTER_MS && in_turn < OLDER_AFTER_MS + MINUTE_MS {
        Some(ScheduledLook::DaysAgo(1 + (now_ms / RECHECK_MS) % OLDER_DAYS))
    } else {
        None
    }
}

/// The closed windows of a kind to compare: adjacent ones, oldest first.
pub fn windows(kind: WindowKind, look: ScheduledLook, now_ms: u64, lag_ms: u64) -> Vec<Window> {
    let Some(length) = kind.length_ms() else { return Vec::new() };
    let today = now_ms - now_ms % DAY_MS;
    let (from, to) = match look {
        ScheduledLook::Recent if length < DAY_MS => (now_ms.saturating_sub(26 * HOUR_MS), now_ms),
        // The newest one that stragglers had their time for.
        ScheduledLook::Recent => (now_ms.saturating_sub(lag_ms + 2 * DAY_MS) + 1, now_ms),
        ScheduledLook::DaysAgo(days) => {
            (today.saturating_sub(days * DAY_MS), today.saturating_sub((days - days.min(1)) * DAY_MS))
        }
    };
    let window = |from| Window { kind, from, to: from + length };
    let windows =
        (0..).map(|n| window(from.next_multiple_of(length) + n * length)).take_while(|window| window.to <= to);
    windows.filter(|window| window.is_closed(now_ms, lag_ms) && may_change(*window, now_ms)).collect()
}

/// The newest closed window of a kind, if there is one.
pub fn newest(kind: WindowKind, now_ms: u64, lag_ms: u64) -> Option<Window> {
    windows(kind, ScheduledLook::Recent, now_ms, lag_ms).pop()
}

/// Whether an event of the window may have arrived since it was compared.
const fn may_change(window: Window, now_ms: u64) -> bool {
    now_ms < window.to.saturating_add(MAX_AGE_MS + GRACE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counting::grain::{PROOF_MS, first_proof};

    /// 2024-11-07 05:20:00 UTC.
    const NOW: u64 = 1_730_956_800_000;

    #[test]
    fn an_hour_is_compared_once_it_is_closed_and_looked_at_for_a_day() {
        let closed = |lag| windows(WindowKind::Hour, ScheduledLook::Recent, NOW, lag);
        let hours = closed(900_000);
        let newest = hours.last().unwrap();
        assert_eq!((newest.to, hours.len()), (NOW - 20 * 60_000, 25));
        assert_eq!(closed(21 * 60_000).last().unwrap().to, NOW - 80 * 60_000, "stragglers have time");
        assert!(hours.windows(2).all(|pair| matches!(pair, [a, b] if a.to == b.from)));
        assert_eq!(super::newest(WindowKind::Hour, NOW, 900_000), Some(*newest));
    }

    #[test]
    fn a_day_is_compared_once_it_is_closed() {
        let days = |now| {
            windows(WindowKind::Day, ScheduledLook::Recent, now, 900_000).iter().map(|day| day.from).collect::<Vec<_>>()
        };
        let day = Window::containing(WindowKind::Day, NOW).from;
        assert_eq!(days(day + DAY_MS + 899_999), [day - DAY_MS]);
        assert_eq!(days(day + DAY_MS + 900_000), [day]);
        assert_eq!(windows(WindowKind::Range, ScheduledLook::Recent, NOW, 0), []);
    }

    #[test]
    fn every_window_is_looked_at_often_for_as_long_as_it_may_change_and_its_minutes_are_kept() {
        let (hour, day) = (Window::containing(WindowKind::Hour, NOW), Window::containing(WindowKind::Day, NOW));
        for window in [hour, day] {
            let mut last_look = window.to + HOUR_MS;
            for minute in 0..10 * 24 * 60 {
                let now = window.to + HOUR_MS + minute * MINUTE_MS + 7;
                let Some(look) = look(now) else { continue };
                if windows(window.kind, look, now, 900_000).contains(&window) {
                    assert!(now - last_look <= 100 * MINUTE_MS, "{look:?} after {} min", (now - last_look) / MINUTE_MS);
                    assert!(window.from - 2 * HOUR_MS >= first_proof(now), "kept {PROOF_MS} ms");
                    last_look = now;
                }
            }
            let last_event = window.to + MAX_AGE_MS;
            assert!(last_look > last_event && last_look < last_event + GRACE_MS, "{last_look} {last_event}");
        }
    }

    #[test]
    fn of_ten_minutes_one_is_for_recent_windows_and_one_for_an_older_day() {
        for turn in 0..OLDER_DAYS {
            for minute in 0..10 {
                let expected = match minute {
                    0 => Some(ScheduledLook::Recent),
                    3 => Some(ScheduledLook::DaysAgo(turn + 1)),
                    _ => None,
                };
                let begin = turn * RECHECK_MS + minute * MINUTE_MS;
                assert_eq!([look(begin), look(begin + MINUTE_MS - 1)], [expected; 2], "minute {minute}");
            }
        }
    }

    #[test]
    fn a_window_may_change_until_its_last_event_had_its_time_and_the_grace_is_over() {
        let window = Window::containing(WindowKind::Hour, NOW);
        let end = window.to + MAX_AGE_MS + GRACE_MS;
        assert!(may_change(window, end - 1) && !may_change(window, end));
    }

    #[test]
    fn one_look_is_at_two_days_at_the_most() {
        for minute in 0..24 * 60 {
            let now = NOW + minute * MINUTE_MS;
            let Some(look) = look(now) else { continue };
            for kind in [WindowKind::Hour, WindowKind::Day] {
                let windows = windows(kind, look, now, 0);
                let (first, last) = (windows.first().map_or(0, |w| w.from), windows.last().map_or(0, |w| w.to));
                assert!(last - first <= 2 * DAY_MS && windows.len() <= 26);
            }
        }
    }
}
