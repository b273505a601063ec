//! A queue's batch, taken apart.
//!
//! Invariant: events lie in the order of their messages, so that any run of messages is one run of events, and a part
//! of a batch is applied without copying it.

use std::ops::Range;

use super::event::Event;
use super::message::{Parsed, Rejected};

/// All messages of a batch.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    events: Vec<Event>,
    parts: Vec<Part>,
}

/// What one message holds.
#[derive(Debug, Clone)]
pub struct Part {
    events: Range<usize>,
    /// What of it can't be applied.
    pub rejected: Vec<Rejected>,
    /// Whether a newer Worker reads it.
    pub newer: bool,
}

impl Part {
    /// Whether it holds events that can be applied.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }
}

impl Batch {
    /// Adds the next message.
    pub fn add(&mut self, parsed: Parsed) {
        let from = self.events.len();
        self.events.extend(parsed.events);
        self.parts.push(Part { events: from..self.events.len(), rejected: parsed.rejected, newer: parsed.newer });
    }

    /// The messages, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Events of one message.
    pub fn events_of(&self, part: &Part) -> &[Event] {
        self.events.get(part.events.clone()).unwrap_or_default()
    }

    /// Events from the first of these messages to the last. Those between must be among them, or hold none.
    pub fn events_between(&self, messages: &[usize]) -> &[Event] {
        let part = |message: Option<&usize>| message.and_then(|message| self.parts.get(*message));
        match (part(messages.first()), part(messages.last())) {
            (Some(first), Some(last)) => self.events.get(first.events.start..last.events.end).unwrap_or_default(),
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::tests::example;

    #[test]
    fn any_run_of_messages_gives_their_events() {
        let event = |seq| Event { seq, ..example() };
        let mut batch = Batch::default();
        for seqs in [0..2, 2..2, 2..3, 3..6] {
            batch.add(Parsed { events: seqs.map(event).collect(), ..Parsed::default() });
        }
        let seqs = |messages: &[usize]| batch.events_between(messages).iter().map(|e| e.seq).collect::<Vec<_>>();
        assert_eq!(seqs(&[0, 2]), [0, 1, 2]);
        assert_eq!(seqs(&[2, 3]), [2, 3, 4, 5]);
        assert_eq!(seqs(&[]), [0; 0]);
        assert_eq!(batch.events_of(&batch.parts()[3]).len(), 3);
        assert!(!batch.parts()[1].has_events());
    }
}
