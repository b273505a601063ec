//! A scanner asks for many paths that there are not.

use super::{Hazard, Scene};
use crate::story::{Act, Step};

pub struct Scanner;

impl Hazard for Scanner {
    fn name(&self) -> &'static str {
        "a scanner"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let (gateway, from) = (scene.any_gateway(), scene.random.below(1_000_000));
        scene.once(Act::Scan { gateway, from, count: 20 + scene.random.below(60) })
    }
}
