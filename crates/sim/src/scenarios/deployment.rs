//! A gradual deployment that takes a week: one gateway is of the next version, the rest is not.

use super::{HOUR_MS, MINUTE_MS, Scenario, all_counted, traffic};
use crate::story::{Act, Setup, Step, Story};

pub fn two_versions_for_a_week() -> Scenario {
    let mut story = Story::quiet(5);
    story.setup = Setup { clocks_ms: vec![0, 0, 0], cron_every_ms: 60 * MINUTE_MS, ..Setup::default() };
    let days = |days: u64| days * 24 * HOUR_MS;
    story.add([
        Step::new(1, Act::Flag(r#"{"mode":"dual-write","samplePpm":1000000}"#.to_owned())),
        Step::new(30 * MINUTE_MS, Act::Upgrade(1)),
        Step::new(days(6), Act::Deploy),
    ]);
    // None before the isolate is replaced that it could take with it.
    story.add(traffic(0, 31 * MINUTE_MS, days(6) + HOUR_MS, 30 * MINUTE_MS, 3));
    Scenario { name: "two versions for a week", story, besides: vec![all_counted()] }
}
