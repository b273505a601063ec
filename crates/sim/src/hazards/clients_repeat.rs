//! Clients repeat requests, at the same isolate or another, within the ID window or somewhat later.

use super::{Hazard, Scene};
use crate::story::{Act, Step};

pub struct ClientsRepeat;

impl Hazard for ClientsRepeat {
    fn name(&self) -> &'static str {
        "clients repeat"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let random = scene.random;
        let repeat = |_| {
            // Of requests that nobody else sends: all of its copies are within a minute of each other.
            let (number, at_ms) = (1_000_000 + random.below(1_000_000), scene.any_time());
            let copy = |_| {
                let act = Act::Request { gateway: scene.any_gateway(), number };
                Step::new(at_ms + random.below(45_000), act)
            };
            (0..2 + random.below(3)).map(copy).collect::<Vec<Step>>()
        };
        (0..=random.below(8)).flat_map(repeat).collect()
    }
}
