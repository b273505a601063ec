//! Which intervals of both stores have to be recounted by their events.
//!
//! Invariant: in all others, sums tell which events both stores hold.

use std::ops::RangeInclusive;

use super::intervals::{Interval, IntervalSlot, Intervals, held};
use super::selection::Span;
use crate::counting::grain::{Grain, MINUTE_MS};
use crate::event::Cohort;
use crate::sorted::distinct;

/// Intervals whose sums don't tell which events both stores hold: a fallback may have reached both, a repeat may have
/// been routed by another flag, or the dual events differ. The result includes the intervals in which the twin of such
/// an event may lie. An interval is not ambiguous if one store has nothing in it or in the intervals around it.
pub fn ambiguous(old: &Intervals, new: &Intervals, window_ms: u64) -> Vec<Span> {
    let longest = old.keys().chain(new.keys()).map(|(_, grain)| *grain).max().unwrap_or(Grain::Minute);
    let reach = Reach { ms: reach_ms(window_ms), longest };
    let nothing = Interval::default();
    let suspect = |slot: &IntervalSlot| {
        let apart = [old, new].iter().any(|store| !reach.any_near(store, *slot, |held| held.requests() > 0));
        let (o, n) = (held(old, *slot).unwrap_or(&nothing), held(new, *slot).unwrap_or(&nothing));
        let has = |held: &Interval, cohort| held.of(cohort).requests() > 0;
        let single = |store| reach.any_near(store, *slot, |held| has(held, Cohort::Single));
        let may_repeat = has(o, Cohort::Fallback) || has(n, Cohort::Fallback) || (single(old) && single(new));
        !apart && (may_repeat || !o.of(Cohort::Dual).same_set(n.of(Cohort::Dual)))
    };
    let known = distinct(old.iter().chain(new).filter(|(_, held)| held.requests() > 0).map(|(slot, _)| *slot));
    let suspects: Vec<IntervalSlot> = known.iter().copied().filter(suspect).collect();
    let near = |slot: IntervalSlot| {
        let first = known.partition_point(|other| other < reach.around(slot).start());
        let around = known.iter().skip(first).take_while(move |other| reach.around(slot).contains(other));
        around.copied().filter(move |other| reach.is_near(slot, *other))
    };
    distinct(suspects.into_iter().flat_map(near).map(span_of))
}

pub(super) const fn span_of((from, grain): IntervalSlot) -> Span {
    Span { from, to: from + grain.ms(), grain }
}

/// Start of an interval's last minute, in ms.
const fn last_minute((start, grain): IntervalSlot) -> u64 {
    start + grain.ms() - MINUTE_MS
}

/// How far the twin of an event may be.
#[derive(Clone, Copy)]
struct Reach {
    /// Of minutes, in ms.
    ms: u64,
    /// No interval is longer.
    longest: Grain,
}

impl Reach {
    /// Whether the twin of an event of one interval may lie in the other: some of their minutes are within reach.
    const fn is_near(self, one: IntervalSlot, other: IntervalSlot) -> bool {
        other.0 <= last_minute(one) + self.ms && one.0 <= last_minute(other) + self.ms
    }

    /// Where to look for what is near.
    const fn around(self, slot: IntervalSlot) -> RangeInclusive<IntervalSlot> {
        let from = slot.0.saturating_sub(self.longest.ms() + self.ms);
        (from, Grain::Minute)..=(last_minute(slot) + self.ms, Grain::Day)
    }

    fn any_near(self, store: &Intervals, slot: IntervalSlot, holds: impl Fn(&Interval) -> bool) -> bool {
        let mut near = store.range(self.around(slot)).filter(|(other, _)| self.is_near(slot, **other));
        near.any(|(_, held)| holds(held))
    }
}

/// How far apart, in ms, the minutes of two events may be that dedup treats as one. Their windows are neighbours, so
/// their times differ by less than two windows.
pub const fn reach_ms(window_ms: u64) -> u64 {
    let minutes = (2 * window_ms).div_ceil(MINUTE_MS);
    if minutes > 1 { (minutes - 1) * MINUTE_MS } else { MINUTE_MS }
}
