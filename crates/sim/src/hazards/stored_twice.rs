//! D1 stores events a second time, past dedup, as a faulty version of ours might. What is then counted is wrong, and only
//! a comparison can say so.

use super::{Hazard, Scene};
use crate::story::{Act, Step};

pub struct StoredTwice;

impl Hazard for StoredTwice {
    fn name(&self) -> &'static str {
        "D1 stores events twice"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        scene.once(Act::StoreTwice)
    }
}
