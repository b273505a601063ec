//! Each write that failed became a fallback or a loss, and each loss is logged.

use super::{Property, ensure};
use crate::sight::Sight;

pub struct Balanced;

impl Property for Balanced {
    fn name(&self) -> &'static str {
        "failed = fallback + lost"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let world = sight.world;
        // An isolate that ended in between counted one and not the other.
        if !sight.truth.ended.is_empty() {
            return Ok(());
        }
        let [old, new, fallback, lost] =
            ["do_record_failed", "queue_send_failed", "fallback", "lost"].map(|name| world.counted(name));
        ensure(old + new == fallback + lost, || format!("{old} + {new} failed, {fallback} fallback, {lost} lost"))?;
        let logged = world.lines("event lost: ").len() as u64;
        ensure(lost == logged, || format!("{lost} lost, {logged} logged"))
    }
}
