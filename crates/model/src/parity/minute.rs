//! One minute in which the stores' sums differ: which events cause the difference.

use litemap::LiteMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::counting::grain::MINUTE_MS;
use crate::event::identity::first_u64;
use crate::log::ledger::Ledger;
use crate::sorted::{self, distinct};

use super::ask::{EventCopy, Minute, SetSum};
use super::difference::{Difference, DifferenceKind, DifferenceReason};
use super::evidence::Evidence;
use super::outcome::outcomes;

/// Differences of a minute that are named; the rest is counted.
pub const MAX_NAMED: usize = 100;

/// Most routes of a minute that are listed separately, so that a row stays far below its size limit. The others are
/// pooled.
pub const MAX_ROUTES: usize = 500;

/// Stands for the route of events that can't be named.
pub const UNKNOWN: &str = "(unknown)";

/// Counts of compared events, by how the stores differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Compared events that the old store's sums don't include.
    pub beyond_old: u64,
    /// Extra copies in the old store's sums, beyond one per event.
    pub surplus_old: u64,
    /// Only the old store has them.
    pub only_old: u64,
    /// Only the new store has them.
    pub only_new: u64,
    /// Both have them, with different values.
    pub value_differs: u64,
    /// A store counts them more than once.
    pub counted_twice: u64,
    /// Of these four: explained by a write that the producer saw fail.
    pub fallback: u64,
    /// Of these four: explained by a dead letter.
    pub dead_lettered: u64,
    /// Not of these four: on their way to the new store.
    pub queued: u64,
    /// Not of these four: sent twice, and each store kept another one.
    pub repeats: u64,
}

impl Tally {
    /// Events in which the stores differ.
    pub const fn mismatches(&self) -> u64 {
        self.only_old + self.only_new + self.value_differs + self.counted_twice
    }

    /// Mismatches without an explanation.
    pub const fn unexplained(&self) -> u64 {
        self.mismatches().saturating_sub(self.fallback + self.dead_lettered)
    }

    /// Adds another tally.
    pub const fn add(&mut self, other: &Self) {
        self.beyond_old += other.beyond_old;
        self.surplus_old += other.surplus_old;
        self.only_old += other.only_old;
        self.only_new += other.only_new;
        self.value_differs += other.value_differs;
        self.counted_twice += other.counted_twice;
        self.fallback += other.fallback;
        self.dead_lettered += other.dead_lettered;
        self.queued += other.queued;
        self.repeats += other.repeats;
    }

    /// Counts a difference, and returns whether it is a mismatch.
    const fn count(&mut self, difference: &Difference) -> bool {
        match difference.reason {
            Some(DifferenceReason::Queued) => {
                self.queued += 1;
                return false;
            }
            Some(DifferenceReason::Repeat) => {
                self.repeats += 1;
                return false;
            }
            Some(DifferenceReason::Fallback) => self.fallback += 1,
            Some(DifferenceReason::DeadLettered) => self.dead_lettered += 1,
            None => {}
        }
        match difference.kind {
            DifferenceKind::OnlyOld => self.only_old += 1,
            DifferenceKind::OnlyNew => self.only_new += 1,
            DifferenceKind::ValueDiffers => self.value_differs += 1,
            DifferenceKind::CountedTwice => self.counted_twice += 1,
        }
        true
    }
}

/// What was found in one minute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinuteFindings {
    /// Its start, in ms.
    pub start: u64,
    /// By route.
    #[serde(with = "crate::sorted::map")]
    pub tallies: LiteMap<String, Tally>,
    /// The writes that carried mismatches, by route, including mismatches that are not named.
    #[serde(with = "crate::sorted::map")]
    pub writes: LiteMap<String, Ledger>,
    /// Which events, unexplained ones first; at most [`MAX_NAMED`].
    pub differences: Vec<Difference>,
    /// Differences that are counted but not named.
    pub unnamed: u64,
    /// IDs that were fetched to find them.
    pub fetched: u64,
    /// When the newest known dead letter was received, in ms.
    pub newest_letter_at: u64,
    /// The difference between the old store's sums and the new store's, for each route where they differ.
    #[serde(with = "crate::sorted::map")]
    pub apart: LiteMap<String, SetSum>,
    /// The routes beyond [`MAX_ROUTES`], pooled.
    pub others: PooledRoutes,
    /// Extra copies, beyond one per request, that the differences report: in the old store and in the new one.
    pub further: [u64; 2],
    /// Whether the fetched events don't account for the sums, so that something may have been missed.
    pub is_unresolved: bool,
}

/// The routes of a minute that are not listed separately.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PooledRoutes {
    /// Counts of their events.
    pub tally: Tally,
    /// The writes that carried mismatches.
    pub writes: Ledger,
    /// The difference between their sums in the old store and in the new one.
    pub apart: SetSum,
    /// How many routes they are.
    pub routes: u64,
}

