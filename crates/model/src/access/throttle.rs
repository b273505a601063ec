//! Limits on the administrative routes: how often a client may present a wrong token, and how often it may change.
//!
//! Invariants: a right token is always accepted, whatever others at the same address presented: only wrong ones are
//! throttled. One client's failures never hold back another, and memory is bounded. A client is a keyed hash; its
//! emergency stops are counted apart, so that other changes never delay a stop.

use crate::event::address::ClientIpHash;

/// Length of a window, and of a lock-out, in ms.
pub const WINDOW_MS: u64 = 60_000;

/// Refused tokens in a window after which a client is locked out.
pub const MAX_REFUSALS: u32 = 10;

/// Administrative requests of a client in a window.
pub const MAX_CHANGES: u32 = 60;

/// Clients that are remembered.
pub const MAX_CLIENTS: usize = 1_000;

/// A client, and whether it asks for an emergency stop.
pub type ThrottledClient = (ClientIpHash, bool);

/// Counts within a window that begins with the first.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    since_ms: u64,
    count: u32,
}

impl Window {
    /// Counts one more; gives how many there are in the window now.
    fn count(&mut self, now_ms: u64) -> u32 {
        if self.count == 0 || now_ms.saturating_sub(self.since_ms) >= WINDOW_MS {
            *self = Self { since_ms: now_ms, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Record {
    refusals: Window,
    changes: Window,
    locked_until_ms: u64,
}

/// The known clients, least recently seen first. They are few enough for a linear search.
#[derive(Debug, Default)]
pub struct Throttle {
    clients: Vec<(ThrottledClient, Record)>,
}

impl Throttle {
    /// Whether a client has presented too many wrong tokens. Ask this only after its token was found to be wrong,
    /// because an attacker and the operator may share an address.
    pub fn is_locked(&self, client: &ThrottledClient, now_ms: u64) -> bool {
        self.clients.iter().any(|(known, record)| known == client && now_ms < record.locked_until_ms)
    }

    /// Counts a refused token.
    pub fn refused(&mut self, client: ThrottledClient, now_ms: u64) {
        self.update(client, |record| {
            if record.refusals.count(now_ms) >= MAX_REFUSALS {
                record.refusals = Window::default();
                record.locked_until_ms = now_ms.saturating_add(WINDOW_MS);
            }
        });
    }

    /// Counts an administrative request and returns whether it may be served.
    pub fn admit_change(&mut self, client: ThrottledClient, now_ms: u64) -> bool {
        self.update(client, |record| record.changes.count(now_ms) <= MAX_CHANGES)
    }

    /// Changes a client's record. A new client takes the place of the one that was not seen for longest.
    fn update<T>(&mut self, client: ThrottledClient, act: impl FnOnce(&mut Record) -> T) -> T {
        let known = self.clients.iter().position(|(known, _)| *known == client);
        let mut record = known.map(|index| self.clients.remove(index).1).unwrap_or_default();
        if self.clients.len() >= MAX_CLIENTS {
            self.clients.remove(0);
        }
        let outcome = act(&mut record);
        self.clients.push((client, record));
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u64) -> ThrottledClient {
        (ClientIpHash(number), false)
    }

    fn refuse(throttle: &mut Throttle, client: ThrottledClient, times: u32, now_ms: u64) {
        (0..times).for_each(|_| throttle.refused(client, now_ms));
    }

    #[test]
    fn ten_refusals_in_a_minute_lock_a_client_out_for_a_minute_and_nobody_else() {
        let mut throttle = Throttle::default();
        refuse(&mut throttle, client(1), MAX_REFUSALS - 1, 5);
        assert!(!throttle.is_locked(&client(1), 5));
        refuse(&mut throttle, client(1), 1, 50_000);
        assert!(throttle.is_locked(&client(1), 50_000) && throttle.is_locked(&client(1), 50_000 + WINDOW_MS - 1));
        assert!(!throttle.is_locked(&client(2), 50_000), "another client");
        assert!(!throttle.is_locked(&(ClientIpHash(1), true), 50_000), "its emergency stop");
        assert!(!throttle.is_locked(&client(1), 50_000 + WINDOW_MS));
        refuse(&mut throttle, client(1), MAX_REFUSALS - 1, 50_000 + WINDOW_MS);
        assert!(!throttle.is_locked(&client(1), 50_000 + WINDOW_MS), "counting begins anew");
    }

    #[test]
    fn refusals_that_are_far_apart_lock_nobody_out() {
        let mut throttle = Throttle::default();
        for n in 0..100 {
            refuse(&mut throttle, client(1), MAX_REFUSALS - 1, n * WINDOW_MS);
            assert!(!throttle.is_locked(&client(1), n * WINDOW_MS));
        }
    }

    #[test]
    fn so_many_changes_a_minute_and_no_more() {
        let mut throttle = Throttle::default();
        let admitted =
            |throttle: &mut Throttle, client, now| (0..100).filter(|_| throttle.admit_change(client, now)).count();
        assert_eq!(admitted(&mut throttle, client(1), 7), MAX_CHANGES as usize);
        assert_eq!(admitted(&mut throttle, client(2), 7), MAX_CHANGES as usize);
        assert_eq!(admitted(&mut throttle, client(1), 7 + WINDOW_MS), MAX_CHANGES as usize);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let mut throttle = Throttle::default();
        for n in 0..MAX_CLIENTS as u64 {
            refuse(&mut throttle, client(n), MAX_REFUSALS, n);
        }
        refuse(&mut throttle, client(0), 1, 5_000);
        refuse(&mut throttle, client(9_999), 1, 5_001);
        assert_eq!(throttle.clients.len(), MAX_CLIENTS);
        assert!(throttle.is_locked(&client(0), 5_001) && !throttle.is_locked(&client(1), 5_001));
    }
}
