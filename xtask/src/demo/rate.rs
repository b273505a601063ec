//! How fast the demo sends: as asked, or slower where the machine can't keep up.
//!
//! The response times under test are measured beside upstream, gateway and sender on one machine. Sent faster than that
//! machine serves, requests queue, and the measured times would be those of the queue. What the gateway adds to the
//! upstream's known time tells when that begins.

use std::cell::{Cell, RefCell};
use std::time::Duration;

/// Answers after which the rate is looked at again.
const WINDOW: usize = 100;

/// Median addition to the upstream's time from which on the machine counts as overloaded. Gateway, proxy and two hops
/// take about 5 ms on a quiet machine.
pub const OVERLOADED: Duration = Duration::from_millis(10);

/// Median addition up to which it counts as having room.
const AT_EASE: Duration = Duration::from_millis(7);

/// Lowest rate, per second: a demo of the usual length takes four minutes at it, and no longer for that.
const LEAST: f64 = 100.0;

/// A rate that gives way.
pub struct Rate {
    wanted: f64,
    current: Cell<f64>,
    recent: RefCell<Vec<Duration>>,
}

impl Rate {
    /// A rate of so many requests per second, if the machine can.
    pub const fn new(wanted: f64) -> Self {
        Self { wanted, current: Cell::new(wanted), recent: RefCell::new(Vec::new()) }
    }

    /// Times to send at, from the beginning of a run; each is settled when it is asked for.
    pub fn times(&self) -> impl Iterator<Item = Duration> {
        let mut next = Duration::ZERO;
        std::iter::from_fn(move || {
            let now = next;
            next += Duration::try_from_secs_f64(1.0 / self.current.get()).unwrap_or_default();
            Some(now)
        })
    }

    /// Learns from an answer by how much it took longer than the upstream did.
    pub fn learn(&self, added: Duration) {
        let mut recent = self.recent.borrow_mut();
        recent.push(added);
        if recent.len() < WINDOW {
            return;
        }
        let median = median(&mut recent);
        recent.clear();
        let factor = match median {
            m if m > OVERLOADED => 0.7,
            m if m < AT_EASE => 1.1,
            _ => 1.0,
        };
        // A rate that was asked for below the least is kept.
        self.current.set((self.current.get() * factor).clamp(LEAST.min(self.wanted), self.wanted));
    }
}

/// The middle value; zero if there is none.
pub fn median(values: &mut [Duration]) -> Duration {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(rate: &Rate, added_ms: u64, windows: usize) -> u128 {
        for _ in 0..windows * WINDOW {
            rate.learn(Duration::from_millis(added_ms));
        }
        rate.times().nth(1).unwrap().as_micros()
    }

    #[test]
    fn a_machine_that_keeps_up_is_sent_what_was_asked_for() {
        let rate = Rate::new(400.0);
        assert_eq!(learn(&rate, 5, 10), 2_500);
        let times: Vec<_> = rate.times().take(4).map(|time| time.as_micros()).collect();
        assert_eq!(times, [0, 2_500, 5_000, 7_500]);
    }

    #[test]
    fn an_overloaded_machine_is_sent_less_and_more_again_when_it_has_room() {
        let rate = Rate::new(400.0);
        assert!(learn(&rate, 50, 1) > 3_500);
        assert_eq!(learn(&rate, 50, 50), 10_000);
        assert_eq!(learn(&rate, 8, 10), 10_000);
        assert_eq!(learn(&rate, 1, 50), 2_500);
    }

    #[test]
    fn a_rate_below_the_least_is_kept() {
        assert_eq!(learn(&Rate::new(2.0), 50, 5), 500_000);
    }

    #[test]
    fn a_run_that_has_begun_follows_the_rate() {
        let rate = Rate::new(200.0);
        let mut times = rate.times();
        assert_eq!(times.next(), Some(Duration::ZERO));
        assert_eq!(learn(&rate, 50, 50), 10_000);
        assert_eq!(times.nth(1).map(|time| time.as_millis()), Some(15));
    }
}
