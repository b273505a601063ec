//! Which figures a reader wants: which intervals, of which routes, and how much of each.
//!
//! Invariant: the spans of a selection don't overlap, so that no event is in it twice.

use serde::{Deserialize, Serialize};

use super::grain::{DAY_MS, Grain, HOUR_MS, Retention};
use super::intervals::Slot;

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
    /// The whole intervals of a grain that hold a range.
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

/// Of which routes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Routes {
    /// Each by itself.
    Each,
    /// All of them together, as the route [`super::rollup::ALL_ROUTES`].
    Together,
    /// This one.
    One(String),
}

/// How much of a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Parts {
    /// Numbers only.
    Counts,
    /// Numbers, and response times for percentiles.
    Latency,
    /// Those, and addresses: what figures are made of.
    Figures,
    /// Everything: also exemplars, which are the most to carry.
    All,
}

/// A fold of a store's log, and with it a state of the store's rollups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FoldId {
    /// The segment after which it begins.
    pub from_seq: u64,
    /// When it was made, in ms: a database that was restored may have another one at the same place.
    pub folded_at: u64,
}

/// What a reader knows already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// As of this fold, or a later one.
    pub fold: FoldId,
    /// These intervals.
    pub spans: Vec<Span>,
}

/// What a reader wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Intervals.
    pub spans: Vec<Span>,
    /// Routes.
    pub routes: Routes,
    /// Parts.
    pub parts: Parts,
    /// Parts of events that were meant for both stores: a reader of both needs them of one.
    pub dual: Parts,
}

/// The intervals of these spans that are in none of the others.
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

/// Intervals in order as spans that are as long as can be.
pub fn joined(slots: impl IntoIterator<Item = Slot>) -> Vec<Span> {
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

/// Up to this length a range is read by minutes, in ms.
const BY_MINUTES_MS: u64 = 2 * HOUR_MS;

/// Up to this length a range is read from the hour in which it begins, in ms; beyond, from the day.
const BY_HOURS_MS: u64 = 8 * DAY_MS;

/// The spans that hold a range with few intervals: minutes for a short one, hours and whole days for a longer one. The
/// ends are moved outwards to whole intervals, and inwards to what is kept.
pub fn cover(from: u64, to: u64, now_ms: u64, retention: &Retention) -> Vec<Span> {
    let length = to.saturating_sub(from);
    let kept = |grain| from >= retention.first(grain, now_ms);
    let spans = if length <= BY_MINUTES_MS && kept(Grain::Minute) {
        vec![Span::around(Grain::Minute, from, to)]
    } else if length <= BY_HOURS_MS && kept(Grain::Hour) {
        by_hours(Span::around(Grain::Hour, from, to), now_ms)
    } else {
        vec![Span::around(Grain::Day, from.max(retention.first(Grain::Day, now_ms)), to)]
    };
    spans.into_iter().filter(|span| span.from < span.to).collect()
}

/// Hours, of which whole days are read as days; the day that is not over yet counts as whole.
fn by_hours(hours: Span, now_ms: u64) -> Vec<Span> {
    let first_day = Grain::Day.ceil(hours.from);
    let end = if hours.to > now_ms { Grain::Day.ceil(hours.to) } else { Grain::Day.floor(hours.to) };
    if end <= first_day {
        return vec![hours];
    }
    vec![
        Span { to: first_day, ..hours },
        Span { from: first_day, to: end, grain: Grain::Day },
        Span { from: end, ..hours },
    ]
}

/// Lengths of a series' steps, in ms.
const STEPS_MS: [u64; 8] = [60_000, 300_000, 900_000, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS];

/// A series: equal steps, each of whole intervals of one grain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// The intervals.
    pub span: Span,
    /// Length of a step, in ms.
    pub step_ms: u64,
}

impl Steps {
    /// Starts of the steps, in ms.
    pub fn starts(&self) -> impl Iterator<Item = u64> + use<> {
        (self.span.from..self.span.to).step_by(usize::try_from(self.step_ms).unwrap_or(usize::MAX))
    }
}

/// The finest series of a range that is kept as far back as the range goes and has at most `points` points: more only
/// where even days are more.
pub fn steps(from: u64, to: u64, points: u64, now_ms: u64, retention: &Retention) -> Steps {
    let length = to.saturating_sub(from);
    let grain_of = |step_ms: u64| Grain::ALL.into_iter().rfind(|grain| grain.ms() <= step_ms).unwrap_or(Grain::Day);
    let fits = |step_ms: &u64| {
        let grain = grain_of(*step_ms);
        length.div_ceil(*step_ms) <= points && (grain == Grain::Day || from >= retention.first(grain, now_ms))
    };
    let step_ms = STEPS_MS.into_iter().find(fits).unwrap_or(DAY_MS);
    let oldest = retention.first(Grain::Day, now_ms);
    let span = Span { from: from.max(oldest) - from.max(oldest) % step_ms, to, grain: grain_of(step_ms) };
    Steps { span: Span { to: to.next_multiple_of(span.grain.ms()), ..span }, step_ms }
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
        assert_eq!(grains(6 * HOUR_MS), [(Grain::Hour, 7)]);
        assert_eq!(grains(DAY_MS), [(Grain::Hour, 9), (Grain::Day, 1)]);
        assert_eq!(grains(7 * DAY_MS), [(Grain::Hour, 9), (Grain::Day, 7)]);
        assert_eq!(grains(30 * DAY_MS), [(Grain::Day, 31)]);
        assert_eq!(grains(1_000 * DAY_MS), [(Grain::Day, 400)]);
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
            prop_assert!(steps.span.from <= from && steps.span.to >= to);
            prop_assert_eq!(steps.span.from % steps.step_ms, 0);
            prop_assert!(steps.step_ms == DAY_MS || steps.starts().count() <= 151);
        }
    }
}
