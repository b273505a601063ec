//! What becomes of a queue's message that could not be applied: how long it waits, and what happens when waiting ends.
//!
//! Invariant: a message waits as long as its events can still be counted once, whatever the queue's retention and bound
//! of retries are: before either would drop it, it is sent anew.
//!
//! The main queue tries for some minutes, so that fresh traffic isn't held up by old. Then the platform hands the
//! message to the dead-letter queue, whose consumer is the **slow lane**: it applies events, too, and waits longer and
//! longer.

use crate::counting::grain::{DAY_MS, HOUR_MS};
use crate::event::MAX_AGE_MS;

/// Retries of the main queue's consumer (`wrangler.toml`): a fourth failure moves the message to the slow lane.
pub const MAIN_RETRIES: u32 = 3;

/// Retries of the slow lane's consumer (`wrangler.toml`), and the most that the platform allows.
pub const SLOW_RETRIES: u32 = 100;

/// Waits of the main queue, in s: a conflict or a restart is over after the first, a short outage after the last.
const MAIN_DELAYS_S: [u32; MAIN_RETRIES as usize] = [5, 30, 150];

/// The slow lane's first wait, in s. Each later one is half as long again.
const FIRST_SLOW_DELAY_S: u32 = 60;

/// The slow lane's waits in the end, in s: 2 h. So 100 waits last 7.6 days, which is longer than events can be counted.
pub const MAX_SLOW_DELAY_S: u32 = 7_200;

/// Shortest wait, in s, that puts a message into its turn ([`turn_s`]).
const MIN_TURN_S: u32 = MAX_SLOW_DELAY_S / 4;

/// Attempts after which a message of the slow lane is sent anew: a few are left in case that fails.
const RENEW_ATTEMPTS: u32 = SLOW_RETRIES - 4;

/// Age of a message, in ms, at which it is sent anew: 3 days. A queue keeps messages for 4 days unless it is told
/// otherwise, and one that is sent anew is kept from then on.
const RENEW_AGE_MS: u64 = 3 * DAY_MS;

/// Age of an event, in ms, from which on the object is asked to take it: half a day before nothing may count it.
const GIVE_WAY_AGE_MS: u64 = MAX_AGE_MS - 12 * HOUR_MS;

/// The queue that delivered a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// The queue that the gateway sends to.
    Main,
    /// Its dead-letter queue.
    Slow,
}

impl Lane {
    /// Ending of the dead-letter queues' names.
    const SLOW_SUFFIX: &'static str = "-dlq";

    /// The lane of a queue, by its name.
    pub fn of(queue: &str) -> Self {
        if queue.ends_with(Self::SLOW_SUFFIX) { Self::Slow } else { Self::Main }
    }

    /// How long a message waits, in s, after this many deliveries. If the platform doesn't report the number, the
    /// message waits longest, because tries are limited and time is not.
    pub fn delay_s(self, attempts: Option<u32>) -> u32 {
        let attempt = attempts.unwrap_or(u32::MAX).max(1);
        match self {
            Self::Main => {
                let at = usize::try_from(attempt - 1).unwrap_or(usize::MAX).min(MAIN_DELAYS_S.len() - 1);
                MAIN_DELAYS_S.get(at).copied().unwrap_or(FIRST_SLOW_DELAY_S)
            }
            Self::Slow => {
                let mut delay = FIRST_SLOW_DELAY_S;
                for _ in 1..attempt {
                    if delay >= MAX_SLOW_DELAY_S {
                        break;
                    }
                    delay = delay * 3 / 2;
                }
                delay.min(MAX_SLOW_DELAY_S)
            }
        }
    }
}

