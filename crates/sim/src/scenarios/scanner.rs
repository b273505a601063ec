//! A scanner asks three gateways for thousands of paths that there are not.

use std::collections::BTreeSet;

use super::{HOUR_MS, MINUTE_MS, Scenario, all_counted, in_the_end, traffic};
use crate::story::{Act, Setup, Step, Story};

/// Routes that an isolate counts under, at most, and the gateways.
const MOST_ROUTES: usize = 3 * 2_000;

pub fn scanner() -> Scenario {
    let mut story = Story::quiet(7);
    story.setup = Setup { clocks_ms: vec![0, 0, 0], cron_every_ms: 5 * MINUTE_MS, ..Setup::default() };
    story.add([Step::new(1, Act::Flag(r#"{"mode":"dual-write","samplePpm":1000000}"#.to_owned()))]);
    story.add(traffic(10_000_000, 10_000, HOUR_MS, 30_000, 3));
    let scan = |at: u64| {
        let gateway = usize::try_from(at % 3).unwrap();
        Step::new(5 * MINUTE_MS + at * 30_000, Act::Scan { gateway, from: at * 60, count: 60 })
    };
    story.add((0..60).map(scan));
    let bounded = in_the_end("routes are bounded", |sight| {
        let stored = sight.stored();
        let routes: BTreeSet<&str> = stored.old.iter().chain(&stored.new).map(|event| event.path.as_str()).collect();
        if routes.len() <= MOST_ROUTES { Ok(()) } else { Err(format!("{} routes", routes.len())) }
    });
    Scenario { name: "a scanner", story, besides: vec![all_counted(), bounded] }
}
