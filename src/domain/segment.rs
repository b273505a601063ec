//! A segment: the events of one ID window that one transaction stored, packed.
//!
//! Invariants: a stored segment never changes, so that what was read of it may be remembered. Within a store no two
//! events in neighbouring windows share a digest: [`plan`] sees to it, given every digest that the store already has
//! there.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::address::ClientIpHash;
use super::error::InputError;
use super::event::{Cohort, Event, ProducerId};
use super::identity::{Digest, IdempotentId};

/// Most events in one segment: at some 40 bytes each it stays far below the 2 MB of a row, in hexadecimal too.
pub const MAX_EVENTS: usize = 10_000;

/// Digests that a store holds, by start of their window in ms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    windows: HashMap<u64, HashSet<u64>>,
}

impl Seen {
    /// Marks a window as known, empty so far.
    pub fn open(&mut self, window: u64) {
        self.windows.entry(window).or_default();
    }

    /// Whether all digests of a window are here.
    pub fn knows(&self, window: u64) -> bool {
        self.windows.contains_key(&window)
    }

    /// The known windows.
    pub fn windows(&self) -> impl Iterator<Item = u64> {
        self.windows.keys().copied()
    }

    /// Adds stored digests to a window.
    pub fn insert(&mut self, window: u64, digests: impl IntoIterator<Item = Digest>) {
        self.windows.entry(window).or_default().extend(digests.into_iter().map(|digest| digest.0));
    }

    /// Forgets all but the `most` newest windows.
    pub fn keep_newest(&mut self, most: usize) {
        let mut starts: Vec<u64> = self.windows.keys().copied().collect();
        starts.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(oldest) = starts.get(most.saturating_sub(1)) {
            self.windows.retain(|start, _| start >= oldest);
        }
    }

    fn contains(&self, window: u64, digest: Digest) -> bool {
        self.windows.get(&window).is_some_and(|digests| digests.contains(&digest.0))
    }
}

/// The window of an event and its two neighbours: a repeat across an edge has another window but the same digest,
/// and of two repeats either may be stored first.
pub const fn neighbours(window: u64, window_ms: u64) -> [u64; 3] {
    [window.saturating_sub(window_ms), window, window.saturating_add(window_ms)]
}

/// What one transaction adds to one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Start of the ID window, in ms.
    pub window: u64,
    /// Events that were not there yet.
    pub events: Vec<Event>,
    /// Digests of events that were there already.
    pub absorbed: Vec<Digest>,
}

/// Splits events into what is new and what the store has already, by window. `seen` must know the [`neighbours`] of
/// every event's window. Among repeats inside `events` the earliest is kept.
pub fn plan(mut events: Vec<Event>, seen: &Seen, window_ms: u64) -> Vec<Segment> {
    events.sort_by_key(|event| (event.timestamp, event.digest));
    let mut fresh = Seen::default();
    let mut segments: BTreeMap<u64, Vec<Segment>> = BTreeMap::new();
    for event in events {
        let window = event.idempotent_id.timestamp_ms();
        let here = neighbours(window, window_ms);
        let known = here.iter().any(|w| seen.contains(*w, event.digest) || fresh.contains(*w, event.digest));
        let list = segments.entry(window).or_default();
        if list.last().is_none_or(|segment| segment.events.len() + segment.absorbed.len() >= MAX_EVENTS) {
            list.push(Segment { window, events: Vec::new(), absorbed: Vec::new() });
        }
        if let Some(segment) = list.last_mut() {
            if known {
                segment.absorbed.push(event.digest);
            } else {
                fresh.insert(window, [event.digest]);
                segment.events.push(event);
            }
        }
    }
    segments.into_values().flatten().collect()
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

/// Unpacks [`pack_digests`]; a rest of fewer than 8 bytes is ignored.
pub fn unpack_digests(bytes: &[u8]) -> impl Iterator<Item = Digest> {
    bytes.chunks_exact(8).map(|chunk| Digest(super::identity::first_u64(chunk)))
}

/// Packs what [`pack_digests`] leaves out.
///
/// # Errors
/// If the encoder fails, which for these types it can't.
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
            cohort: u8::try_from(event.cohort.index()).unwrap_or_default(),
            flag_version: event.flag_version,
            producer: producers.code(&event.producer.0),
            seq: event.seq,
        })
        .collect();
    let packed = Packed { format: FORMAT, paths: paths.1, methods: methods.1, producers: producers.1, events };
    postcard::to_allocvec(&packed).map_err(|error| malformed(error.to_string()))
}

