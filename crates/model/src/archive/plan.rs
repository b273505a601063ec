//! Where the next part ends.
//!
//! Invariant: parts are disjoint and leave nothing out: each takes whole ID windows from where the last one ended, or
//! one slice of the digests of a window that is too busy for one part.

use serde::{Deserialize, Serialize};

use litemap::LiteMap;

use crate::event::identity::Digest;
use crate::sorted::within;

/// Most events that a part is meant to hold, over both stores: 9 MB as text, 2 MB compressed.
pub const PART_EVENTS: u64 = 25_000;

/// Events by ID window, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows {
    /// How many events, by start of window in ms.
    pub counts: LiteMap<u64, u64>,
    /// `counts` is complete for all windows before this time, in ms.
    pub until: u64,
}

impl Windows {
    /// Adds the counts of another store.
    pub fn add(&mut self, other: Self) {
        self.until = self.until.min(other.until);
        for (start, events) in other.counts {
            *self.counts.entry(start).or_default() += events;
        }
    }
}

/// Where the next part begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveCursor {
    /// Start of the next window, in ms.
    pub window: u64,
    /// The next slice of that window.
    pub slice: u64,
    /// Slices of that window.
    pub slices: u64,
}

/// The events of a part: those whose ID window starts in `from..to` and whose digest is in the slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRange {
    /// Beginning, in ms.
    pub from: u64,
    /// End, in ms.
    pub to: u64,
    /// Which slice, from 0.
    pub slice: u64,
    /// Of how many.
    pub slices: u64,
}

impl PartRange {
    /// Whether a digest is in the slice. Slices divide the range of digests evenly.
    pub fn has(&self, digest: Digest) -> bool {
        (u128::from(digest.0) * u128::from(self.slices)) >> 64 == u128::from(self.slice)
    }

    /// Where the part after it begins.
    pub const fn after(&self) -> ArchiveCursor {
        if self.slice + 1 < self.slices {
            ArchiveCursor { window: self.from, slice: self.slice + 1, slices: self.slices }
        } else {
            ArchiveCursor { window: self.to, slice: 0, slices: 1 }
        }
    }
}

/// The next part, given what both stores hold from the cursor on. None at the end.
pub fn next(cursor: ArchiveCursor, windows: &Windows, part_events: u64) -> Option<PartRange> {
    let mut known = within(&windows.counts, cursor.window..windows.until).filter(|(_, events)| **events > 0);
    if cursor.slice > 0 {
        return Some(PartRange {
            from: cursor.window,
            to: cursor.window + 1,
            slice: cursor.slice,
            slices: cursor.slices,
        });
    }
    let (first, events) = known.next()?;
    if *events > part_events {
        return Some(PartRange { from: *first, to: *first + 1, slice: 0, slices: events.div_ceil(part_events.max(1)) });
    }
    let mut sum = *events;
    let end = known.find(|(_, events)| {
        sum += **events;
        sum > part_events
    });
    Some(PartRange { from: *first, to: end.map_or(windows.until, |(start, _)| *start), slice: 0, slices: 1 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_hold_every_event_once_and_are_bounded(
            counts in prop::collection::vec(0u64..400, 0..40), known in 1usize..8, digest: u64,
        ) {
            let starts: Vec<(u64, u64)> = (0..).map(|n| n * 60_000).zip(counts).collect();
            let end = 40 * 60_000;
            let mut cursor = ArchiveCursor { window: 0, slice: 0, slices: 1 };
            let mut parts: LiteMap<u64, u64> = LiteMap::new();
            loop {
                // As a store answers: a few windows, and up to where those are all.
                let rest: Vec<_> = starts.iter().filter(|(start, _)| *start >= cursor.window).copied().collect();
                let until = rest.get(known).map_or(end, |(start, _)| *start);
                let windows = Windows { counts: rest.into_iter().take(known).collect(), until };
                let Some(cut) = next(cursor, &windows, 100) else {
                    if until == end { break }
                    cursor = ArchiveCursor { window: until, slice: 0, slices: 1 };
                    continue;
                };
                let inside: Vec<_> = starts.iter().filter(|(start, _)| (cut.from..cut.to).contains(start)).collect();
                prop_assert!(inside.iter().map(|(_, events)| *events).sum::<u64>() <= 100 * cut.slices);
                if cut.has(Digest(digest)) {
                    for (start, _) in inside {
                        *parts.entry(*start).or_default() += 1;
                    }
                }
                cursor = cut.after();
            }
            for (start, events) in &starts {
                if *events > 0 {
                    prop_assert_eq!(parts.get(start), Some(&1));
                }
            }
        }
    }
}
