//! When each request of a log is sent.

use std::iter::Peekable;
use std::time::Duration;
use std::vec;

/// How fast to go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReplayPace {
    /// As fast as the bound on concurrency allows.
    Unbounded,
    /// So many requests per second, evenly.
    Rate(f64),
    /// As the log has it, so many times faster.
    Recorded(f64),
}

/// Yields items with the time at which to send each, counted from the first; `None` is as soon as possible. Items
/// come in with their logged time in s.
///
/// A log's times are whole seconds. Requests of the same second are spread over it evenly, for sent at once they
/// would be a burst that never was.
pub struct PacedItems<T, I: Iterator<Item = (i64, T)>> {
    items: Peekable<I>,
    pace: ReplayPace,
    sent: u64,
    first_s: Option<i64>,
    second: vec::IntoIter<(Duration, T)>,
}

/// Most requests of one second that are spread over it; those beyond begin it again. Bounds memory.
const MAX_SPREAD: usize = 100_000;

impl<T, I: Iterator<Item = (i64, T)>> PacedItems<T, I> {
    /// Items at this pace.
    pub fn new(items: I, pace: ReplayPace) -> Self {
        Self { items: items.peekable(), pace, sent: 0, first_s: None, second: Vec::new().into_iter() }
    }

    /// Takes all items of the next second, with their times.
    #[allow(clippy::cast_precision_loss)] // seconds and counts far below 2^53
    fn take_second(&mut self, speed: f64) -> Option<()> {
        let time_s = self.items.peek()?.0;
        let first_s = *self.first_s.get_or_insert(time_s);
        let mut second = Vec::new();
        while let Some((_, item)) = self.items.next_if(|next| next.0 == time_s && second.len() < MAX_SPREAD) {
            second.push(item);
        }
        let count = second.len() as f64;
        // Logs are written when requests end, so a time may lie before the first: such a request is due at once.
        let begin_s = time_s.saturating_sub(first_s) as f64;
        let at = |index: usize| seconds((begin_s + index as f64 / count) / speed);
        let timed: Vec<_> = second.into_iter().enumerate().map(|(index, item)| (at(index), item)).collect();
        self.second = timed.into_iter();
        Some(())
    }
}

impl<T, I: Iterator<Item = (i64, T)>> Iterator for PacedItems<T, I> {
    type Item = (Option<Duration>, T);

    #[allow(clippy::cast_precision_loss)] // counts far below 2^53
    fn next(&mut self) -> Option<Self::Item> {
        match self.pace {
            ReplayPace::Unbounded => self.items.next().map(|(_, item)| (None, item)),
            ReplayPace::Rate(per_second) => {
                let after = seconds(self.sent as f64 / per_second);
                self.sent += 1;
                self.items.next().map(|(_, item)| (Some(after), item))
            }
            ReplayPace::Recorded(speed) => {
                if self.second.as_slice().is_empty() {
                    self.take_second(speed)?;
                }
                self.second.next().map(|(after, item)| (Some(after), item))
            }
        }
    }
}

/// A duration of so many seconds; what no duration can be is none at all.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times_ms(pace: ReplayPace, seconds: &[i64]) -> Vec<Option<u128>> {
        let items = seconds.iter().map(|time_s| (*time_s, ()));
        PacedItems::new(items, pace).map(|(after, ())| after.map(|after| after.as_millis())).collect()
    }

    #[test]
    fn a_rate_is_even_whatever_the_log_says() {
        assert_eq!(times_ms(ReplayPace::Rate(4.0), &[100, 100, 900]), [0, 250, 500].map(Some));
    }

    #[test]
    fn a_logs_own_pace_spreads_a_second_and_scales_with_speed() {
        assert_eq!(times_ms(ReplayPace::Recorded(1.0), &[100, 100, 101, 103]), [0, 500, 1_000, 3_000].map(Some));
        assert_eq!(times_ms(ReplayPace::Recorded(10.0), &[100, 100, 101, 103]), [0, 50, 100, 300].map(Some));
    }

    #[test]
    fn a_time_before_the_first_is_due_at_once() {
        assert_eq!(times_ms(ReplayPace::Recorded(1.0), &[100, 99, 101]), [0, 0, 1_000].map(Some));
    }

    #[test]
    fn unbounded_is_as_soon_as_possible() {
        assert_eq!(times_ms(ReplayPace::Unbounded, &[100, 200]), [None, None]);
    }
}
