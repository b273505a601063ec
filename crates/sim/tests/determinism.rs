//! A run is a function of its story: before anything else, because no failure could be repeated otherwise.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::process::Command;

use sim::run::run;
use sim::story::Story;

const SEEDS: std::ops::Range<u64> = 0..12;

fn traces() -> Vec<String> {
    SEEDS.map(|seed| format!("{seed} {:016x}", run(&Story::of(seed), false).trace)).collect()
}

#[test]
fn a_seed_has_the_same_trace_twice_line_by_line() {
    for seed in SEEDS {
        let (one, other) = (run(&Story::of(seed), true), run(&Story::of(seed), true));
        let differs = one.lines.iter().zip(&other.lines).position(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}: {:?}", differs.map(|at| (&one.lines[at], &other.lines[at])));
        assert_eq!((one.trace, one.numbers), (other.trace, other.numbers), "seed {seed}");
    }
    let distinct: std::collections::BTreeSet<String> = traces().into_iter().collect();
    assert_eq!(distinct.len(), SEEDS.count(), "each seed has a trace of its own");
}

/// Another process has its memory elsewhere, hashes by other keys, and here has another environment, too.
#[test]
fn another_process_has_the_same_traces() {
    let told = |seed: u64| {
        let mut simulate = Command::new(env!("CARGO_BIN_EXE_simulate"));
        let simulate = simulate.env("SEED", seed.to_string()).env("TZ", "Asia/Kolkata").env("LANG", "tr_TR.UTF-8");
        let printed = String::from_utf8(simulate.output().unwrap().stdout).unwrap();
        let trace = printed.lines().find_map(|line| line.strip_prefix("trace ")).map(str::to_owned);
        format!("{seed} {}", trace.unwrap_or_else(|| panic!("{printed}")))
    };
    assert_eq!(SEEDS.map(told).collect::<Vec<String>>(), traces());
}

/// A story's data is the same after it was kept as a file.
#[test]
fn a_story_survives_being_a_file() {
    for seed in 0..200 {
        let story = Story::of(seed);
        let text = serde_json::to_string(&story).unwrap();
        assert_eq!(serde_json::from_str::<Story>(&text).unwrap(), story);
    }
}
