//! D1 is restored to an hour ago, while the consumer remembers, and messages of both times are under way.

use super::{HOUR_MS, MINUTE_MS, Scenario, in_the_end, traffic};
use crate::story::{Act, Setup, Step, Story};

pub fn restored_d1() -> Scenario {
    let mut story = Story::quiet(6);
    story.setup = Setup { clocks_ms: vec![0, 300], repeats_ppm: 300_000, ..Setup::default() };
    story.add([
        Step::new(1, Act::Flag(r#"{"mode":"dual-write","samplePpm":1000000}"#.to_owned())),
        Step::new(HOUR_MS, Act::BackUp),
        Step::new(2 * HOUR_MS, Act::Restore),
        Step::new(2 * HOUR_MS + 5 * MINUTE_MS, Act::Read("6h".to_owned())),
    ]);
    story.add(traffic(0, 10_000, 3 * HOUR_MS, 15_000, 2));
    let known = in_the_end("what D1 lost, the object has, and reads tell it", |sight| {
        let stored = sight.stored();
        let lost = sight.truth.undone.iter().filter(|digest| !stored.new.iter().any(|event| event.digest == **digest));
        let (lost, counted, served) = (lost.count(), stored.counted().len(), sight.truth.served.len());
        if lost > 0 && counted == served {
            Ok(())
        } else {
            Err(format!("{lost} undone; {counted} of {served} counted"))
        }
    });
    Scenario { name: "a restored D1", story, besides: vec![known] }
}
