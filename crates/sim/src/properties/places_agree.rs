//! In the end all places tell the same flag and the same stops, and isolates obey them.

use flow::flag::{admin, cache};

use super::{Property, ensure};
use crate::sight::Sight;

pub struct PlacesAgree;

impl Property for PlacesAgree {
    fn name(&self) -> &'static str {
        "all places tell the same flag"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let world = sight.world;
        let reader = world.isolate();
        let Some(known) = world.run(admin::known(&reader.app)) else {
            return Err("no place tells the flag".to_owned());
        };
        let flag = world.run(cache::current(&reader.app));
        let stops = cache::stops(&reader.app);
        for stop in sight.truth.stops.iter().filter(|stop| stop.released_ms.is_none()) {
            let holds = stops.of_id(&stop.id).is_some_and(model::flag::stop::Stop::holds);
            ensure(holds, || format!("{stop:?} is not known: {stops:?}"))?;
        }
        let newest = known.document.version;
        ensure(stops.holds() || flag.version == newest, || {
            format!("an isolate obeys version {} of {newest}", flag.version)
        })
    }
}
