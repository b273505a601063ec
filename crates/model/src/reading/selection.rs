//! Which figures a reader wants: which intervals, of which routes, and how much of each.
//!
//! Invariant: the spans of a selection don't overlap, so that no event is in it twice.

use serde::{Deserialize, Serialize};

use super::intervals::IntervalSlot;
use crate::counting::grain::{DAY_MS, Grain, HOUR_MS, Retention};

/// Intervals of one grain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// Start of the first interval, in ms.
    pub from: u64,
    /// End of the last interval, in ms.
    pub to: u64,
    /// Their length.
    pub grain: Grain,
}

impl Span {
    /// The whole intervals of a grain that cover a range.
    pub const fn around(grain: Grain, from: u64, to: u64) -> Self {
        Self { from: grain.floor(from), to: grain.ceil(to), grain }
    }

    /// Starts of its intervals, in ms.
    pub fn starts(&self) -> impl Iterator<Item = u64> + use<> {
        (self.from..self.to).step_by(usize::try_from(self.grain.ms()).unwrap_or(usize::MAX))
    }

    /// Whether a time (ms) lies in it.
    pub fn holds(&self, ms: u64) -> bool {
        (self.from..self.to).contains(&ms)
    }
}

/// Which routes to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RouteSelection {
    /// Each by itself.
    Each,
    /// All of them together, as the route [`crate::counting::rollup::ALL_ROUTES`].
    Together,
    /// This one.
    One(String),
}

/// How much of each rollup to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RollupParts {
    /// Numbers only.
    Counts,
    /// Numbers, and response times for percentiles.
    Latency,
    /// Those, and addresses: what figures are made of.
    Figures,
    /// Everything, including exemplars, which are the largest part.
    All,
}

/// A fold of a store's log, and with it a state of the store's rollups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FoldId {
    /// The segment after which it begins.
    pub from_seq: u64,
    /// When it was made, in ms.
    pub folded_at: u64,
    /// Mark of the last segment in it: a database that was restored may have another fold at the same place.
    pub mark: u64,
}

/// The intervals that a reader already knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownIntervals {
    /// As of this fold, or a later one.
    pub fold: FoldId,
    /// The newest fold that the reader knows of. A store that has it was not restored since.
    pub newest: FoldId,
    /// These intervals.
    pub spans: Vec<Span>,
}

/// What a reader wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Intervals.
    pub spans: Vec<Span>,
    /// Routes.
    pub routes: RouteSelection,
    /// Parts.
    pub parts: RollupParts,
    /// Parts for dual events. A reader of both stores needs them from one store only.
    pub dual: RollupParts,
}

/// The intervals of `spans` that are in none of `others`.
pub fn without(spans: &[Span], others: &[Span]) -> Vec<Span> {
    let mut rest = spans.to_vec();
    for other in others {
        let cut = |span: Span| {
            let (from, to) = (span.from.max(other.from), span.to.min(other.to));
            let apart = span.grain != other.grain || from >= to;
            let pieces = if apart {
                [span, Span { to: span.from, ..span }]
            } else {
                [Span { to: from, ..span }, Span { from: to, ..span }]
            };
            pieces.into_iter().filter(|piece| piece.from < piece.to)
        };
        rest = rest.into_iter().flat_map(cut).collect();
    }
    rest
}

/// Joins intervals, given in order, into the longest possible spans.
pub fn joined(slots: impl IntoIterator<Item = IntervalSlot>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (start, grain) in slots {
        let end = start + grain.ms();
        match spans.iter_mut().rfind(|span| span.grain == grain) {
            Some(span) if span.to == start => span.to = end,
            _ => spans.push(Span { from: start, to: end, grain }),
        }
    }
    spans
}

/// Up to this length a range is read by minutes alone, in ms: as a chart of it is.
const BY_MINUTES_MS: u64 = 2 * HOUR_MS;

/// Covers a range with few intervals: whole days, and hours and minutes at its ends as far as they are kept. The ends
/// are moved outwards to the finest intervals that are kept at its beginning, and inwards to what is kept at all. An
/// interval that is not over yet counts as whole.
pub fn cover(from: u64, to: u64, now_ms: u64, retention: &Retention) -> Vec<Span> {
    let is_short = to.saturating_sub(from) <= BY_MINUTES_MS;
    cover_by(if is_short { Grain::Minute } else { Grain::Day }, from, to, now_ms, retention)
}

/// As [`cover`], with the same ends, but no interval longer than `coarsest` unless nothing shorter is kept.
fn cover_by(coarsest: Grain, from: u64, to: u64, now_ms: u64, retention: &Retention) -> Vec<Span> {
    let finest = Grain::ALL.into_iter().find(|grain| from >= retention.first(*grain, now_ms)).unwrap_or(Grain::Day);
    let whole = Span::around(finest, from.max(retention.first(Grain::Day, now_ms)), to);
    split(whole, coarsest, now_ms).into_iter().filter(|span| span.from < span.to).collect()
}

/// A span with its middle in the longest intervals that fit, up to `coarsest`. Some of the spans may be empty.
fn split(span: Span, coarsest: Grain, now_ms: u64) -> Vec<Span> {
    let Some(grain) = span.grain.coarser().filter(|grain| *grain <= coarsest) else { return vec![span] };
    let start = grain.ceil(span.from);
    let end = if span.to > now_ms { grain.ceil(span.to) } else { grain.floor(span.to) };
    if start >= end {
        return vec![span];
    }
    let mut spans = vec![Span { to: start, ..span }];
    spans.extend(split(Span { from: start, to: end, grain }, coarsest, now_ms));
    spans.push(Span { from: end, ..span });
    spans
}

