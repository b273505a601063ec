//! When trouble is over, nothing is left undone: no message waits or was dropped, and everything is folded.

use super::{Property, ensure};
use crate::sight::Sight;

pub struct Settled;

impl Property for Settled {
    fn name(&self) -> &'static str {
        "everything is done in the end"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let world = sight.world;
        let waits = (world.queued().len(), world.in_slow_lane().len(), world.dropped().len());
        ensure(waits == (0, 0, 0), || format!("messages wait, wait in the slow lane, were dropped: {waits:?}"))?;
        ensure(world.overran() == 0, || format!("{} pieces of work were ended by the platform", world.overran()))?;
        let objects = world.object_names().into_iter().map(|name| (world.object(&name).sqlite.clone(), name));
        for (sqlite, name) in objects.chain([(world.d1().clone(), "D1".to_owned())]) {
            if sqlite.has_table("segments") {
                let unfolded = sqlite
                    .number("SELECT count(*) FROM segments WHERE seq > coalesce((SELECT max(to_seq) FROM folds), 0)");
                ensure(unfolded == 0, || format!("{unfolded} segments of {name} are not folded"))?;
            }
        }
        Ok(())
    }
}
