//! The platform loses alarms, or leaves them in the past, where they never ring.

use super::{Hazard, Scene};
use crate::story::{Act, Step};

pub struct AlarmsLost;

impl Hazard for AlarmsLost {
    fn name(&self) -> &'static str {
        "alarms are lost"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        scene.once(scene.random.pick(&[Act::LoseAlarms, Act::PassAlarmsBy]).clone())
    }
}
