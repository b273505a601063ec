//! How often reports are wrong where loss comes by the message: random runs with fixed seeds, judged as real ones are.

use litemap::LiteMap;

use crate::event::ProducerId;
use crate::log::ledger::{Gap, Ledger, MissingNumbers};

use super::ask::{Minute, SetSum};
use super::comparison::WriteCounts;
use super::evidence::Evidence;
use super::loss::ArrivalCounts;
use super::minute::{MinuteFindings, Tally};
use super::reporting::{ReportInputs, report};
use super::unresolved::UnresolvedDifferences;
use super::verdict::Verdict;
use super::window::{Window, WindowKind};

const LIMIT_PPM: u32 = 10_000;
const LIMIT: f64 = 0.01;
const RUNS: u32 = 2_000;
const ROUTES: [&str; 3] = ["/a", "/b", "/c"];

/// `SplitMix64`: Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014.
struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap()) / 4_294_967_296.0
    }
}

/// What is lost of messages of so many events, each by itself.
#[derive(Clone, Copy)]
struct World {
    size: u32,
    messages: u32,
    /// Chance that the new path alone loses a message.
    new: f64,
    /// Chance that both lose it.
    both: f64,
}

/// The verdict on one run of such a world.
fn verdict(world: World, random: &mut Random) -> Verdict {
    let window = Window::containing(WindowKind::Hour, 1_730_956_800_000);
    let (mut kept, mut lost) = (0, Vec::new());
    let mut missing = MissingNumbers::default();
    for number in 0..world.messages {
        let first = number * world.size;
        // The first and the last arrive, or what lies between would not be known to be missing.
        let inside = number > 0 && number + 1 < world.messages;
        if inside && random.share() < world.both {
            missing.gaps.push(Gap { producer: ProducerId(1), first, last: first + world.size - 1 });
            continue;
        }
        kept += 1;
        if random.share() < world.new {
            lost.push((1, first));
        }
    }
    // Each route has its part of each message.
    let of_route = u64::from(world.size / 3);
    let mut found = MinuteFindings::at(window.from, &Evidence::default());
    for route in ROUTES.iter().filter(|_| !lost.is_empty()) {
        let only_old = of_route * lost.len() as u64;
        found.tallies.insert((*route).to_owned(), Tally { only_old, ..Tally::default() });
        found.writes.insert((*route).to_owned(), Ledger::of_numbers(lost.iter().copied()));
    }
    let paths = |writes: u64| -> LiteMap<String, SetSum> {
        let sum = SetSum { requests: of_route * writes, digests: 0, values: 0 };
        ROUTES.iter().map(|route| ((*route).to_owned(), sum)).collect()
    };
    let counts = |writes: u64| ROUTES.iter().map(|route| ((*route).to_owned(), writes)).collect();
    let in_new = kept - lost.len() as u64;
    let minutes: LiteMap<u64, Minute> = LiteMap::new();
    let mut evidence = Evidence::default();
    (evidence.newest_window, evidence.now_ms) = (window.to, window.to);
    let inputs = ReportInputs {
        window,
        now_ms: window.to,
        lag_ms: 0,
        limit_ppm: LIMIT_PPM,
        old_minutes: &minutes,
        new_minutes: &minutes,
        old_paths: &paths(kept),
        new_paths: &paths(in_new),
        found: &[found],
        arrived: ArrivalCounts { numbers: kept * u64::from(world.size), writes: kept },
        written: &WriteCounts { dual: kept, old: counts(kept), new: counts(in_new), is_cut: false },
        missing: &missing,
        counted_twice: [0, 0],
        unresolved: UnresolvedDifferences::default(),
        evidence: &evidence,
        fingerprint: String::new(),
    };
    report(&inputs).total.verdict
}

/// The share of runs that end with this verdict.
fn share_of(wanted: Verdict, world: World, seed: u64) -> f64 {
    let mut random = Random(seed);
    let count = (0..RUNS).filter(|_| verdict(world, &mut random) == wanted).count();
    f64::from(u32::try_from(count).unwrap()) / f64::from(RUNS)
}

#[test]
fn where_five_of_a_hundred_messages_are_lost_few_events_do_not_pass() {
    for (seed, events) in (1u64..).zip([300, 3_000, 30_000]) {
        for size in [26, 100] {
            let world = World { size, messages: events / size, new: 0.05, both: 0.0 };
            let passes = share_of(Verdict::Pass, world, seed);
            assert!(passes <= 0.05, "{events} events by {size}: {passes} pass");
        }
    }
}

#[test]
fn a_pass_above_the_limit_and_a_fail_below_are_rare_whichever_way_messages_are_lost() {
    for size in [26, 100] {
        for (seed, rate) in (1u64..).zip([LIMIT, 1.5 * LIMIT]) {
            for (new, both) in [(rate, 0.0), (0.0, rate)] {
                let passes = share_of(Verdict::Pass, World { size, messages: 700, new, both }, seed);
                assert!(passes <= 0.05, "{size}: {new} and {both}: {passes} pass");
            }
        }
        for (new, both) in [(LIMIT, LIMIT), (0.5 * LIMIT, 0.5 * LIMIT)] {
            let fails = share_of(Verdict::Fail, World { size, messages: 700, new, both }, 5);
            assert!(fails <= 0.05, "{size}: {new} and {both}: {fails} fail");
        }
    }
}

#[test]
fn without_a_difference_nothing_fails_and_enough_of_it_passes() {
    for (messages, wanted) in [(1, Verdict::Inconclusive), (298, Verdict::Inconclusive), (299, Verdict::Pass)] {
        let world = World { size: 26, messages, new: 0.0, both: 0.0 };
        assert_eq!(verdict(world, &mut Random(1)), wanted);
    }
}

/// Rates, sizes and lengths at random.
#[test]
fn in_two_thousand_worlds_verdicts_hold_what_they_promise() {
    let mut random = Random(7);
    let (mut above, mut passed, mut below, mut failed) = (0u32, 0u32, 0u32, 0u32);
    for _ in 0..RUNS {
        let size = if random.share() < 0.5 { 26 } else { 100 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let messages = 1 + (random.share() * 1_500.0) as u32;
        let rate = [0.0, 0.2, 0.9, 1.0, 1.1, 2.0, 5.0].map(|times| times * LIMIT);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rate = rate[(random.share() * 7.0) as usize];
        let (new, both) = if random.share() < 0.5 { (rate, 0.0) } else { (0.0, rate) };
        let verdict = verdict(World { size, messages, new, both }, &mut random);
        assert!(rate > 0.0 || verdict != Verdict::Fail, "nothing differs");
        if rate >= LIMIT {
            above += 1;
            passed += u32::from(verdict == Verdict::Pass);
        } else {
            below += 1;
            failed += u32::from(verdict == Verdict::Fail);
        }
    }
    assert!(passed * 20 <= above && failed * 20 <= below, "{passed} of {above} pass, {failed} of {below} fail");
}
