//! A gateway's clock jumps, forward or back.

use super::{Hazard, Scene};
use crate::story::{Act, Step};

pub struct ClockJumps;

impl Hazard for ClockJumps {
    fn name(&self) -> &'static str {
        "a clock jumps"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let ahead_ms = scene.random.below(20_000).cast_signed() - 10_000;
        scene.once(Act::Clock { gateway: scene.any_gateway(), ahead_ms })
    }
}
