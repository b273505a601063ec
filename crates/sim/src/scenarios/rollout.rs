//! A whole rollout by the runbook: the old path alone, a sample, all to both, a ramp, the new path alone, and back.

use store::flag::history::FlagHistory;

use super::{HOUR_MS, MINUTE_MS, Scenario, all_counted, in_the_end, traffic};
use crate::story::{Act, Setup, Step, Story};

pub fn rollout() -> Scenario {
    let mut story = Story::quiet(1);
    story.setup = Setup { clocks_ms: vec![0, 900, -700], cron_every_ms: MINUTE_MS, ..Setup::default() };
    let rules = [
        (0, r#"{"mode":"do-only"}"#),
        (40 * MINUTE_MS, r#"{"mode":"dual-write","samplePpm":300000}"#),
        (
            100 * MINUTE_MS,
            r#"{"mode":"dual-write","samplePpm":1000000,"guard":{"maxDiffPpm":10000,"minEvents":10,"action":"rollback"}}"#,
        ),
        (
            4 * HOUR_MS,
            r#"{"mode":"dual-write","samplePpm":600000,"ramp":{"steps":[100000,500000,1000000],"everyMs":3600000}}"#,
        ),
        (9 * HOUR_MS, r#"{"mode":"queue-only"}"#),
        (11 * HOUR_MS, r#"{"mode":"do-only"}"#),
    ];
    story.add(rules.map(|(at_ms, rule)| Step::new(at_ms + 1, Act::Flag(rule.to_owned()))));
    story.add(traffic(0, 10_000, 12 * HOUR_MS, 25_000, 3));
    story.add((0..12).map(|hour| Step::new(hour * HOUR_MS + 59 * MINUTE_MS, Act::Read("1h".to_owned()))));
    let ramp = in_the_end("the ramp went all the way, and the guard had nothing to do", |sight| {
        let history = rig::block_on(FlagHistory::new(sight.world.d1().clone()).newest(60)).unwrap();
        let by = |author: &str| history.iter().filter(|change| change.document.updated_by == author).count();
        let (ramp, guard) = (by("ramp"), by("guard"));
        if (ramp, guard) == (3, 0) {
            Ok(())
        } else {
            Err(format!("{ramp} steps of the ramp, {guard} acts of the guard"))
        }
    });
    Scenario { name: "a whole rollout", story, besides: vec![all_counted(), ramp] }
}
