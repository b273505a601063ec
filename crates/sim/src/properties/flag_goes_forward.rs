//! No isolate goes back to an older version of the flag.

use std::collections::BTreeMap;

use model::event::ProducerId;

use super::{Property, ensure};
use crate::sight::Sight;

pub struct FlagGoesForward;

impl Property for FlagGoesForward {
    fn name(&self) -> &'static str {
        "the flag goes forward"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let mut versions: BTreeMap<ProducerId, BTreeMap<u32, u32>> = BTreeMap::new();
        let stored = sight.stored();
        for event in stored.old.iter().chain(&stored.new) {
            versions.entry(event.producer).or_default().insert(event.seq, event.flag_version);
        }
        for (producer, versions) in versions {
            let in_order: Vec<u32> = versions.values().copied().collect();
            // Without any flag, or under a stop, events are of version 0.
            let told: Vec<u32> = in_order.into_iter().filter(|version| *version > 0).collect();
            ensure(told.is_sorted(), || format!("isolate {producer:?} obeyed versions {told:?}"))?;
        }
        Ok(())
    }
}
