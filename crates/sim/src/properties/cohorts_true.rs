//! What both stores hold was meant for both, or says that it is a fallback: the merged read and parity rely on that.

use model::event::{Cohort, Event};

use super::{Property, ensure};
use crate::sight::Sight;

pub struct CohortsTrue;

fn explains(event: &Event) -> bool {
    event.cohort != Cohort::Single || event.fell_back
}

impl Property for CohortsTrue {
    fn name(&self) -> &'static str {
        "what both stores hold says why"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        for (digest, (old, new)) in sight.stored().by_digest() {
            // Copies of a repeated request may each have met another flag.
            let is_single = sight.truth.served.get(&digest).is_some_and(|copies| copies.len() == 1);
            let is_explained = old.iter().chain(&new).any(|event| explains(event));
            ensure(!is_single || old.is_empty() || new.is_empty() || is_explained, || {
                format!("both stores hold {digest:?} as an event of one path: {old:?} and {new:?}")
            })?;
        }
        Ok(())
    }
}