/// Gives the events back.
///
/// # Errors
/// When the bytes are not a segment of this format.
pub fn unpack(window: u64, digests: &[u8], body: &[u8]) -> Result<Vec<Event>, InputError> {
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
            cohort: *Cohort::ALL
                .get(usize::from(packed_event.cohort))
                .ok_or_else(|| malformed(format!("cohort {} is unknown", packed_event.cohort)))?,
            flag_version: packed_event.flag_version,
            producer: ProducerId(
                *packed
                    .producers
                    .get(packed_event.producer as usize)
                    .ok_or_else(|| malformed("a producer is not in its dictionary".to_owned()))?,
            ),
            seq: packed_event.seq,
        })
    };
    unpack_digests(digests).zip(&packed.events).map(unpack_one).collect()
}

fn malformed(reason: String) -> InputError {
    InputError::Malformed { what: "segment", reason, remedy: "it was stored by another version, or is damaged" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::tests::example;
    use crate::domain::identity::window_start;

    const WINDOW_MS: u64 = 60_000;

    fn at(timestamp: u64, request: u64) -> Event {
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
    fn a_repeat_in_the_window_or_the_next_is_absorbed_and_two_windows_on_it_is_new() {
        let start = 1_730_956_800_000;
        let repeats = |second: u64| {
            let segments = plan(vec![at(start, 1), at(start + second, 1)], &Seen::default(), WINDOW_MS);
            segments.iter().map(|s| s.events.len()).sum::<usize>()
        };
        assert_eq!(repeats(0), 1);
        assert_eq!(repeats(59_999), 1);
        assert_eq!(repeats(60_000), 1);
        assert_eq!(repeats(119_999), 1);
        assert_eq!(repeats(120_000), 2);
    }

    #[test]
    fn what_the_store_has_is_absorbed_also_when_it_came_from_the_later_window() {
        let start = 1_730_956_800_000;
        for window in neighbours(start, WINDOW_MS) {
            let mut seen = Seen::default();
            seen.insert(window, [Digest(1)]);
            let segments = plan(vec![at(start, 1)], &seen, WINDOW_MS);
            assert_eq!((segments[0].events.len(), segments[0].absorbed.as_slice()), (0, [Digest(1)].as_slice()));
        }
    }

    #[test]
    fn many_events_are_split_over_segments() {
        let events = (0..25_000).map(|n| at(1_730_956_800_000, n)).collect();
        let sizes: Vec<usize> = plan(events, &Seen::default(), WINDOW_MS).iter().map(|s| s.events.len()).collect();
        assert_eq!(sizes, [MAX_EVENTS, MAX_EVENTS, 5_000]);
    }

    #[test]
    fn memory_keeps_the_newest_windows() {
        let mut seen = Seen::default();
        for window in [5, 1, 3] {
            seen.open(window);
        }
        seen.keep_newest(2);
        assert!(seen.knows(5) && seen.knows(3) && !seen.knows(1));
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let events = [at(1_730_956_800_000, 1)];
        let (digests, body) = (pack_digests([Digest(1)]), pack(1_730_956_800_000, &events).unwrap());
        assert!(unpack(1_730_956_800_000, &digests, &body[..body.len() - 1]).is_err());
        assert!(unpack(1_730_956_800_000, &[], &body).is_err());
        assert!(unpack(1_730_956_800_000, &digests, &[9]).is_err());
    }

    proptest! {
        #[test]
        fn a_segment_gives_back_its_events(
            parts in prop::collection::vec((0u64..60_000, any::<u64>(), 100u16..600, any::<u32>(), any::<u64>(), 0usize..3, any::<u64>()), 0..60),
        ) {
            let window = 1_730_956_800_000;
            let events: Vec<Event> = parts
                .into_iter()
                .map(|(offset, digest, status, response_time, hash, cohort, producer)| Event {
                    status,
                    response_time,
                    client_ip_hash: ClientIpHash(hash),
                    cohort: Cohort::ALL[cohort],
                    producer: ProducerId(producer),
                    ..at(window + offset, digest)
                })
                .collect();
            let digests = pack_digests(events.iter().map(|e| e.digest));
            prop_assert_eq!(unpack(window, &digests, &pack(window, &events).unwrap()).unwrap(), events);
        }

        #[test]
        fn no_bytes_make_unpacking_panic(body: Vec<u8>, digests: Vec<u8>) {
            let _ = unpack(1_730_956_800_000, &digests, &body);
        }
    }
}
