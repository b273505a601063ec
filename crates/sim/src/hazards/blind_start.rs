//! Isolates begin while neither KV nor an object can be read: they know no flag.

use super::{Hazard, Scene};
use crate::story::{Act, Broken, Step};
use crate::world::trouble::{Fault, Port};

pub struct BlindStart;

impl Hazard for BlindStart {
    fn name(&self) -> &'static str {
        "isolates begin blind"
    }

    fn steps(&self, scene: &Scene<'_>) -> Vec<Step> {
        // The flag is set before, and nobody has read it.
        let (at_ms, fault) = (scene.from_ms - 1, *scene.random.pick(&[Fault::Fails, Fault::Hangs]));
        let lasts_ms = scene.random.between(10_000..120_000);
        let away = |port| Step::new(at_ms, Act::Break(Broken::wholly(port, fault, lasts_ms)));
        vec![away(Port::KvGet), away(Port::Ask)]
    }
}
