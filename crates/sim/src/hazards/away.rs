//! A part of the platform is away, slow, or says that it failed when it did not.

use super::{Hazard, Scene};
use crate::story::{Act, Broken, Step};
use crate::world::trouble::{Fault, Port};

/// One part.
pub struct PartAway;

/// Two parts at a time.
pub struct ManyAway;

const PORTS: [Port; 11] = [
    Port::Send,
    Port::Ask,
    Port::Ask,
    Port::ObjectSql,
    Port::D1Read,
    Port::D1Write,
    Port::D1Write,
    Port::KvGet,
    Port::KvPut,
    Port::KvList,
    Port::Backlog,
];

fn broken(scene: &Scene<'_>) -> Act {
    let random = scene.random;
    let slow_ms = random.between(100..60_000);
    let faults =
        [Fault::Fails, Fault::FailsAfterPersisting, Fault::Hangs, Fault::HangsAfterPersisting, Fault::Slow(slow_ms)];
    Act::Break(Broken {
        port: *random.pick(&PORTS),
        fault: *random.pick(&faults),
        lasts_ms: random.between(1_000..*random.pick(&[10_000, 60_000, 600_000, 3 * 3_600_000])),
        ppm: *random.pick(&[100_000, 500_000, 1_000_000, 1_000_000]),
    })
}

impl Hazard for PartAway {
    fn name(&self) -> &'static str {
        "a part is away"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let (at_ms, broken) = (scene.any_time(), broken(scene));
        let mut steps = vec![Step::new(at_ms, broken.clone())];
        if scene.random.happens(200_000) {
            // Somebody looks before it is over.
            let look = scene.random.pick(&[Act::Health, Act::Read("1h".to_owned())]).clone();
            steps.push(Step::new(at_ms + broken.lasts_ms() / 10 * 9, look));
        }
        steps
    }
}

impl Hazard for ManyAway {
    fn name(&self) -> &'static str {
        "two parts are away"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        let at_ms = scene.any_time();
        vec![Step::new(at_ms, broken(scene)), Step::new(at_ms, broken(scene))]
    }
}
