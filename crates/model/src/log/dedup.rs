//! Dedup: which events are new to a store.
//!
//! Invariant: within a store no two events in neighbouring windows share a digest: [`plan`] sees to it, given every
//! digest that the store already has there.

use std::collections::HashSet;

use litemap::LiteMap;

use super::segment::{MAX_BYTES, MAX_EVENTS, Segment, Weight};
use crate::event::Event;
use crate::event::identity::Digest;
use crate::sorted;

/// Digests that a store holds, by start of their window in ms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenDigests {
    windows: LiteMap<u64, Digests>,
}

/// A set of digests, 8 bytes each: a window of a busy gateway has hundreds of thousands. Both lists are sorted; what is
/// new joins the short one, which joins the long one where it has become an eighth of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Digests {
    long: Vec<u64>,
    short: Vec<u64>,
}

impl Digests {
    fn extend(&mut self, digests: impl Iterator<Item = u64>) {
        self.short.extend(digests);
        if self.short.len() > self.long.len() / 8 {
            self.long.reserve_exact(self.short.len());
            self.long.append(&mut self.short);
            self.long.sort_unstable();
        } else {
            self.short.sort_unstable();
        }
    }

    fn contains(&self, digest: u64) -> bool {
        self.long.binary_search(&digest).is_ok() || self.short.binary_search(&digest).is_ok()
    }
}

impl SeenDigests {
    /// Marks a window as known. It is empty at first.
    pub fn open(&mut self, window: u64) {
        self.windows.entry(window).or_default();
    }

    /// Whether all digests of a window are known.
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
        while self.windows.len() > most {
            let Some(oldest) = self.windows.first().map(|(window, _)| *window) else { return };
            self.windows.remove(&oldest);
        }
    }

    fn contains(&self, window: u64, digest: Digest) -> bool {
        self.windows.get(&window).is_some_and(|digests| digests.contains(digest.0))
    }
}

/// The window of an event and its two neighbours: a repeat across an edge has another window but the same digest,
/// and of two repeats either may be stored first.
pub const fn neighbours(window: u64, window_ms: u64) -> [u64; 3] {
    [window.saturating_sub(window_ms), window, window.saturating_add(window_ms)]
}

/// A segment that is being filled, with what its new events and its repeats weigh: they are packed apart.
struct Filling {
    segment: Segment,
    events: Weight,
    absorbed: Weight,
}

impl Filling {
    fn new(window: u64) -> Self {
        let segment = Segment { window, events: Vec::new(), absorbed: Vec::new() };
        Self { segment, events: Weight::default(), absorbed: Weight::default() }
    }

    /// Whether one more event fits.
    fn has_room_for(&self, event: &Event) -> bool {
        self.segment.events.len() + self.segment.absorbed.len() < MAX_EVENTS
            && self.events.bytes() + self.absorbed.bytes() + Weight::of_one(event) <= MAX_BYTES
    }

    fn add(&mut self, event: Event, is_known: bool) {
        let (weight, events) = if is_known {
            (&mut self.absorbed, &mut self.segment.absorbed)
        } else {
            (&mut self.events, &mut self.segment.events)
        };
        weight.add(&event);
        events.push(event);
    }
}

