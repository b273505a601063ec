//! Past failures, and the stories of some seeds; `make simulate` tells many more.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use sim::failure::FailedStory;
use sim::run::run;
use sim::story::Story;

#[test]
fn past_failures_hold() {
    for (name, story) in sim::past::stories() {
        let violation = run(&story, false).violation;
        assert!(violation.is_none(), "crates/sim/past/{name}: {violation:?}");
    }
}

fn hold(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let story = Story::of(seed);
        if let Some(violation) = run(&story, false).violation {
            panic!("{}", FailedStory::of(seed, &story, &violation));
        }
    }
}

#[test]
fn the_stories_of_some_seeds_hold() {
    hold(1_000_000..1_000_060);
}

#[test]
fn the_stories_of_some_other_seeds_hold() {
    hold(1_000_060..1_000_120);
}
