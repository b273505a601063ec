//! D1 takes no writes for days: longer than the queue keeps a message, and than it tries one. Such a story is long, so
//! that it is told apart from the others.

use model::counting::grain::DAY_MS;

use super::{Hazard, Scene};
use crate::story::{Act, Broken, Step};
use crate::world::trouble::{Fault, Port};

pub struct LongOutage;

impl Hazard for LongOutage {
    fn name(&self) -> &'static str {
        "D1 takes no writes for days"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let lasts_ms = scene.random.between(4 * DAY_MS..6 * DAY_MS);
        scene.once(Act::Break(Broken::wholly(Port::D1Write, Fault::Fails, lasts_ms)))
    }
}
