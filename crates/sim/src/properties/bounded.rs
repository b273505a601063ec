//! What is sent is bounded, whatever clients do.

use super::{Property, ensure};
use crate::sight::Sight;

/// Most bytes of a message: one unit of the queue's price is 64 KB.
const MAX_MESSAGE_BYTES: usize = 60_000;

/// Most statements in a batch of D1, far below what the platform takes in an invocation.
const MAX_STATEMENTS: usize = 100;

pub struct Bounded;

impl Property for Bounded {
    fn name(&self) -> &'static str {
        "what is sent is bounded"
    }

    fn at_end(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let (bytes, statements) = (sight.world.longest_message.get(), sight.world.longest_batch.get());
        ensure(bytes <= MAX_MESSAGE_BYTES, || format!("a message of {bytes} bytes"))?;
        ensure(statements <= MAX_STATEMENTS, || format!("a batch of {statements} statements"))
    }
}
