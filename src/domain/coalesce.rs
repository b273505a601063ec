//! Coalescing: requests of one isolate share a buffer, so that one write carries many events.
//!
//! Invariants: every event that enters leaves exactly once. A buffer never holds more than its limit, and a leader
//! that was lost (its request was ended) wedges nothing: after its deadline the next event takes over.

/// Bounds of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a leader waits for others, in ms; 0 sends each event by itself.
    pub linger_ms: u64,
    /// Events at which the buffer is sent at once.
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
pub enum Next<T> {
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
        Self { events: Vec::new(), leader_since_ms: None }
    }

    /// Adds an event and says what follows.
    pub fn add(&mut self, event: T, now_ms: u64, limits: Limits) -> Next<T> {
        self.events.push(event);
        if limits.linger_ms == 0 || self.events.len() >= limits.events {
            // The leader, if there is one, stays: it sends what comes until it wakes, or finds nothing.
            return Next::Send(self.take_events());
        }
        match self.leader_since_ms {
            Some(since) if now_ms.saturating_sub(since) <= limits.leader_deadline_ms() => Next::Follow,
            Some(_) => {
                self.leader_since_ms = None;
                Next::Send(self.take_events())
            }
            None => {
                self.leader_since_ms = Some(now_ms);
                Next::Lead
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

    /// What the leader sends after its linger; the next event finds no leader.
    pub fn take(&mut self) -> Vec<T> {
        self.leader_since_ms = None;
        self.take_events()
    }

    fn take_events(&mut self) -> Vec<T> {
        std::mem::take(&mut self.events)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { linger_ms: 200, events: 3 };

    #[test]
    fn the_first_leads_the_next_follow_and_whoever_fills_it_sends() {
        let mut buffer = Buffer::new();
        assert_eq!(buffer.add(0, 0, LIMITS), Next::Lead);
        assert_eq!(buffer.add(1, 1, LIMITS), Next::Follow);
        assert!(matches!(buffer.add(2, 2, LIMITS), Next::Send(events) if events.len() == 3));
        assert_eq!(buffer.add(3, 3, LIMITS), Next::Follow, "the leader still waits");
        assert_eq!(buffer.take().len(), 1);
        assert_eq!(buffer.add(4, 300, LIMITS), Next::Lead);
    }

    #[test]
    fn without_linger_each_is_sent_by_itself() {
        let mut buffer = Buffer::new();
        let limits = Limits { linger_ms: 0, ..LIMITS };
        assert_eq!(buffer.add(0, 0, limits), Next::Send(vec![0]));
    }

    #[test]
    fn a_lost_leader_wedges_nothing() {
        let mut buffer = Buffer::new();
        assert_eq!(buffer.add(0, 0, LIMITS), Next::Lead);
        let late = LIMITS.leader_deadline_ms() + 1;
        assert!(matches!(buffer.add(1, late, LIMITS), Next::Send(events) if events.len() == 2));
        assert_eq!(buffer.add(2, late, LIMITS), Next::Lead);
    }

    proptest! {
        #[test]
        fn every_event_leaves_once_and_the_buffer_stays_bounded(
            steps in prop::collection::vec((0u64..900, any::<bool>()), 1..200), linger in 0u64..300, size in 1usize..9,
        ) {
            let limits = Limits { linger_ms: linger, events: size };
            let (mut buffer, mut sent, mut now) = (Buffer::new(), Vec::new(), 0);
            for (seq, (pause, wakes)) in (0u32..).zip(&steps) {
                now += pause;
                if *wakes {
                    sent.extend(buffer.take());
                }
                if let Next::Send(events) = buffer.add(seq, now, limits) {
                    sent.extend(events);
                }
                prop_assert!(buffer.events.len() < size);
            }
            sent.extend(buffer.take());
            sent.sort_unstable();
            prop_assert_eq!(sent, (0..u32::try_from(steps.len()).unwrap()).collect::<Vec<_>>());
        }
    }
}
