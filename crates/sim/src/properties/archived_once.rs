//! What the stores hold is archived, and once.

use std::collections::BTreeSet;

use model::event::Event;
use model::event::identity::Digest;

use super::{Happening, Property, ensure};
use crate::sight::Sight;

pub struct ArchivedOnce;

impl Property for ArchivedOnce {
    fn name(&self) -> &'static str {
        "each event is archived once"
    }

    fn on_event(&mut self, happening: &Happening, sight: &Sight<'_>) -> Result<(), String> {
        let Happening::Archived(held) = happening else { return Ok(()) };
        let mut seen: BTreeSet<Digest> = BTreeSet::new();
        for name in sight.world.file_names().iter().filter(|name| name.contains(".ndjson")) {
            for line in sight.world.file(name).unwrap_or_default().lines() {
                let event: Event = serde_json::from_str(line).map_err(|error| format!("{name}: {error}"))?;
                let is_first = seen.insert(event.digest);
                ensure(is_first || sight.truth.twice.contains(&event.digest), || {
                    format!("{:?} is archived twice", event.digest)
                })?;
            }
        }
        let left_out = held.difference(&seen).next();
        ensure(left_out.is_none(), || format!("{left_out:?} is not archived, of {}", held.len()))
    }
}
