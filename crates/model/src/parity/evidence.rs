//! Evidence from outside both stores about events that the new store lacks.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::counting::grain::HOUR_MS;
use crate::event::identity::Digest;
use crate::event::{Event, ProducerId};
use crate::log::ledger::Gap;
use crate::sorted;

/// How long after its request an event may be explained as on its way to the new store, in ms: 1 hour. The queue gives
/// a batch after 5 s, and a message that waits for 15 minutes makes health fail; four times that is patience with an
/// outage of the new path, not with its end. What comes later still counts, and makes a better revision of the report.
pub const QUEUE_PATIENCE_MS: u64 = HOUR_MS;

/// The events in dead letters, as far as they can be read, and how far the new path has come.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Digests of the events in them, sorted.
    dead: Vec<u64>,
    /// Producers and sequence numbers of the events in them, sorted.
    numbers: Vec<(u64, u32)>,
    /// How many letters there are.
    pub letters: u64,
    /// When the newest of them came, in ms.
    pub newest_letter_at: u64,
    /// Newest ID window with any event in the new store.
    pub newest_window: u64,
    /// When the evidence was gathered, in ms.
    pub now_ms: u64,
}

/// As much of an event as can be read of a letter whose event may lack the rest.
#[derive(Deserialize)]
struct Trace {
    digest: Option<Digest>,
    producer: Option<ProducerId>,
    seq: Option<u32>,
}

/// A message, or one event by itself.
#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    events: Option<Vec<&'a RawValue>>,
}

impl Evidence {
    /// Adds a dead letter's payload. Parts of it that can't be read are ignored.
    pub fn add_letter(&mut self, payload: &str) {
        self.letters += 1;
        let Ok(Payload { events }) = serde_json::from_str(payload) else { return };
        let events = events.map_or_else(|| vec![payload], |events| events.into_iter().map(RawValue::get).collect());
        for trace in events.into_iter().filter_map(|event| serde_json::from_str::<Trace>(event).ok()) {
            if let Some(digest) = trace.digest {
                sorted::insert(&mut self.dead, digest.0);
            }
            if let Some((producer, seq)) = trace.producer.zip(trace.seq) {
                sorted::insert(&mut self.numbers, (producer.0, seq));
            }
        }
    }

    /// How many events are in dead letters; a letter that can't be read counts as one.
    pub fn events(&self) -> u64 {
        self.letters.max(self.dead.len() as u64)
    }

    /// Whether an event is in a dead letter.
    pub fn is_dead(&self, digest: Digest) -> bool {
        self.dead.binary_search(&digest.0).is_ok()
    }

    /// Whether an event that the new store lacks may still be on its way there: the store has nothing as recent yet,
    /// and the event is not too old.
    pub const fn may_be_on_its_way(&self, event: &Event) -> bool {
        event.idempotent_id.timestamp_ms() > self.newest_window
            && self.now_ms < event.timestamp.saturating_add(QUEUE_PATIENCE_MS)
    }

    /// How many of a gap's numbers are in dead letters.
    pub fn dead_in(&self, gap: &Gap) -> u64 {
        let inside =
            |(producer, seq): &&(u64, u32)| *producer == gap.producer.0 && (gap.first..=gap.last).contains(seq);
        self.numbers.iter().filter(inside).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::message;
    use crate::event::tests::example;

    #[test]
    fn events_are_found_in_messages_in_pieces_and_beside_rubbish() {
        let event = example();
        let text = serde_json::to_string(&event).unwrap();
        let message = message::write([event.clone()]).unwrap().remove(0);
        let without_status = text.replace("\"status\":200,", "");
        for payload in [text, message, without_status] {
            let mut evidence = Evidence::default();
            for payload in [payload.as_str(), "{", "7", "{\"events\":[3]}"] {
                evidence.add_letter(payload);
            }
            assert!(evidence.is_dead(event.digest) && !evidence.is_dead(Digest(1)));
            let gap = Gap { producer: event.producer, first: event.seq, last: event.seq };
            assert_eq!((evidence.letters, evidence.dead_in(&gap)), (4, 1));
            assert_eq!(evidence.dead_in(&Gap { producer: ProducerId(99), ..gap }), 0, "another producer's number");
            assert_eq!(evidence.dead_in(&Gap { first: event.seq + 1, last: event.seq + 9, ..gap }), 0);
        }
    }

    #[test]
    fn a_letter_counts_as_many_events_as_can_be_read_of_it_and_one_at_least() {
        let mut evidence = Evidence::default();
        assert_eq!(evidence.events(), 0);
        evidence.add_letter("no JSON");
        assert_eq!(evidence.events(), 1);
        let events = (1..=3).map(|n| Event { digest: Digest(n), ..example() });
        evidence.add_letter(&message::write(events).unwrap().remove(0));
        assert_eq!((evidence.letters, evidence.events()), (2, 3));
    }
}
