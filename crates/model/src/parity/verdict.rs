//! Verdicts: what may be concluded from a comparison.
//!
//! Invariant: `pass` and `fail` need 95 % confidence, by events and by the writes that carried them. That confidence
//! holds for the whole report: its total, its routes and the loss on both paths together.

use serde::{Deserialize, Serialize};

use super::bounds::{self, ALPHA};
use crate::sorted;

/// What is concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The mismatch rate is below the limit.
    Pass,
    /// The mismatch rate is above the limit.
    Fail,
    /// Too few events to say either.
    Inconclusive,
    /// The window is not closed, or events are still on their way.
    Pending,
}

impl Verdict {
    /// The verdict of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Pass, Self::Fail, Self::Inconclusive, Self::Pending].into_iter().find(|verdict| verdict.name() == name)
    }

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::Pending => "pending",
        }
    }
}

/// Chance of error of each of the three proofs of a `fail`: all events together, the routes together, and shared loss.
/// Any one fails a report, so that by chance it fails no more often than [`ALPHA`] in all. A `pass` needs all of its
/// proofs at once: each may have the whole of [`ALPHA`].
pub const FAIL_SHARE: f64 = ALPHA / 3.0;

/// The counts from which a conclusion is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ComparisonCounts {
    /// Events compared.
    pub union: u64,
    /// Events in which the stores differ.
    pub mismatches: u64,
}

/// A count that is not known exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CountRange {
    /// At least.
    pub least: u64,
    /// At most.
    pub most: u64,
}

impl CountRange {
    /// A count that is known exactly.
    pub const fn exactly(count: u64) -> Self {
        Self { least: count, most: count }
    }
}

/// A sample of compared events. Events of one write (a flush of an isolate) are lost or kept together, so 300 events in
/// 3 messages are only 3 observations. A proof needs both units: events, because the rate is about them, and writes,
/// because they are lost independently. It assumes that whether a write is lost doesn't depend on its size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    /// Events.
    pub events: ComparisonCounts,
    /// Writes that carried them.
    pub writes: CountRange,
    /// Writes that carried events in which the stores differ.
    pub differing: CountRange,
}

impl Sample {
    /// The chance to see so little that differs, at most, were the rate `limit`.
    fn chance_of_so_few(&self, limit: f64) -> f64 {
        let events = bounds::at_most(self.events.mismatches, self.events.union, limit);
        events.max(bounds::at_most(self.differing.most, self.writes.least, limit))
    }

    /// The chance to see so much that differs, at most, were the rate `limit`.
    fn chance_of_so_many(&self, limit: f64) -> f64 {
        let events = bounds::at_least(self.events.mismatches, self.events.union, limit);
        events.max(bounds::at_least(self.differing.least, self.writes.most.max(self.differing.least), limit))
    }
}

/// Whether this proves a rate below `limit` (0 to 1).
pub fn proves_below(sample: &Sample, limit: f64) -> bool {
    sample.chance_of_so_few(limit) < ALPHA
}

/// Whether this proves a rate above `limit` (0 to 1), as one of the proofs of a report.
pub fn proves_above(sample: &Sample, limit: f64) -> bool {
    sample.chance_of_so_many(limit) < FAIL_SHARE
}

/// For which of several sets a rate above `limit` is proven. All sets together are one of the proofs of a report, by
/// Holm's step-down procedure (*A simple sequentially rejective multiple test procedure*, Scandinavian Journal of
/// Statistics 6, 1979).
pub fn which_above(samples: &[Sample], limit: f64) -> Vec<bool> {
    holm(samples.iter().map(|sample| sample.chance_of_so_many(limit)), FAIL_SHARE)
}

/// For which of several sets a rate below `limit` is proven, by the same procedure.
pub fn which_below(samples: &[Sample], limit: f64) -> Vec<bool> {
    holm(samples.iter().map(|sample| sample.chance_of_so_few(limit)), ALPHA)
}

/// Which of the hypotheses with these p-values are rejected, so that by chance one is wrongly in `alpha` at most.
fn holm(p_values: impl Iterator<Item = f64>, alpha: f64) -> Vec<bool> {
    let p_values: Vec<f64> = p_values.collect();
    let mut order: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    sorted::sort_by(&mut order, |(_, a), (_, b)| a.total_cmp(b));
    let mut rejected = vec![false; p_values.len()];
    for (left, (at, p)) in (1..=order.len()).rev().zip(order) {
        #[allow(clippy::cast_precision_loss)] // a bounded number of routes
        if p >= alpha / left as f64 {
            break;
        }
        if let Some(slot) = rejected.get_mut(at) {
            *slot = true;
        }
    }
    rejected
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each event came in a write of its own.
    fn alone(mismatches: u64, union: u64) -> Sample {
        Sample {
            events: ComparisonCounts { union, mismatches },
            writes: CountRange::exactly(union),
            differing: CountRange::exactly(mismatches),
        }
    }

    fn in_writes(of: u64, mismatches: u64, union: u64) -> Sample {
        let writes = |events: u64| CountRange::exactly(events.div_ceil(of));
        Sample { writes: writes(union), differing: writes(mismatches), ..alone(mismatches, union) }
    }

    #[test]
    fn a_verdict_is_found_by_its_name() {
        for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Pending] {
            assert_eq!(Verdict::named(verdict.name()), Some(verdict));
        }
        assert_eq!(Verdict::named("passed"), None);
    }

    #[test]
    fn a_proof_needs_enough_events() {
        let says = |mismatches, union| {
            let sample = alone(mismatches, union);
            (proves_below(&sample, 0.01), proves_above(&sample, 0.01))
        };
        assert_eq!(says(0, 0), (false, false));
        assert_eq!(says(0, 298), (false, false));
        assert_eq!(says(0, 299), (true, false));
        assert_eq!(says(1, 299), (false, false));
        assert_eq!(says(9, 299), (false, true));
        assert_eq!(says(1, 1), (false, true));
    }

    #[test]
    fn three_hundred_events_in_three_writes_are_three_observations() {
        assert!(!proves_below(&in_writes(100, 0, 300), 0.01) && proves_below(&in_writes(100, 0, 29_900), 0.01));
        assert!(!proves_above(&in_writes(100, 100, 1_000), 0.01), "one lost message of ten");
        assert!(proves_above(&in_writes(100, 290, 290), 0.01), "all of them, though they came in three");
    }

    #[test]
    fn holm_rejects_in_order_and_stops() {
        assert_eq!(holm([0.01, 0.04, 0.03, 0.005].into_iter(), ALPHA), [true, false, false, true]);
        assert_eq!(holm([0.06].into_iter(), ALPHA), [false]);
        assert!(holm(std::iter::empty(), ALPHA).is_empty());
    }

    #[test]
    fn many_routes_need_stronger_evidence_than_one() {
        let one = alone(5, 100);
        assert_eq!(which_above(&[one], 0.01), [true]);
        let mut many = vec![alone(0, 10); 20];
        many.push(one);
        assert_eq!(which_above(&many, 0.01).last(), Some(&false));
    }
}
