//! Health is not `ok` while a store can't be read or written, and is once everything is done.

use flow::operating::health;
use model::operating::health::HealthStatus;

use super::{Happening, Property, ensure};
use crate::sight::Sight;
use crate::story::{Act, Broken, Step};
use crate::world::trouble::{Fault, Port};

/// How long health may take to notice, in ms, from the first run of cron on.
const NOTICE_MS: u64 = 6 * 60_000;

pub struct HealthHonest;

/// Whether a step makes a store unusable for a while, and that has been going on for long enough.
fn is_noticeable(step: &Step, now_ms: u64, cron_every_ms: u64) -> bool {
    let Act::Break(Broken { port, fault, lasts_ms, ppm: 1_000_000 }) = &step.act else { return false };
    let began_ms = rig::START + step.at_ms;
    matches!(port, Port::D1Write | Port::D1Read | Port::Ask)
        && matches!(fault, Fault::Fails | Fault::Hangs)
        && began_ms + cron_every_ms + NOTICE_MS < now_ms
        && now_ms < began_ms + lasts_ms
}

impl Property for HealthHonest {
    fn name(&self) -> &'static str {
        "health is honest"
    }

    fn on_event(&mut self, happening: &Happening, sight: &Sight<'_>) -> Result<(), String> {
        let Happening::Health(answer) = happening else { return Ok(()) };
        let (now_ms, cron_every_ms) = (sight.world.now_ms(), sight.story.setup.cron_every_ms);
        let cause = sight.story.steps.iter().find(|step| is_noticeable(step, now_ms, cron_every_ms));
        ensure(cause.is_none() || answer.status != HealthStatus::Ok, || format!("ok, though {}", cause.unwrap().act))
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let reader = sight.world.isolate();
        let answer = sight.world.run(health::read(&reader.app));
        ensure(answer.missing.is_empty(), || format!("something can't be read: {:?}", answer.missing))
    }
}
