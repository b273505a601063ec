//! No two requests have the same number of the same isolate: what is lost would not be missing.

use std::collections::BTreeMap;

use model::event::ProducerId;
use model::event::identity::Digest;

use super::{Property, ensure};
use crate::sight::Sight;

pub struct NumberedOnce;

impl Property for NumberedOnce {
    fn name(&self) -> &'static str {
        "each request has a number of its own"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let stored = sight.stored();
        let mut owners: BTreeMap<(ProducerId, u32), Digest> = BTreeMap::new();
        for event in stored.old.iter().chain(&stored.new) {
            let owner = *owners.entry((event.producer, event.seq)).or_insert(event.digest);
            ensure(owner == event.digest, || {
                format!("{:?} numbered {owner:?} and {:?} {}", event.producer, event.digest, event.seq)
            })?;
        }
        Ok(())
    }
}
