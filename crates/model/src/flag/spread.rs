//! How far a version of the flag has spread: which isolates route by it, as their events show.
//!
//! Invariant: an event counts once, however often and from whichever stores it was read.

use serde::{Deserialize, Serialize};

use crate::event::{Event, ProducerId};

/// Most isolates that are listed.
pub const MAX_ISOLATES: usize = 200;

/// What the events of one isolate show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SeenIsolate {
    /// Its name.
    pub producer: ProducerId,
    /// Version that routed its latest event.
    pub version: u32,
    /// When that event arrived, in ms.
    pub last_seen: u64,
    /// Its events.
    pub events: u64,
}

/// The spread of the newest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    /// Isolates, the most recently seen first.
    pub isolates: Vec<SeenIsolate>,
    /// Isolates whose latest event was routed by an older version.
    pub behind: u64,
    /// Events that arrived after the change and were routed by an older version.
    pub older_events: u64,
    /// How long after the change the last of them arrived, in ms.
    pub slowest: Option<u64>,
}

/// Five numbers, so that events and isolates are sorted by the same code.
type Row = [u64; 5];

/// Events of both stores, reduced to what the spread needs: producer, number, arrival (ms), version, and a zero.
#[derive(Debug, Default)]
pub struct Sightings(Vec<Row>);

impl Sightings {
    /// Adds events, known or not.
    pub fn add(&mut self, events: &[Event]) {
        let row = |event: &Event| [event.producer.0, event.seq.into(), event.timestamp, event.flag_version.into(), 0];
        self.0.extend(events.iter().map(row));
    }

    /// Number of events added so far. An event that was read from both stores counts twice here.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The spread of version `newest`, which was stored at `changed_at` (ms).
    pub fn spread(mut self, newest: u32, changed_at: u64) -> Spread {
        self.0.sort_unstable();
        self.0.dedup();
        let newest = u64::from(newest);
        let older = || self.0.iter().filter(|[_, _, at, version, _]| *version < newest && *at > changed_at);
        // Of each isolate: its latest arrival, with number, producer and version; and its events.
        let mut latest: Vec<Row> = Vec::new();
        for [producer, seq, at, version, _] in &self.0 {
            match latest.last_mut() {
                Some(row) if row[2] == *producer => {
                    let [last_at, last_seq, _, last_version, events] = row;
                    *events += 1;
                    if (*at, *seq) >= (*last_at, *last_seq) {
                        (*last_at, *last_seq, *last_version) = (*at, *seq, *version);
                    }
                }
                _ => latest.push([*at, *seq, *producer, *version, 1]),
            }
        }
        latest.sort_unstable();
        let behind = latest.iter().filter(|row| row[3] < newest).count() as u64;
        let isolate = |[last_seen, _, producer, version, events]: &Row| SeenIsolate {
            producer: ProducerId(*producer),
            version: u32::try_from(*version).unwrap_or(u32::MAX),
            last_seen: *last_seen,
            events: *events,
        };
        let isolates = latest.iter().rev().take(MAX_ISOLATES).map(isolate).collect();
        let slowest = older().map(|[_, _, at, _, _]| at - changed_at).max();
        Spread { isolates, behind, older_events: older().count() as u64, slowest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Cohort;
    use crate::event::tests::example;

    fn event(producer: u64, seq: u32, flag_version: u32, timestamp: u64) -> Event {
        Event { producer: ProducerId(producer), seq, write: seq, flag_version, timestamp, ..example() }
    }

    #[test]
    fn an_isolate_has_the_version_of_its_latest_event() {
        let mut sightings = Sightings::default();
        sightings.add(&[event(1, 2, 8, 500), event(1, 1, 7, 300), event(2, 0, 7, 450), event(1, 3, 8, 500)]);
        // The same event from the other store.
        sightings.add(&[Event { cohort: Cohort::Fallback, ..event(1, 2, 8, 500) }]);
        let spread = sightings.spread(8, 200);
        let rows: Vec<_> = spread.isolates.iter().map(|i| (i.producer.0, i.version, i.last_seen, i.events)).collect();
        assert_eq!(rows, [(1, 8, 500, 3), (2, 7, 450, 1)]);
        assert_eq!((spread.behind, spread.older_events, spread.slowest), (1, 2, Some(250)));
    }

    #[test]
    fn sightings_are_as_many_as_were_added() {
        let mut sightings = Sightings::default();
        assert!((sightings.is_empty(), sightings.len()) == (true, 0));
        sightings.add(&[event(1, 1, 7, 100), event(1, 1, 7, 100), event(1, 2, 7, 100)]);
        assert!((sightings.is_empty(), sightings.len()) == (false, 3));
    }

    #[test]
    fn events_before_the_change_are_not_late() {
        let mut sightings = Sightings::default();
        sightings.add(&[event(1, 1, 7, 100), event(1, 2, 7, 200), event(1, 3, 8, 201)]);
        let spread = sightings.spread(8, 200);
        assert_eq!((spread.behind, spread.older_events, spread.slowest), (0, 0, None));
    }

    #[test]
    fn the_longest_seen_isolates_are_left_off() {
        let mut sightings = Sightings::default();
        let events: Vec<Event> = (0..250).map(|n| event(n, 0, 1, 1_000 + n)).collect();
        sightings.add(&events);
        let spread = sightings.spread(2, 0);
        assert_eq!((spread.isolates.len(), spread.behind), (MAX_ISOLATES, 250));
        assert_eq!((spread.isolates[0].last_seen, spread.isolates[MAX_ISOLATES - 1].last_seen), (1_249, 1_050));
    }
}