/// Lengths of a series' steps, in ms.
const STEPS_MS: [u64; 8] = [60_000, 300_000, 900_000, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS];

/// A series: equal steps over the very range that [`cover`] has, so that their sum is its total. The first and the last
/// step may reach beyond the range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// The intervals, none longer than a step.
    pub spans: Vec<Span>,
    /// Length of a step, in ms.
    pub step_ms: u64,
}

impl Steps {
    /// Starts of the steps, in ms: whole multiples of a step.
    pub fn starts(&self) -> impl Iterator<Item = u64> + use<> {
        let from = self.spans.first().map_or(0, |span| span.from);
        let to = self.spans.last().map_or(0, |span| span.to);
        (from - from % self.step_ms.max(1)..to).step_by(usize::try_from(self.step_ms).unwrap_or(usize::MAX).max(1))
    }
}

/// The finest series for a range that is kept back to the start of the range and has at most `points` points, plus one
/// for the step in which the range begins. It has more points only if days are already too many.
pub fn steps(from: u64, to: u64, points: u64, now_ms: u64, retention: &Retention) -> Steps {
    let length = to.saturating_sub(from);
    let grain_of = |step_ms: u64| Grain::ALL.into_iter().rfind(|grain| grain.ms() <= step_ms).unwrap_or(Grain::Day);
    let fits = |step_ms: &u64| {
        let grain = grain_of(*step_ms);
        length.div_ceil(*step_ms) <= points && (grain == Grain::Day || from >= retention.first(grain, now_ms))
    };
    let step_ms = STEPS_MS.into_iter().find(fits).unwrap_or(DAY_MS);
    Steps { spans: cover_by(grain_of(step_ms), from, to, now_ms, retention), step_ms }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 20_000 * DAY_MS + 15 * HOUR_MS + 20 * 60_000 + 7;

    fn grains(length: u64) -> Vec<(Grain, u64)> {
        let spans = cover(NOW - length, NOW, NOW, &Retention::default());
        spans.iter().map(|span| (span.grain, span.starts().count() as u64)).collect()
    }

    #[test]
    fn a_range_is_read_with_few_intervals() {
        assert_eq!(grains(15 * 60_000), [(Grain::Minute, 16)]);
        assert_eq!(grains(HOUR_MS), [(Grain::Minute, 61)]);
        assert_eq!(grains(6 * HOUR_MS), [(Grain::Minute, 40), (Grain::Hour, 6)]);
        assert_eq!(grains(DAY_MS), [(Grain::Minute, 40), (Grain::Hour, 8), (Grain::Day, 1)]);
        assert_eq!(grains(7 * DAY_MS), [(Grain::Hour, 9), (Grain::Day, 7)]);
        assert_eq!(grains(30 * DAY_MS), [(Grain::Hour, 9), (Grain::Day, 30)]);
        assert_eq!(grains(1_000 * DAY_MS), [(Grain::Day, 400)]);
    }

    #[test]
    fn a_range_is_no_longer_than_was_asked_for_but_for_a_minute_while_minutes_are_kept() {
        for length in [6 * HOUR_MS, DAY_MS, 30 * HOUR_MS] {
            let first = cover(NOW - length, NOW, NOW, &Retention::default())[0];
            assert_eq!(first.from, NOW - length - 7, "the minute in which it begins");
        }
    }

    #[test]
    fn what_is_past_is_read_to_the_hour() {
        let spans = cover(NOW - 5 * DAY_MS, NOW - 3 * DAY_MS, NOW, &Retention::default());
        assert_eq!(
            spans.iter().map(|span| (span.grain, span.starts().count())).collect::<Vec<_>>(),
            [(Grain::Hour, 9), (Grain::Day, 1), (Grain::Hour, 16)]
        );
    }

    #[test]
    fn a_series_has_a_fitting_step() {
        let step = |length: u64| {
            let steps = steps(NOW - length, NOW, 150, NOW, &Retention::default());
            (steps.step_ms / 60_000, steps.starts().count())
        };
        assert_eq!(step(15 * 60_000), (1, 16));
        assert_eq!(step(HOUR_MS), (1, 61));
        assert_eq!(step(6 * HOUR_MS), (5, 73));
        assert_eq!(step(DAY_MS), (15, 97));
        assert_eq!(step(7 * DAY_MS), (180, 57));
        assert_eq!(step(30 * DAY_MS), (360, 121));
        assert_eq!(step(90 * DAY_MS), (1_440, 91));
    }

    proptest! {
        #[test]
        fn spans_touch_in_order_and_hold_the_range(back in 0..390 * DAY_MS, length in 1..100 * DAY_MS) {
            let (from, to) = (NOW - back, NOW - back + length);
            let spans = cover(from, to, NOW, &Retention::default());
            prop_assert!(spans.windows(2).all(|pair| pair[0].to == pair[1].from));
            prop_assert!(spans.iter().all(|span| span.from < span.to && span.from % span.grain.ms() == 0));
            prop_assert!(spans[0].from <= from && spans[spans.len() - 1].to >= to);
            let steps = steps(from, to, 150, NOW, &Retention::default());
            prop_assert_eq!(steps.spans[0].from, spans[0].from, "the sum of a series is the total");
            prop_assert!(steps.spans[steps.spans.len() - 1].to >= to);
            prop_assert!(steps.spans.iter().all(|span| span.grain.ms() <= steps.step_ms));
            prop_assert!(steps.starts().all(|start| start % steps.step_ms == 0));
            prop_assert!(steps.step_ms == DAY_MS || steps.starts().count() <= 152);
        }
    }
}
