//! Messages come that no code can read.

use super::{Hazard, Scene};
use crate::story::{Act, Step, Unreadable};

pub struct Poison;

impl Hazard for Poison {
    fn name(&self) -> &'static str {
        "unreadable messages"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let kinds = [Unreadable::Bytes, Unreadable::NoJson, Unreadable::HalfEvent];
        (0..=scene.random.below(3))
            .map(|_| Step::new(scene.any_time(), Act::Unreadable(*scene.random.pick(&kinds))))
            .collect()
    }
}
