//! An isolate loses an event only while both paths are in trouble: as long as one works, it takes the event.

use super::lost_in_silence::logged;
use super::{Property, ensure};
use crate::sight::Sight;
use crate::story::Act;
use crate::truth::{ON_ITS_WAY_MS, Served};
use crate::world::trouble::Port;

pub struct LostOnlyWithoutPaths;

/// Whether objects may have refused what was served then. Those of an older version can't read what a newer gateway says.
fn objects_were_in_trouble(sight: &Sight<'_>, served: &Served) -> bool {
    let until_ms = served.at_ms + ON_ITS_WAY_MS;
    let is_cause = |step: &crate::story::Step| match step.act {
        Act::EndObjects | Act::Deploy => (served.at_ms..until_ms).contains(&(rig::START + step.at_ms)),
        Act::Upgrade(_) => rig::START + step.at_ms < until_ms,
        _ => false,
    };
    sight.was_any_broken(&[Port::Ask, Port::ObjectSql], served.at_ms, until_ms)
        || sight.story.steps.iter().any(is_cause)
}

impl Property for LostOnlyWithoutPaths {
    fn name(&self) -> &'static str {
        "an event is lost only if both paths fail"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        for digest in logged(sight.world) {
            let copies = sight.truth.served.get(&digest).map(Vec::as_slice).unwrap_or_default();
            let both_failed = |served: &Served| {
                sight.was_any_broken(&[Port::Send], served.at_ms, served.at_ms + ON_ITS_WAY_MS)
                    && objects_were_in_trouble(sight, served)
            };
            ensure(copies.iter().any(both_failed), || format!("{digest:?} is lost, while a path works: {copies:?}"))?;
        }
        Ok(())
    }
}
