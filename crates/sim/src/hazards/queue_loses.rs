//! The queue loses messages that it took. Nobody is told: only comparing the stores, and the numbers, can show it.

use super::{Hazard, Scene};
use crate::story::{Act, Broken, Step};
use crate::world::trouble::{Fault, Port};

pub struct QueueLoses;

impl Hazard for QueueLoses {
    fn name(&self) -> &'static str {
        "the queue loses messages"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let random = scene.random;
        let lasts_ms = random.between(10_000..*random.pick(&[60_000, 3_600_000]));
        let ppm = *random.pick(&[100_000, 500_000, 1_000_000]);
        scene.once(Act::Break(Broken { port: Port::Lose, fault: Fault::Fails, lasts_ms, ppm }))
    }
}
