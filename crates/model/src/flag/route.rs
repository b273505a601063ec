//! Where one event goes: a function of the flag, the request's path and the event's ID.
//!
//! Invariants: every event has at least one destination. Buckets are frozen (vectors in
//! `tests/vectors/buckets.json`) and depend on salt and ID alone, so that raising a share only ever adds events to it.

use std::fmt::Display;

use sha2::{Digest as _, Sha256};

use super::{Flag, MILLION, Mode, Rule};
use crate::event::Cohort;
use crate::event::identity::first_u64;
use crate::event::path::RequestPath;

/// What a bucket is drawn for; each purpose draws independently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Whether an event is written to both stores.
    Sample,
    /// Whether an event outside the sample goes to the queue.
    Queue,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Sample => b"sample",
            Self::Queue => b"queue",
        }
    }
}

/// The bucket of a key, 0 to 999,999: first 8 bytes, big endian, of `SHA-256(salt ‖ 0x00 ‖ purpose ‖ 0x00 ‖ key)`, mod
/// 1,000,000. An event's key is its ID.
#[allow(clippy::cast_possible_truncation)] // a remainder of a million fits
pub fn bucket(salt: &str, purpose: Purpose, key: &dyn Display) -> u32 {
    let mut hash = Sha256::new();
    hash.update(salt.as_bytes());
    hash.update([0]);
    hash.update(purpose.label());
    hash.update([0]);
    hash.update(key.to_string().as_bytes());
    (first_u64(&hash.finalize()) % u64::from(MILLION)) as u32
}

/// Where an event goes, and how it is tagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destinations {
    /// To the `PathCollector` object.
    pub collector: bool,
    /// To the queue.
    pub queue: bool,
    /// How it is tagged.
    pub cohort: Cohort,
}

impl Destinations {
    /// The old path alone.
    pub const OLD: Self = Self { collector: true, queue: false, cohort: Cohort::Single };
    /// The new path alone.
    pub const NEW: Self = Self { collector: false, queue: true, cohort: Cohort::Single };
    /// Both.
    pub const BOTH: Self = Self { collector: true, queue: true, cohort: Cohort::Dual };
}

/// Decides where an event goes. `key` is the event's ID.
pub fn route(flag: &Flag, place: &RequestPath<'_>, key: &dyn Display) -> Destinations {
    by_rule(flag.rule_for(place), &flag.salt, key)
}