/// Digests that are stored more than once.
pub fn repeated(mut digests: Vec<u64>) -> Vec<u64> {
    digests.sort_unstable();
    let several = digests.chunk_by(|one, other| one == other).filter(|same| same.len() > 1);
    several.filter_map(|same| same.first().copied()).collect()
}

/// Digests of one minute that are not in both stores with the same values.
pub fn candidates(old: &[(u64, u64)], new: &[(u64, u64)]) -> Vec<u64> {
    let mut all: Vec<((u64, u64), i64)> =
        old.iter().map(|pair| (*pair, 1)).chain(new.iter().map(|pair| (*pair, -1))).collect();
    all.sort_unstable();
    let unbalanced = all
        .chunk_by(|(one, _), (other, _)| one == other)
        .filter(|same| same.iter().map(|(_, count)| count).sum::<i64>() != 0);
    distinct(unbalanced.flatten().map(|((digest, _), _)| *digest))
}

impl MinuteFindings {
    /// Nothing found yet in the minute that begins at `start`.
    pub fn at(start: u64, evidence: &Evidence) -> Self {
        Self { start, newest_letter_at: evidence.newest_letter_at, ..Self::default() }
    }

    /// Whether comparing the same stores with this evidence would find the same.
    pub fn still_holds(&self, evidence: &Evidence) -> bool {
        let mut all = Tally::default();
        self.tallies.values().chain([&self.others.tally]).for_each(|tally| all.add(tally));
        // What was on its way may be late by now, and a new letter may explain what was not.
        all.queued == 0 && (all.unexplained() == 0 || self.newest_letter_at == evidence.newest_letter_at)
    }

    /// Copies that a store counts twice and that no difference reports. The verdict counts each as an event of its own,
    /// because nothing else is known of it.
    pub fn counted_twice(start: u64, copies: u64) -> Self {
        let tally = Tally { beyond_old: copies, counted_twice: copies, ..Tally::default() };
        Self { start, tallies: sorted::map_of([(UNKNOWN.to_owned(), tally)]), unnamed: copies, ..Self::default() }
    }

    /// Pools the routes beyond [`MAX_ROUTES`], those with the fewest mismatches first.
    pub fn bound(&mut self) {
        let Self { tallies, writes, apart, others, .. } = self;
        let all = distinct(tallies.keys().chain(apart.keys()).cloned());
        let mut by_mismatches: Vec<(u64, String)> =
            all.into_iter().map(|path| (tallies.get(&path).map_or(0, Tally::mismatches), path)).collect();
        sorted::sort_by(&mut by_mismatches, |(a, one), (b, other)| b.cmp(a).then_with(|| one.cmp(other)));
        for (_, path) in by_mismatches.into_iter().skip(MAX_ROUTES) {
            others.routes += 1;
            others.tally.add(&tallies.remove(&path).unwrap_or_default());
            others.writes.merge(&writes.remove(&path).unwrap_or_default());
            others.apart.add(&apart.remove(&path).unwrap_or_default());
        }
    }

    /// Compares the copies of some [`candidates`] and adds the result.
    pub fn add(&mut self, old: &[EventCopy], new: &[EventCopy], window_ms: u64, evidence: &Evidence) {
        let mut writes: LiteMap<String, Vec<(u64, u32)>> = LiteMap::new();
        for outcome in outcomes(old, new, window_ms, evidence) {
            if outcome.minute * MINUTE_MS != self.start {
                continue; // it is told of in its own minute
            }
            let tally = self.tallies.entry(outcome.path.clone()).or_default();
            tally.beyond_old += u64::from(outcome.beyond_old);
            tally.surplus_old += u64::from(outcome.surplus_old);
            for (sum, further) in self.further.iter_mut().zip(outcome.further) {
                *sum += further;
            }
            if let Some(difference) = outcome.difference {
                if tally.count(&difference) {
                    writes.entry(outcome.path).or_default().push(outcome.write);
                }
                self.differences.push(difference);
            }
        }
        for (path, writes) in writes {
            self.writes.entry(path).or_default().merge(&Ledger::of_numbers(writes));
        }
        sorted::sort_by_key(&mut self.differences, |d| (d.reason, d.timestamp, d.digest));
        self.unnamed += self.differences.len().saturating_sub(MAX_NAMED) as u64;
        self.differences.truncate(MAX_NAMED);
    }
}

/// A hash of what both stores hold in some minutes, 16 hex digits. If it is unchanged, a comparison would find the
/// same, except that a newer dead letter may explain more.
pub fn fingerprint<'a>(minutes: impl Iterator<Item = (&'a u64, &'a Minute)>) -> String {
    let mut hash = Sha256::new();
    for (start, minute) in minutes {
        let Minute { events, dual, fallback, numbers, absorbed } = minute;
        for number in [*start, *events, dual.requests, dual.digests, dual.values, *fallback, *numbers, *absorbed] {
            hash.update(number.to_be_bytes());
        }
    }
    format!("{:016x}", first_u64(&hash.finalize()))
}

#[cfg(test)]
mod tests;
