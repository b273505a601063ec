//! A deployment: a gateway is of the next version for a while before consumer and objects are.

use super::{Hazard, Scene};
use crate::story::{Act, Step};

pub struct TwoVersions;

impl Hazard for TwoVersions {
    fn name(&self) -> &'static str {
        "two versions"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let (one, other) = (scene.any_time(), scene.any_time());
        vec![Step::new(one.min(other), Act::Upgrade(scene.any_gateway())), Step::new(one.max(other) + 1, Act::Deploy)]
    }
}