/// How long a message of the slow lane waits for its turn, in s: every 2 h each has one, in the order of its events. So a
/// batch holds events of the same time, and what the store knows of that time is read once for all of them; days of an
/// outage would else come mixed. The first turn comes within half an hour to 2½ h, each later one after 2 h.
fn turn_s(now_ms: u64, event_ms: u64) -> u32 {
    let cycle_ms = u64::from(MAX_SLOW_DELAY_S) * 1_000;
    // 7 days of events lie in one cycle.
    let place_ms = event_ms % MAX_AGE_MS * cycle_ms / MAX_AGE_MS;
    let wait_s = (place_ms + cycle_ms - now_ms % cycle_ms) % cycle_ms / 1_000;
    let wait_s = u32::try_from(wait_s).unwrap_or(MAX_SLOW_DELAY_S);
    if wait_s < MIN_TURN_S { wait_s + MAX_SLOW_DELAY_S } else { wait_s }
}

/// A message that could not be applied: what decides how it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingMessage {
    /// Deliveries so far, including this one. None if the platform doesn't report it.
    pub attempts: Option<u32>,
    /// Time since the message was sent, in ms.
    pub age_ms: u64,
    /// Age of its oldest readable event, in ms, if any.
    pub oldest_event_ms: Option<u64>,
}

impl WaitingMessage {
    /// How long it waits in a lane from `now_ms` on, in s.
    pub fn delay_s(&self, lane: Lane, now_ms: u64) -> u32 {
        let delay_s = lane.delay_s(self.attempts);
        match self.oldest_event_ms {
            Some(age_ms) if lane == Lane::Slow && delay_s == MAX_SLOW_DELAY_S => {
                turn_s(now_ms, now_ms.saturating_sub(age_ms))
            }
            _ => delay_s,
        }
    }

    /// Whether its events should go to the object, as after a failed send, because they will soon be too old to count.
    pub fn gives_way(&self) -> bool {
        self.oldest_event_ms.is_some_and(|age| age >= GIVE_WAY_AGE_MS)
    }

    /// Whether to send it again before its queue drops it.
    pub fn is_tired(&self) -> bool {
        self.attempts.is_some_and(|attempts| attempts >= RENEW_ATTEMPTS) || self.age_ms >= RENEW_AGE_MS
    }

    /// Whether this is the last delivery before the slow lane drops the message.
    pub fn is_last(&self) -> bool {
        self.attempts.is_some_and(|attempts| attempts > SLOW_RETRIES)
    }

