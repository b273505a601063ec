//! What parity asks a store, and what the store answers.
//!
//! Invariant: answers of the parts of one store (objects that share its events) add up to the answer of the whole.

use litemap::LiteMap;

use serde::{Deserialize, Serialize};

use crate::domain::event::Event;
use crate::domain::ledger::Arrivals;
use crate::domain::value_hash::value_hash;
use crate::domain::writes::Writes;

/// A question. Times are in ms; an end is not in its range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// What each minute holds.
    Minutes {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
    },
    /// Dual events by route.
    Paths {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
    },
    /// The dual events of these routes, each as digest and hash of its values.
    Pairs {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
        /// The routes.
        paths: Vec<String>,
    },
    /// Every copy of these digests, also those that dedup absorbed.
    Copies {
        /// The digests.
        digests: Vec<u64>,
        /// The first ID window to look in.
        from: u64,
        /// The last one, which is looked in too.
        to: u64,
    },
    /// Which sequence numbers arrived.
    Ledger {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
    },
    /// Which writes carried the events.
    Writes {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
    },
    /// When these producers were first heard of.
    Producers(Vec<u64>),
    /// The digests of all stored events, however they were meant, each as often as it is stored.
    Stored {
        /// Beginning.
        from: u64,
        /// End.
        to: u64,
    },
}

/// Sums over a set of events: equal sums mean equal sets with equal values, but for a chance of 2⁻⁶⁴.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many.
    pub requests: u64,
    /// Wrapping sum of digests.
    pub digests: u64,
    /// Wrapping sum of hashes over the values.
    pub values: u64,
}

impl Sum {
    /// That of one event.
    pub fn of(event: &Event) -> Self {
        Self { requests: 1, digests: event.digest.0, values: value_hash(event) }
    }

    /// Adds another set's sums.
    pub const fn add(&mut self, other: &Self) {
        // Wrapping, because differences of sums are added, too.
        self.requests = self.requests.wrapping_add(other.requests);
        self.digests = self.digests.wrapping_add(other.digests);
        self.values = self.values.wrapping_add(other.values);
    }

    /// What it takes to come from the other set's sums to these: nothing, if the sets are equal.
    #[must_use]
    pub const fn less(&self, other: &Self) -> Self {
        Self {
            requests: self.requests.wrapping_sub(other.requests),
            digests: self.digests.wrapping_sub(other.digests),
            values: self.values.wrapping_sub(other.values),
        }
    }
}

/// What one minute holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minute {
    /// Its events, however they were meant.
    pub events: u64,
    /// Its dual events.
    pub dual: Sum,
    /// Its events that came by the other path than was meant.
    pub fallback: u64,
    /// Distinct sequence numbers of its events: one less for each that the store counts twice.
    pub numbers: u64,
    /// Repeats that dedup absorbed.
    pub absorbed: u64,
}

impl Minute {
    /// Adds what another part holds.
    pub const fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.dual.add(&other.dual);
        self.fallback += other.fallback;
        self.numbers += other.numbers;
        self.absorbed += other.absorbed;
    }

    /// Events that the store counts beyond one for each sequence number. A request has one number, so there should be
    /// none.
    pub const fn counted_twice(&self) -> u64 {
        self.events.saturating_sub(self.numbers)
    }
}

/// One copy of an event in one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// The event.
    pub event: Event,
    /// Whether dedup absorbed it: the store counts another copy.
    pub absorbed: bool,
}

/// A part of a store answered another question than was asked: it may be of another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a part of a store answered another question than was asked; ask again, once all parts are of one version")]
pub struct AnotherQuestion;

/// An answer to the [`Ask`] of the same name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// By start of minute; and the newest ID window that the store has anything of.
    Minutes(#[serde(with = "crate::domain::sorted::map")] LiteMap<u64, Minute>, u64),
    /// By route.
    Paths(#[serde(with = "crate::domain::sorted::map")] LiteMap<String, Sum>),
    /// Digest and hash of the values.
    Pairs(Vec<(u64, u64)>),
    /// In no order.
    Copies(Vec<Copy>),
    /// Of what is stored, and of what dedup absorbed.
    Ledger(Arrivals),
    /// Sets by producer, and counts by route. Parts of a store that share a write count it once each.
    Writes(Writes),
    /// Minute in which each was first heard of.
    Producers(#[serde(with = "crate::domain::sorted::map")] LiteMap<u64, u64>),
    /// Digests, in no order.
    Stored(Vec<u64>),
}

impl Answer {
    /// Adds the answer of another part of the same store to the same question.
    ///
    /// # Errors
    /// When it answers another question: the sum would lack a part.
    pub fn add(&mut self, other: Self) -> Result<(), AnotherQuestion> {
        match (self, other) {
            (Self::Minutes(mine, newest), Self::Minutes(theirs, other_newest)) => {
                for (start, minute) in &theirs {
                    mine.entry(*start).or_default().add(minute);
                }
                *newest = other_newest.max(*newest);
            }
            (Self::Paths(mine), Self::Paths(theirs)) => {
                for (path, sum) in theirs {
                    mine.entry(path).or_default().add(&sum);
                }
            }
            (Self::Pairs(mine), Self::Pairs(theirs)) => mine.extend(theirs),
            (Self::Copies(mine), Self::Copies(theirs)) => mine.extend(theirs),
            (Self::Stored(mine), Self::Stored(theirs)) => mine.extend(theirs),
            (Self::Ledger(mine), Self::Ledger(theirs)) => mine.merge(&theirs),
            (Self::Writes(mine), Self::Writes(theirs)) => mine.merge(&theirs),
            (Self::Producers(mine), Self::Producers(theirs)) => {
                for (producer, first) in theirs {
                    let known = mine.entry(producer).or_insert(first);
                    *known = first.min(*known);
                }
            }
            _ => return Err(AnotherQuestion),
        }
        Ok(())
    }
}