/// Splits events, by window, into those that are new and those that the store already has. `seen` must know the
/// [`neighbours`] of every event's window. Of repeats within `events`, the earliest is kept. No segment exceeds its
/// bounds.
pub fn plan(mut events: Vec<Event>, seen: &SeenDigests, window_ms: u64) -> Vec<Segment> {
    sorted::sort_by_key(&mut events, |event| (event.timestamp, event.digest));
    let mut fresh: HashSet<(u64, Digest)> = HashSet::new();
    let mut segments: LiteMap<u64, Vec<Filling>> = LiteMap::new();
    for event in events {
        let window = event.idempotent_id.timestamp_ms();
        let here = neighbours(window, window_ms);
        let known = here.iter().any(|w| seen.contains(*w, event.digest) || fresh.contains(&(*w, event.digest)));
        if !known {
            fresh.insert((window, event.digest));
        }
        let list = segments.entry(window).or_default();
        if list.last().is_none_or(|last| !last.has_room_for(&event)) {
            list.push(Filling::new(window));
        }
        if let Some(last) = list.last_mut() {
            last.add(event, known);
        }
    }
    segments.into_iter().flat_map(|(_, list)| list).map(|filling| filling.segment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::segment::tests::{WINDOW_MS, at};

    #[test]
    fn a_repeat_in_the_window_or_the_next_is_absorbed_and_two_windows_on_it_is_new() {
        let start = 1_730_956_800_000;
        let repeats = |second: u64| {
            let segments = plan(vec![at(start, 1), at(start + second, 1)], &SeenDigests::default(), WINDOW_MS);
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
            let mut seen = SeenDigests::default();
            seen.insert(window, [Digest(1)]);
            let segments = plan(vec![at(start, 1)], &seen, WINDOW_MS);
            assert_eq!((segments[0].events.len(), segments[0].absorbed.as_slice()), (0, [at(start, 1)].as_slice()));
        }
    }

    #[test]
    fn many_events_are_split_over_segments() {
        let events = (0..25_000).map(|n| at(1_730_956_800_000, n)).collect();
        let sizes: Vec<usize> =
            plan(events, &SeenDigests::default(), WINDOW_MS).iter().map(|s| s.events.len()).collect();
        assert_eq!(sizes, [MAX_EVENTS, MAX_EVENTS, 5_000]);
    }

    #[test]
    fn repeats_take_room_in_a_segment_as_new_events_do() {
        let start = 1_730_956_800_000;
        let twice = (0..MAX_EVENTS as u64).flat_map(|n| [at(start, n), at(start, n)]).collect();
        let sizes =
            |segments: &[Segment]| segments.iter().map(|s| s.events.len() + s.absorbed.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&plan(twice, &SeenDigests::default(), WINDOW_MS)), [MAX_EVENTS, MAX_EVENTS]);
    }

    #[test]
    fn a_segment_is_full_when_what_it_weighs_is() {
        // Each event has a path of its own, so that few fill a segment; every second one is a repeat.
        let start = 1_730_956_800_000;
        let event = |n: u64| Event { path: format!("/{n:0255}"), ..at(start, n / 2) };
        let segments = plan((0..9_000).map(event).collect(), &SeenDigests::default(), WINDOW_MS);
        let weigh = |events: &[Event]| {
            let mut weight = Weight::default();
            for event in events {
                weight.add(event);
            }
            weight.bytes()
        };
        assert!(segments.len() > 2 && segments.iter().all(|s| s.absorbed.len() > 100));
        for (at, segment) in segments.iter().enumerate() {
            let weight = weigh(&segment.events) + weigh(&segment.absorbed);
            let is_full = weight + Weight::of_one(&event(0)) > MAX_BYTES;
            assert!(weight <= MAX_BYTES && is_full == (at + 1 < segments.len()), "{weight}");
        }
    }

    #[test]
    fn memory_knows_what_it_was_given_and_nothing_else_however_much_it_is() {
        let mut seen = SeenDigests::default();
        // Batches of any size, in no order, with gaps: every third number.
        let numbers: Vec<u64> = (0..20_000u64).map(|n| n * 7_919 % 20_000 * 3).collect();
        let (mut rest, mut size) = (numbers.as_slice(), 1);
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(size.min(rest.len()));
            seen.insert(0, batch.iter().map(|n| Digest(*n)));
            (rest, size) = (after, size * 5 % 997 + 1);
        }
        for number in 0..60_000 {
            assert_eq!(seen.contains(0, Digest(number)), number % 3 == 0, "{number}");
        }
        assert!(!seen.contains(1, Digest(3)));
    }

    #[test]
    fn memory_keeps_the_newest_windows() {
        let mut seen = SeenDigests::default();
        for window in [5, 1, 3] {
            seen.open(window);
        }
        seen.keep_newest(2);
        assert!(seen.knows(5) && seen.knows(3) && !seen.knows(1));
        assert_eq!(seen.windows().collect::<Vec<_>>(), [3, 5]);
    }
}