/// Where a rule sends an event with this key.
pub fn by_rule(rule: Rule, salt: &str, key: &dyn Display) -> Destinations {
    // Shares of nothing and of all need no hash: the common modes cost none.
    let within = |ppm: u32, purpose| ppm >= MILLION || (ppm > 0 && bucket(salt, purpose, key) < ppm);
    match rule.mode {
        Mode::DoOnly => Destinations::OLD,
        Mode::QueueOnly => Destinations::NEW,
        Mode::DualWrite => {
            if within(rule.sample_ppm, Purpose::Sample) {
                Destinations::BOTH
            } else if within(rule.queue_ppm, Purpose::Queue) {
                Destinations::NEW
            } else {
                Destinations::OLD
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::identity::{Digest, IdempotentId, MAX_TIMESTAMP_MS, MIN_TIMESTAMP_MS};
    use crate::event::template::Template;

    const ROOT: RequestPath<'static> = RequestPath::of_route("/");

    fn flag(mode: Mode, sample_ppm: u32, queue_ppm: u32) -> Flag {
        Flag {
            version: 1,
            salt: String::new(),
            rule: Rule { mode, sample_ppm, queue_ppm },
            overrides: Vec::new(),
            stop: None,
        }
    }

    fn ids(n: u64) -> impl Iterator<Item = IdempotentId> {
        (0..n).map(|i| IdempotentId::generate(1_730_956_800_000, "192.0.2.1", "/", &i.to_string()).unwrap())
    }

    #[test]
    fn shares_are_what_was_asked_within_a_tenth_of_a_percentage_point() {
        let n: u32 = 1_000_000;
        let asked = flag(Mode::DualWrite, 10_000, 500_000);
        let (mut dual, mut queue) = (0u32, 0u32);
        for id in ids(u64::from(n)) {
            let to = route(&asked, &ROOT, &id);
            dual += u32::from(to.collector && to.queue);
            queue += u32::from(to.queue && !to.collector);
        }
        let share = |count| f64::from(count) / f64::from(n);
        assert!((share(dual) - 0.01).abs() < 0.001, "{dual}");
        assert!((share(queue) - 0.99 * 0.5).abs() < 0.001, "{queue}");
    }

    #[test]
    fn a_share_takes_as_many_buckets_as_it_has_ppm_from_the_first() {
        for id in ids(100) {
            let (sample, queue) = (bucket("", Purpose::Sample, &id), bucket("", Purpose::Queue, &id));
            let to = |sample, queue| route(&flag(Mode::DualWrite, sample, queue), &ROOT, &id);
            assert_eq!((to(sample, 0), to(sample + 1, 0)), (Destinations::OLD, Destinations::BOTH));
            assert_eq!((to(0, queue), to(0, queue + 1)), (Destinations::OLD, Destinations::NEW));
        }
    }

    #[test]
    fn a_million_changes_of_the_flag_leave_no_event_without_destination() {
        // SplitMix64: the flag, its override and the event are all new each time.
        let mut state = 7u64;
        let mut random = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed ^ (mixed >> 29)
        };
        let modes = [Mode::DoOnly, Mode::QueueOnly, Mode::DualWrite];
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..1_000_000 {
            let mut ppm = || u32::try_from(random() % u64::from(MILLION + 1)).unwrap();
            let (sample, queue, other) = (ppm(), ppm(), ppm());
            let mode = modes[usize::try_from(random() % 3).unwrap()];
            let mut flag = flag(mode, sample, queue);
            if random() % 4 == 0 {
                let rule =
                    Rule { mode: modes[usize::try_from(random() % 3).unwrap()], sample_ppm: other, queue_ppm: queue };
                flag.overrides.push((Template::parse("/a/{*rest}").unwrap(), rule));
            }
            let id = IdempotentId::with_digest(MIN_TIMESTAMP_MS, Digest(random())).unwrap();
            let to = route(&flag, &RequestPath::of_route(if random() % 2 == 0 { "/a/b" } else { "/" }), &id);
            assert!(to.collector || to.queue, "{flag:?} {id}");
            assert_eq!(to.collector && to.queue, to.cohort == Cohort::Dual);
            *seen.entry((to.collector, to.queue)).or_insert(0) += 1;
        }
        assert!(seen.len() == 3 && seen.values().all(|count| *count > 100_000), "{seen:?}");
    }

    #[test]
    fn no_event_moves_back_and_forth_while_a_share_grows() {
        let small = [0, 1, 5, 10, 50, 100, 500, 999, 1_000, 1_001, 2_500, 5_000, 7_777, 9_999];
        let steps: Vec<u32> = small.into_iter().chain((10_000..=MILLION).step_by(7_500)).chain([MILLION]).collect();
        for id in ids(20_000) {
            let moves = |flag: &dyn Fn(u32) -> Flag, to: fn(Destinations) -> bool| {
                let taken: Vec<bool> = steps.iter().map(|ppm| to(route(&flag(*ppm), &ROOT, &id))).collect();
                (taken.windows(2).filter(|pair| pair[0] != pair[1]).count(), taken[0], taken[steps.len() - 1])
            };
            // From the old path alone to the new one, or not at all where the sample has it on both anyway.
            let (changes, before, after) = moves(&|ppm| flag(Mode::DualWrite, 10_000, ppm), |to| to.queue);
            assert!(after && changes == usize::from(!before), "{id} changed {changes} times");
            let sampled = moves(&|ppm| flag(Mode::DualWrite, ppm, 300_000), |to| to.cohort == Cohort::Dual);
            assert_eq!(sampled, (1, false, true), "{id}");
        }
    }

    proptest! {
        #[test]
        fn every_event_has_a_destination_and_dual_means_both(
            ms in MIN_TIMESTAMP_MS..=MAX_TIMESTAMP_MS, request: u64, mode in 0..3, sample in 0..=MILLION, queue in 0..=MILLION,
        ) {
            let mode = [Mode::DoOnly, Mode::QueueOnly, Mode::DualWrite][usize::try_from(mode).unwrap()];
            let id = IdempotentId::with_digest(ms, Digest(request)).unwrap();
            let to = route(&flag(mode, sample, queue), &ROOT, &id);
            prop_assert!(to.collector || to.queue);
            prop_assert_eq!(to.collector && to.queue, to.cohort == Cohort::Dual);
        }

        #[test]
        fn a_growing_share_only_adds_events(request: u64, less in 0..=MILLION, more in 0..=MILLION) {
            let (less, more) = (less.min(more), less.max(more));
            let id = IdempotentId::with_digest(MIN_TIMESTAMP_MS, Digest(request)).unwrap();
            let new = |sample, queue| route(&flag(Mode::DualWrite, sample, queue), &ROOT, &id).queue;
            prop_assert!(!new(0, less) || new(0, more));
            prop_assert!(!new(less, 0) || new(more, 0));
        }
    }
}
