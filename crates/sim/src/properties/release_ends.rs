//! A release that was accepted ends its stop for good.

use flow::flag::cache;
use model::flag::stop::Stop;

use super::{Property, ensure};
use crate::sight::Sight;

pub struct ReleaseEnds;

impl Property for ReleaseEnds {
    fn name(&self) -> &'static str {
        "a released stop does not return"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        // A release that D1 alone took may be undone with it.
        if sight.truth.restored_ms.is_some() {
            return Ok(());
        }
        let reader = sight.world.isolate();
        sight.world.run(cache::current(&reader.app));
        let stops = cache::stops(&reader.app);
        for stop in sight.truth.stops.iter().filter(|stop| stop.is_released) {
            let holds = stops.of_id(&stop.id).is_some_and(Stop::holds);
            ensure(!holds, || format!("{stop:?} holds again: {stops:?}"))?;
        }
        Ok(())
    }
}
