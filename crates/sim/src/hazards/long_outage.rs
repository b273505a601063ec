//! D1 takes no writes for days: longer than the queue keeps a message, and than it tries one. Such a story is long, so
//! that it is told apart from the others.

use super::{Hazard, Scene};
use crate::story::{Act, Broken, Step};
use crate::world::trouble::{Fault, Port};

const DAY_MS: u64 = 24 * 3_600_000;

pub struct LongOutage;

impl Hazard for LongOutage {
    fn name(&self) -> &'static str {
        "D1 takes no writes for days"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let lasts_ms = scene.random.between(4 * DAY_MS..6 * DAY_MS);
        scene.once(Act::Break(Broken { port: Port::D1Write, fault: Fault::Fails, lasts_ms, ppm: 1_000_000 }))
    }
}
