//! Isolates end where they stand, as the platform may end any at any time.

use super::{Hazard, Scene};
use crate::story::{Act, Step};

/// One of the gateway.
pub struct GatewayDies;

/// The one that consumes and runs cron.
pub struct WorkerDies;

/// All objects.
pub struct ObjectsRestart;

/// Now and then at a time at which something is surely under way: right after a request or a run of cron.
fn at_work(scene: &Scene<'_>) -> u64 {
    let at_ms = scene.any_time();
    if scene.random.happens(500_000) { at_ms - at_ms % 60_000 + 60_000 + scene.random.below(40) } else { at_ms }
}

impl Hazard for GatewayDies {
    fn name(&self) -> &'static str {
        "a gateway dies"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        scene.once(Act::EndGateway(scene.any_gateway()))
    }
}

impl Hazard for WorkerDies {
    fn name(&self) -> &'static str {
        "the consumer dies"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        (0..=scene.random.below(3)).map(|_| Step::new(at_work(scene), Act::EndWorker)).collect()
    }
}

impl Hazard for ObjectsRestart {
    fn name(&self) -> &'static str {
        "objects restart"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        vec![Step::new(at_work(scene), Act::EndObjects)]
    }
}
