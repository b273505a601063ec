//! An isolate that knows no flag takes the old path: what moves traffic is somebody's order, never a failure to read one.

use model::event::{Cohort, Event};

use super::{Property, ensure};
use crate::sight::Sight;

pub struct UnknownIsOld;

impl Property for UnknownIsOld {
    fn name(&self) -> &'static str {
        "without a flag the old path is taken"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        // Version 0 is the built-in default.
        let moved = |event: &&Event| event.flag_version == 0 && event.cohort != Cohort::Fallback;
        let found = sight.stored().new.iter().find(moved);
        ensure(found.is_none(), || format!("nobody ordered it, and yet the new path was meant to take {found:?}"))
    }
}
