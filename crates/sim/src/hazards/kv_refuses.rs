//! KV's daily quota of writes is used up.

use super::{Hazard, Scene};
use crate::story::{Act, Step};

pub struct KvRefuses;

impl Hazard for KvRefuses {
    fn name(&self) -> &'static str {
        "KV refuses writes"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        scene.once(Act::KvQuota(scene.random.below(4)))
    }
}
