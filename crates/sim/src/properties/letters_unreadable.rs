//! Only what no code can read becomes a letter, and all of that does.

use super::{Property, ensure};
use crate::sight::Sight;

pub struct LettersUnreadable;

impl Property for LettersUnreadable {
    fn name(&self) -> &'static str {
        "a letter is what nobody can read"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let (letters, sent) = (sight.world.d1().count("dead_letters"), sight.truth.unreadable);
        let undone = sight.truth.restored_ms.is_some();
        ensure(letters == sent || (undone && letters < sent), || {
            format!("{letters} letters of {sent} unreadable messages")
        })
    }
}
