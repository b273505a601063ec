//! No client's address is logged.

use super::{Property, ensure};
use crate::sight::Sight;

pub struct Private;

impl Property for Private {
    fn name(&self) -> &'static str {
        "no address is logged"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let lines = sight.world.lines("192.0.2.");
        ensure(lines.is_empty(), || lines.join("\n"))
    }
}
