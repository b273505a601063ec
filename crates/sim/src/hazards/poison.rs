//! Messages come that no code can read.

use super::{Hazard, Scene};
use crate::story::{Act, Broken, Step, Unreadable};
use crate::world::trouble::{Fault, Port};

pub struct Poison;

impl Hazard for Poison {
    fn name(&self) -> &'static str {
        "unreadable messages"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let kinds = [Unreadable::Bytes, Unreadable::NoJson, Unreadable::HalfEvent];
        let random = scene.random;
        let message = |_| Step::new(scene.any_time(), Act::Unreadable(*random.pick(&kinds)));
        let mut steps: Vec<Step> = (0..=random.below(3)).map(message).collect();
        if random.happens(250_000) {
            // D1 keeps the letters and denies it, until the messages are in the slow lane.
            let from_ms = steps.iter().map(|step| step.at_ms).min().unwrap_or_default();
            let lasts_ms = random.between(240_000..900_000);
            let broken = Broken::wholly(Port::D1Write, Fault::FailsAfterPersisting, lasts_ms);
            steps.push(Step::new(from_ms, Act::Break(broken)));
        }
        steps
    }
}
