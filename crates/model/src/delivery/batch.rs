//! A queue's batch, parsed.
//!
//! Invariant: events are in the order of their messages, so any run of messages is one slice of events, and part of a
//! batch is applied without copying.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::event::Event;
use crate::event::message::{ParsedMessage, RejectedPart};

/// All messages of a batch.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    events: Vec<Event>,
    parts: Vec<MessageContent>,
}

/// The content of one message.
#[derive(Debug, Clone)]
pub struct MessageContent {
    events: Range<usize>,
    /// The parts of it that can't be applied.
    pub rejected: Vec<RejectedPart>,
    /// Whether it has a newer format, which only a newer Worker can read.
    pub newer: bool,
}

impl MessageContent {
    /// Whether it holds events that can be applied.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }
}

impl Batch {
    /// Adds the next message.
    pub fn add(&mut self, parsed: ParsedMessage) {
        let from = self.events.len();
        self.events.extend(parsed.events);
        self.parts.push(MessageContent {
            events: from..self.events.len(),
            rejected: parsed.rejected,
            newer: parsed.newer,
        });
    }

    /// The messages, in order.
    pub fn parts(&self) -> &[MessageContent] {
        &self.parts
    }

    /// Events of one message.
    pub fn events_of(&self, part: &MessageContent) -> &[Event] {
        self.events.get(part.events.clone()).unwrap_or_default()
    }

    /// Splits the messages that have events into runs of at most `windows` ID windows (of `window_ms`), because
    /// applying a run reads what the store has in all of its windows. Messages must have been added in the order of
    /// their events.
    pub fn runs(&self, window_ms: u64, windows: usize) -> Vec<Vec<usize>> {
        let (mut runs, mut seen): (Vec<Vec<usize>>, _) = (Vec::new(), BTreeSet::new());
        for (message, part) in (0..).zip(&self.parts).filter(|(_, part)| part.has_events()) {
            let starts = self.events_of(part).iter().map(|event| event.idempotent_id.timestamp_ms() / window_ms.max(1));
            let own: BTreeSet<u64> = starts.collect();
            let more: BTreeSet<u64> = seen.union(&own).copied().collect();
            match runs.last_mut() {
                Some(run) if more.len() <= windows => {
                    run.push(message);
                    seen = more;
                }
                _ => {
                    runs.push(vec![message]);
                    seen = own;
                }
            }
        }
        runs
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
    use crate::event::identity::IdempotentId;
    use crate::event::tests::example;

    #[test]
    fn a_run_spans_few_windows_and_every_message_with_events_is_in_one() {
        let event = |ms: u64| Event {
            idempotent_id: IdempotentId::with_digest(1_730_956_800_000 + ms, example().digest).unwrap(),
            ..example()
        };
        let mut batch = Batch::default();
        for minutes in [vec![0], vec![0, 1], vec![], vec![1, 2], vec![500], vec![500], vec![900, 901, 902], vec![903]] {
            let events = minutes.into_iter().map(|minute| event(minute * 60_000)).collect();
            batch.add(ParsedMessage { events, ..ParsedMessage::default() });
        }
        assert_eq!(batch.runs(60_000, 2), [vec![0, 1], vec![3], vec![4, 5], vec![6], vec![7]]);
        assert_eq!(batch.runs(60_000, 100).len(), 1);
    }

    #[test]
    fn any_run_of_messages_gives_their_events() {
        let event = |seq| Event { seq, ..example() };
        let mut batch = Batch::default();
        for seqs in [0..2, 2..2, 2..3, 3..6] {
            batch.add(ParsedMessage { events: seqs.map(event).collect(), ..ParsedMessage::default() });
        }
        let seqs = |messages: &[usize]| batch.events_between(messages).iter().map(|e| e.seq).collect::<Vec<_>>();
        assert_eq!(seqs(&[0, 2]), [0, 1, 2]);
        assert_eq!(seqs(&[2, 3]), [2, 3, 4, 5]);
        assert_eq!(seqs(&[]), [0; 0]);
        assert_eq!(batch.events_of(&batch.parts()[3]).len(), 3);
        assert!(!batch.parts()[1].has_events());
    }
}
