//! D1 is away, or full: nobody has to do anything, and every event counts in the end.

use super::{HOUR_MS, MINUTE_MS, Scenario, all_counted, traffic};
use crate::story::{Act, Broken, Setup, Step, Story};
use crate::world::trouble::{Fault, Port};

fn outage(name: &'static str, seed: u64, rule: &str, ports: &[Port], fault: Fault, lasts_ms: u64) -> Scenario {
    let mut story = Story::quiet(seed);
    story.setup = Setup { clocks_ms: vec![0, 400], cron_every_ms: 30 * MINUTE_MS, ..Setup::default() };
    story.add([Step::new(1, Act::Flag(rule.to_owned()))]);
    let broken = |port: &Port| {
        let broken = Broken { port: *port, fault, lasts_ms, ppm: 1_000_000 };
        Step::new(20 * MINUTE_MS, Act::Break(broken))
    };
    story.add(ports.iter().map(broken));
    story.add(traffic(0, 10_000, lasts_ms + HOUR_MS, (lasts_ms / 400).max(20_000), 2));
    Scenario { name, story, besides: vec![all_counted()] }
}

const QUEUE: &str = r#"{"mode":"queue-only"}"#;
const DUAL: &str = r#"{"mode":"dual-write","samplePpm":1000000}"#;
const D1: [Port; 2] = [Port::D1Read, Port::D1Write];

pub fn d1_is_away_for_six_hours() -> Scenario {
    outage("D1 is away for six hours", 2, QUEUE, &D1, Fault::Hangs, 6 * HOUR_MS)
}

pub fn d1_is_away_for_four_days() -> Scenario {
    outage("D1 is away for four days", 3, DUAL, &D1, Fault::Fails, 96 * HOUR_MS)
}

pub fn d1_is_full_for_a_day() -> Scenario {
    outage("D1 is full for a day", 4, QUEUE, &[Port::D1Write], Fault::Fails, 24 * HOUR_MS)
}