    /// Whether it has waited long enough for a Worker that reads its newer format.
    pub fn stays_unread(&self) -> bool {
        self.is_tired()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Longest delay of a queue's message, in s.
    const PLATFORM_MAX_DELAY_S: u32 = 24 * 3_600;

    fn delays(lane: Lane, tries: u32) -> Vec<u32> {
        (1..=tries).map(|attempt| lane.delay_s(Some(attempt))).collect()
    }

    #[test]
    fn a_queue_is_known_by_its_name() {
        assert_eq!(Lane::of("traffic-events-production"), Lane::Main);
        assert_eq!(Lane::of("traffic-events-production-dlq"), Lane::Slow);
    }

    #[test]
    fn the_main_queue_tries_for_minutes_however_busy_it_is() {
        assert_eq!(delays(Lane::Main, MAIN_RETRIES), [5, 30, 150]);
        assert_eq!([Some(0), Some(9), None].map(|attempts| Lane::Main.delay_s(attempts)), [5, 150, 150]);
    }

    #[test]
    fn the_slow_lane_tries_soon_first_then_every_two_hours() {
        assert_eq!(delays(Lane::Slow, 14)[..5], [60, 90, 135, 202, 303]);
        assert_eq!(delays(Lane::Slow, 14)[11..], [5_166, 7_200, 7_200]);
        assert_eq!(Lane::Slow.delay_s(None), MAX_SLOW_DELAY_S, "tries are few where nobody counts them");
        assert!(delays(Lane::Slow, 9).iter().sum::<u32>() < 3_600 * 3 / 2, "short outages drain soon");
    }

    #[test]
    fn a_hundred_tries_last_longer_than_an_event_can_be_counted() {
        let seconds: u64 = delays(Lane::Slow, SLOW_RETRIES).into_iter().map(u64::from).sum();
        assert!(seconds * 1_000 >= MAX_AGE_MS, "{seconds} s");
    }

    #[test]
    fn what_waited_for_an_outage_waits_at_most_half_as_long_again() {
        let main: u32 = delays(Lane::Main, MAIN_RETRIES).iter().sum();
        let mut waited = main;
        for delay in delays(Lane::Slow, SLOW_RETRIES) {
            assert!(delay <= waited / 2 + 1, "{delay} s after {waited} s");
            waited += delay;
        }
    }

    #[test]
    fn a_message_is_sent_anew_before_a_queue_would_drop_it() {
        let at = |attempts, age_ms| WaitingMessage { attempts, age_ms, oldest_event_ms: None };
        assert!(!at(Some(1), 0).is_tired() && !at(Some(40), 3 * DAY_MS - 1).is_tired());
        assert!(at(None, 3 * DAY_MS).is_tired() && at(Some(96), HOUR_MS).is_tired());
        assert_eq!([100, 101].map(|tries| at(Some(tries), HOUR_MS).is_last()), [false, true]);
    }

    #[test]
    fn events_go_to_the_object_before_nothing_may_count_them() {
        let aged = |oldest_event_ms| WaitingMessage { attempts: Some(3), age_ms: HOUR_MS, oldest_event_ms };
        assert!(!aged(Some(GIVE_WAY_AGE_MS - 1)).gives_way() && aged(Some(GIVE_WAY_AGE_MS)).gives_way());
        assert!(!aged(None).gives_way(), "nothing in it can be read");
        // The object is asked several times, should it be away as well.
        assert!((MAX_AGE_MS - GIVE_WAY_AGE_MS) / 1_000 / u64::from(MAX_SLOW_DELAY_S) >= 5);
    }

    proptest! {
        #[test]
        fn turns_come_every_two_hours_in_the_order_of_events(
            event_ms in 1_730_956_800_000u64..1_731_561_600_000,
            later_ms in 0u64..DAY_MS,
            waited_ms in 0u64..DAY_MS,
            lags_s in prop::collection::vec(0u64..1_200, 90),
        ) {
            let place = |now_ms: u64, event_ms| (now_ms / 1_000 + u64::from(turn_s(now_ms, event_ms))) % 7_200;
            let mut now_ms = event_ms + waited_ms;
            let first = place(now_ms, event_ms);
            let ahead = (place(now_ms, event_ms + later_ms) + 7_200 - first) % 7_200;
            prop_assert!(ahead.abs_diff(later_ms / 84_000) <= 2, "{ahead} s for {later_ms} ms");
            let began_ms = now_ms;
            for lag_s in lags_s {
                let wait_s = turn_s(now_ms, event_ms);
                prop_assert!((MIN_TURN_S..MIN_TURN_S + MAX_SLOW_DELAY_S).contains(&wait_s));
                now_ms += u64::from(wait_s) * 1_000;
                prop_assert!((now_ms / 1_000 % 7_200).abs_diff(first) <= 1 || first == 0 || first == 7_199);
                now_ms += lag_s * 1_000;
            }
            prop_assert!(now_ms - began_ms >= 88 * 7_200_000, "90 tries span their 2 h each");
        }

        #[test]
        fn delays_grow_and_stay_within_what_the_platform_takes(attempt in 1u32..10_000, slow: bool) {
            let lane = if slow { Lane::Slow } else { Lane::Main };
            let (delay, next) = (lane.delay_s(Some(attempt)), lane.delay_s(Some(attempt + 1)));
            prop_assert!(delay >= 1 && delay <= next && next <= PLATFORM_MAX_DELAY_S);
            prop_assert!(lane.delay_s(None) >= next, "nobody counts: wait longest");
        }
    }
}
