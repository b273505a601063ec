//! The platform has no randomness for a while.

use super::{Hazard, Scene};
use crate::story::{Act, Broken, Step};
use crate::world::trouble::{Fault, Port};

pub struct NoRandomness;

impl Hazard for NoRandomness {
    fn name(&self) -> &'static str {
        "no randomness"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let lasts_ms = scene.random.between(1_000..600_000);
        scene.once(Act::Break(Broken::wholly(Port::Randomness, Fault::Fails, lasts_ms)))
    }
}
