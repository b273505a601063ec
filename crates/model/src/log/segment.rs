//! A segment: the events of one ID window that one transaction stored, packed.
//!
//! Invariant: a stored segment never changes, so that what was read of it may be remembered.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::event::address::ClientIpHash;
use crate::event::identity::{Digest, IdempotentId};
use crate::event::{Cohort, Event, ProducerId};

/// Most events in one segment.
pub const MAX_EVENTS: usize = 10_000;

/// Most bytes of one segment, digests included: a value and a row may have 2,000,000, and bytes travel in hexadecimal.
pub const MAX_BYTES: usize = 900_000;

/// Most bytes that an event takes besides its texts: 8 of digest, 8 of address, and eleven numbers, packed.
const EVENT_BYTES: usize = 64;

/// Most bytes of a length, or of an entry in the dictionary of producers.
const ENTRY_BYTES: usize = 10;

/// An upper bound on the bytes that events take when packed together, updated with each event.
#[derive(Debug, Clone, Default)]
pub struct Weight {
    bytes: usize,
    texts: HashSet<String>,
    producers: HashSet<u64>,
}

impl Weight {
    /// Adds an event.
    pub fn add(&mut self, event: &Event) {
        self.bytes += EVENT_BYTES;
        for text in [&event.path, &event.method] {
            if !self.texts.contains(text) {
                self.bytes += text.len() + ENTRY_BYTES;
                self.texts.insert(text.clone());
            }
        }
        if self.producers.insert(event.producer.0) {
            self.bytes += ENTRY_BYTES;
        }
    }

    /// The bytes so far.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The most bytes that this event can add.
    pub const fn of_one(event: &Event) -> usize {
        EVENT_BYTES + event.path.len() + event.method.len() + 3 * ENTRY_BYTES
    }
}

/// What one transaction adds to one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Start of the ID window, in ms.
    pub window: u64,
    /// Events that were not there yet.
    pub events: Vec<Event>,
    /// Repeats of events that were there already: evidence for parity and ledger, counted nowhere else.
    pub absorbed: Vec<Event>,
}

/// Version of [`Packed`].
const FORMAT: u8 = 1;

/// Everything of a segment's events but their digests, which stand beside it in the same order.
#[derive(Serialize, Deserialize)]
struct Packed {
    format: u8,
    paths: Vec<String>,
    methods: Vec<String>,
    producers: Vec<u64>,
    events: Vec<PackedEvent>,
}

#[derive(Serialize, Deserialize)]
struct PackedEvent {
    /// Event time less window start, in ms; may be negative for a window that was configured oddly.
    offset: i64,
    path: u32,
    method: u32,
    status: u16,
    response_time: u32,
    #[serde(with = "postcard::fixint::be")]
    client_ip_hash: u64,
    cohort: u8,
    flag_version: u32,
    producer: u32,
    seq: u32,
    /// How far the number of its write lies before its own: one byte, as flushes are small.
    behind_write: u32,
}

/// Code of a dual event that came because the other path had failed; those of cohorts are less.
const FELL_BACK: u8 = 3;

fn cohort_code(event: &Event) -> u8 {
    match event.cohort {
        Cohort::Dual if event.fell_back => FELL_BACK,
        cohort => u8::try_from(cohort.index()).unwrap_or_default(),
    }
}

fn cohort(code: u8) -> Result<Cohort, InputError> {
    if code == FELL_BACK {
        return Ok(Cohort::Dual);
    }
    let cohort = Cohort::ALL.get(usize::from(code)).copied();
    cohort.ok_or_else(|| malformed(format!("cohort {code} is unknown")))
}

/// Numbers values as they come.
struct Dictionary<T>(HashMap<T, u32>, Vec<T>);

impl<T: Clone + Eq + std::hash::Hash> Dictionary<T> {
    fn new() -> Self {
        Self(HashMap::new(), Vec::new())
    }

    #[allow(clippy::cast_possible_truncation)] // a segment has at most MAX_EVENTS values
    fn code(&mut self, value: &T) -> u32 {
        if let Some(code) = self.0.get(value) {
            return *code;
        }
        let code = self.1.len() as u32;
        self.0.insert(value.clone(), code);
        self.1.push(value.clone());
        code
    }
}

/// Packs digests: 8 bytes each, big endian.
pub fn pack_digests(digests: impl IntoIterator<Item = Digest>) -> Vec<u8> {
    digests.into_iter().flat_map(|digest| digest.0.to_be_bytes()).collect()
}

/// Unpacks [`pack_digests`]. Fewer than 8 bytes at the end are ignored.
pub fn unpack_digests(bytes: &[u8]) -> impl Iterator<Item = Digest> {
    bytes.chunks_exact(8).map(|chunk| Digest(crate::event::identity::first_u64(chunk)))
}

/// Packs everything of the events except their digests.
///
/// # Errors
/// If the encoder fails. It can't for these types.
pub fn pack(window: u64, events: &[Event]) -> Result<Vec<u8>, InputError> {
    let (mut paths, mut methods, mut producers) = (Dictionary::new(), Dictionary::new(), Dictionary::new());
    let events = events
        .iter()
        .map(|event| PackedEvent {
            offset: event.timestamp.cast_signed().wrapping_sub(window.cast_signed()),
            path: paths.code(&event.path),
            method: methods.code(&event.method),
            status: event.status,
            response_time: event.response_time,
            client_ip_hash: event.client_ip_hash.0,
            cohort: cohort_code(event),
            flag_version: event.flag_version,
            producer: producers.code(&event.producer.0),
            seq: event.seq,
            behind_write: event.seq.wrapping_sub(event.write),
        })
        .collect();
    let packed = Packed { format: FORMAT, paths: paths.1, methods: methods.1, producers: producers.1, events };
    postcard::to_allocvec(&packed).map_err(|error| malformed(error.to_string()))
}

