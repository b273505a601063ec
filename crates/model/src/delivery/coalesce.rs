//! Coalescing: requests of one isolate share a buffer, so that one flush carries many events, by both paths.
//!
//! Invariants: every event that enters leaves exactly once. The events of one flush are a contiguous run of the isolate's
//! numbers, and name its first one as their `write`. A buffer never holds as many events of one path as its limit, and a
//! leader that was lost (its request was ended) wedges nothing: after its deadline the next event takes over.

use crate::flag::route::Destinations;

/// Bounds of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a leader waits for others, in ms; 0 sends each event by itself.
    pub linger_ms: u64,
    /// Events for one path at which the buffer is sent at once.
    pub events: usize,
}

impl Limits {
    /// When a leader counts as lost, in ms after it began: late enough for a busy isolate's timers.
    const fn leader_deadline_ms(self) -> u64 {
        self.linger_ms * 4 + 1_000
    }
}

/// What the caller has to do after adding an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BufferStep<T> {
    /// Send these now.
    Send(Vec<T>),
    /// Wait for the linger, then [`Buffer::take`] and send.
    Lead,
    /// Nothing: a leader sends it.
    Follow,
}

/// Events that wait to be sent.
#[derive(Debug)]
pub struct Buffer<T> {
    events: Vec<T>,
    /// Number of the first of them.
    first: u32,
    /// How many of them go to the object.
    to_collector: usize,
    /// How many of them go to the queue.
    to_queue: usize,
    leader_since_ms: Option<u64>,
}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Buffer<T> {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self { events: Vec::new(), first: 0, to_collector: 0, to_queue: 0, leader_since_ms: None }
    }

    /// The number of the first event of the flush that will carry `seq`, if that is added next.
    pub const fn write_of(&self, seq: u32) -> u32 {
        // Numbers begin anew after 2^32: such a run is named in two pieces.
        if self.events.is_empty() || self.first > seq { seq } else { self.first }
    }

    /// Adds an event, which must be the isolate's next one by number, and says what the caller has to do.
    pub fn add(&mut self, event: T, seq: u32, to: Destinations, now_ms: u64, limits: Limits) -> BufferStep<T> {
        self.first = self.write_of(seq);
        self.events.push(event);
        self.to_collector += usize::from(to.collector);
        self.to_queue += usize::from(to.queue);
        if limits.linger_ms == 0 || self.to_collector.max(self.to_queue) >= limits.events {
            // The leader, if there is one, stays: it sends what comes until it wakes, or finds nothing.
            return BufferStep::Send(self.take_events());
        }
        match self.leader_since_ms {
            Some(since) if now_ms.saturating_sub(since) <= limits.leader_deadline_ms() => BufferStep::Follow,
            Some(_) => {
                self.leader_since_ms = None;
                BufferStep::Send(self.take_events())
            }
            None => {
                self.leader_since_ms = Some(now_ms);
                BufferStep::Lead
            }
        }
    }

    /// Events that wait.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Takes what the leader sends after its linger. The next event becomes the leader.
    pub fn take(&mut self) -> Vec<T> {
        self.leader_since_ms = None;
        self.take_events()
    }

    fn take_events(&mut self) -> Vec<T> {
        (self.to_collector, self.to_queue) = (0, 0);
        std::mem::take(&mut self.events)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { linger_ms: 200, events: 3 };

    fn add(buffer: &mut Buffer<u32>, seq: u32, to: Destinations, now_ms: u64) -> BufferStep<u32> {
        buffer.add(seq, seq, to, now_ms, LIMITS)
    }

    #[test]
    fn the_first_leads_the_next_follow_and_whoever_fills_it_sends() {
        let mut buffer = Buffer::new();
        assert_eq!(add(&mut buffer, 0, Destinations::OLD, 0), BufferStep::Lead);
        assert_eq!(add(&mut buffer, 1, Destinations::OLD, 1), BufferStep::Follow);
        assert_eq!(add(&mut buffer, 2, Destinations::OLD, 2), BufferStep::Send(vec![0, 1, 2]));
        assert_eq!(add(&mut buffer, 3, Destinations::OLD, 3), BufferStep::Follow, "the leader still waits");
        assert_eq!(buffer.take(), [3]);
        assert_eq!(add(&mut buffer, 4, Destinations::OLD, 300), BufferStep::Lead);
    }

    #[test]
    fn both_paths_have_one_leader_and_one_flush_which_either_of_them_fills() {
        let mut buffer = Buffer::new();
        assert_eq!(add(&mut buffer, 0, Destinations::OLD, 0), BufferStep::Lead);
        assert_eq!(add(&mut buffer, 1, Destinations::NEW, 0), BufferStep::Follow);
        assert_eq!(add(&mut buffer, 2, Destinations::NEW, 0), BufferStep::Follow);
        assert_eq!(add(&mut buffer, 3, Destinations::OLD, 0), BufferStep::Follow, "no path has three");
        assert_eq!(add(&mut buffer, 4, Destinations::BOTH, 0), BufferStep::Send(vec![0, 1, 2, 3, 4]));
        assert_eq!(add(&mut buffer, 5, Destinations::NEW, 0), BufferStep::Follow, "both counts began anew");
    }

    #[test]
    fn without_linger_each_is_sent_by_itself() {
        let mut buffer = Buffer::new();
        let limits = Limits { linger_ms: 0, ..LIMITS };
        assert_eq!(buffer.add(0, 0, Destinations::OLD, 0, limits), BufferStep::Send(vec![0]));
    }

    #[test]
    fn a_lost_leader_wedges_nothing() {
        let mut buffer = Buffer::new();
        assert_eq!(add(&mut buffer, 0, Destinations::OLD, 0), BufferStep::Lead);
        let late = LIMITS.leader_deadline_ms() + 1;
        assert_eq!(add(&mut buffer, 1, Destinations::OLD, late), BufferStep::Send(vec![0, 1]));
        assert_eq!(add(&mut buffer, 2, Destinations::OLD, late), BufferStep::Lead);
    }

    #[test]
    fn a_write_never_lies_behind_its_events_when_numbers_begin_anew() {
        let mut buffer = Buffer::new();
        assert_eq!(buffer.write_of(u32::MAX), u32::MAX);
        add(&mut buffer, u32::MAX, Destinations::OLD, 0);
        assert_eq!(buffer.write_of(0), 0);
        add(&mut buffer, 0, Destinations::OLD, 0);
        assert_eq!(buffer.write_of(1), 0);
    }

    proptest! {
        #[test]
        fn every_event_leaves_once_in_a_flush_of_contiguous_numbers_that_all_name_its_first(
            steps in prop::collection::vec((0u64..900, any::<bool>(), 0usize..3), 1..200),
            linger_ms in 0u64..300,
            events in 1usize..9,
        ) {
            let limits = Limits { linger_ms, events };
            // Each event as (number, write), as its text says it.
            let (mut buffer, mut flushes, mut now) = (Buffer::new(), Vec::new(), 0);
            for (seq, (pause, wakes, to)) in (0u32..).zip(&steps) {
                now += pause;
                if *wakes {
                    flushes.push(buffer.take());
                }
                let write = buffer.write_of(seq);
                let to = [Destinations::OLD, Destinations::NEW, Destinations::BOTH][*to];
                if let BufferStep::Send(flush) = buffer.add((seq, write), seq, to, now, limits) {
                    flushes.push(flush);
                }
                prop_assert!(buffer.len() <= 2 * (events - 1), "{} wait", buffer.len());
            }
            flushes.push(buffer.take());
            flushes.retain(|flush| !flush.is_empty());
            let mut next = 0;
            for flush in &flushes {
                let first = next;
                for event in flush {
                    prop_assert_eq!(*event, (next, first), "in the order of numbers, each named by its flush's first");
                    next += 1;
                }
            }
            prop_assert_eq!(next as usize, steps.len());
        }
    }
}
