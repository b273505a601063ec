//! No store holds an event twice, and none that was never served.

use std::collections::BTreeSet;

use model::event::Event;
use model::event::identity::Digest;

use super::{Property, ensure};
use crate::sight::Sight;

pub struct CountedOnce;

fn once(store: &str, events: &[Event], known: &BTreeSet<Digest>) -> Result<(), String> {
    let mut seen: BTreeSet<Digest> = BTreeSet::new();
    let twice = events.iter().find(|event| !seen.insert(event.digest) && !known.contains(&event.digest));
    twice.map_or(Ok(()), |event| Err(format!("the {store} store holds {} twice", event.idempotent_id)))
}

impl Property for CountedOnce {
    fn name(&self) -> &'static str {
        "each event is stored once"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let stored = sight.stored();
        once("old", &stored.old, &BTreeSet::new())?;
        once("new", &stored.new, &sight.truth.twice)?;
        let foreign = stored.counted().into_iter().find(|digest| !sight.truth.served.contains_key(digest));
        ensure(foreign.is_none(), || format!("nobody served {foreign:?}"))
    }
}