/// Unpacks the events.
///
/// # Errors
/// When the bytes are not a segment of this format.
pub fn unpack(window: u64, digests: &[u8], body: &[u8]) -> Result<Vec<Event>, InputError> {
    if digests.is_empty() && body.is_empty() {
        return Ok(Vec::new());
    }
    let packed: Packed = postcard::from_bytes(body).map_err(|error| malformed(error.to_string()))?;
    if packed.format != FORMAT {
        return Err(malformed(format!("format {} is not {FORMAT}", packed.format)));
    }
    if digests.len() != packed.events.len() * 8 {
        return Err(malformed(format!("{} events with {} bytes of digests", packed.events.len(), digests.len())));
    }
    let lookup = |list: &[String], code: u32| {
        list.get(code as usize).cloned().ok_or_else(|| malformed(format!("code {code} is not in its dictionary")))
    };
    let unpack_one = |(digest, packed_event): (Digest, &PackedEvent)| {
        Ok(Event {
            idempotent_id: IdempotentId::with_digest(window, digest)?,
            digest,
            timestamp: window.wrapping_add_signed(packed_event.offset),
            path: lookup(&packed.paths, packed_event.path)?,
            method: lookup(&packed.methods, packed_event.method)?,
            status: packed_event.status,
            response_time: packed_event.response_time,
            client_ip_hash: ClientIpHash(packed_event.client_ip_hash),
            cohort: cohort(packed_event.cohort)?,
            fell_back: packed_event.cohort == FELL_BACK,
            flag_version: packed_event.flag_version,
            producer: ProducerId(
                *packed
                    .producers
                    .get(packed_event.producer as usize)
                    .ok_or_else(|| malformed("a producer is not in its dictionary".to_owned()))?,
            ),
            seq: packed_event.seq,
            write: packed_event.seq.wrapping_sub(packed_event.behind_write),
        })
    };
    unpack_digests(digests).zip(&packed.events).map(unpack_one).collect()
}

fn malformed(reason: String) -> InputError {
    InputError::Malformed { what: "segment", reason, remedy: "it was stored by another version, or is damaged" }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::identity::window_start;
    use crate::event::tests::example;

    pub(crate) const WINDOW_MS: u64 = 60_000;

    pub(crate) fn at(timestamp: u64, request: u64) -> Event {
        let digest = Digest(request);
        Event {
            idempotent_id: IdempotentId::with_digest(window_start(timestamp, WINDOW_MS), digest).unwrap(),
            digest,
            timestamp,
            path: format!("/{}", request % 7),
            ..example()
        }
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let events = [at(1_730_956_800_000, 1)];
        let (digests, body) = (pack_digests([Digest(1)]), pack(1_730_956_800_000, &events).unwrap());
        assert!(unpack(1_730_956_800_000, &digests, &body[..body.len() - 1]).is_err());
        assert!(unpack(1_730_956_800_000, &[], &body).is_err());
        assert!(unpack(1_730_956_800_000, &digests, &[9]).is_err());
    }

    #[test]
    fn a_text_and_a_producer_weigh_once_and_the_first_event_weighs_the_most() {
        let event = example();
        let mut weight = Weight::default();
        weight.add(&event);
        assert_eq!(weight.bytes(), Weight::of_one(&event));
        let alone = weight.bytes();
        weight.add(&event);
        assert_eq!(weight.bytes() - alone, EVENT_BYTES);
        weight.add(&Event { path: "/another".into(), ..event.clone() });
        assert_eq!(weight.bytes() - alone, 2 * EVENT_BYTES + "/another".len() + ENTRY_BYTES);
        weight.add(&Event { producer: ProducerId(99), ..event });
        assert_eq!(weight.bytes() - alone, 3 * EVENT_BYTES + "/another".len() + 2 * ENTRY_BYTES);
    }

    proptest! {
        #[test]
        fn a_segment_gives_back_its_events(
            parts in prop::collection::vec((0u64..60_000, any::<u64>(), 100u16..600, any::<u32>(), any::<u64>(), 0usize..4, any::<u64>(), any::<u32>()), 0..60),
        ) {
            let window = 1_730_956_800_000;
            let events: Vec<Event> = parts
                .into_iter()
                .map(|(offset, digest, status, response_time, hash, cohort, producer, seq)| Event {
                    status,
                    response_time,
                    client_ip_hash: ClientIpHash(hash),
                    cohort: [Cohort::Single, Cohort::Dual, Cohort::Fallback, Cohort::Dual][cohort],
                    fell_back: cohort == 3,
                    producer: ProducerId(producer),
                    seq,
                    ..at(window + offset, digest)
                })
                .collect();
            let digests = pack_digests(events.iter().map(|e| e.digest));
            let mut weight = Weight::default();
            for event in &events {
                weight.add(event);
            }
            prop_assert!(events.is_empty() || digests.len() + pack(window, &events).unwrap().len() <= weight.bytes() + 20);
            prop_assert_eq!(unpack(window, &digests, &pack(window, &events).unwrap()).unwrap(), events);
        }

        #[test]
        fn no_bytes_make_unpacking_panic(body: Vec<u8>, digests: Vec<u8>) {
            let _ = unpack(1_730_956_800_000, &digests, &body);
        }
    }
}
