//! Verdicts: what may be concluded of a comparison.
//!
//! Invariant: `pass` and `fail` are said only with 95 % confidence; over many routes, that confidence holds for all of
//! them together.

use serde::{Deserialize, Serialize};

use super::bounds::{self, ALPHA};

/// What is concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// Counts from which something is concluded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events compared.
    pub union: u64,
    /// Events in which the stores differ.
    pub mismatches: u64,
}

/// The verdict on one set of events. `limit` is a rate, 0 to 1.
pub fn judge(counts: Counts, limit: f64) -> Verdict {
    let Counts { union, mismatches } = counts;
    if bounds::upper(mismatches, union) < limit {
        Verdict::Pass
    } else if bounds::lower(mismatches, union) > limit {
        Verdict::Fail
    } else {
        Verdict::Inconclusive
    }
}

/// The verdicts on several sets at once, by Holm's step-down procedure (*A simple sequentially rejective multiple test
/// procedure*, Scandinavian Journal of Statistics 6, 1979), once for `fail` and once for `pass`.
pub fn judge_all(sets: &[Counts], limit: f64) -> Vec<Verdict> {
    let failing = holm(sets.iter().map(|set| bounds::at_least(set.mismatches, set.union, limit)));
    let passing = holm(sets.iter().map(|set| bounds::at_most(set.mismatches, set.union, limit)));
    let verdict = |(fails, passes)| match (fails, passes) {
        (true, _) => Verdict::Fail,
        (false, true) => Verdict::Pass,
        (false, false) => Verdict::Inconclusive,
    };
    failing.into_iter().zip(passing).map(verdict).collect()
}

/// Which of the hypotheses with these p-values are rejected.
fn holm(p_values: impl Iterator<Item = f64>) -> Vec<bool> {
    let p_values: Vec<f64> = p_values.collect();
    let mut order: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let mut rejected = vec![false; p_values.len()];
    for (left, (at, p)) in (1..=order.len()).rev().zip(order) {
        #[allow(clippy::cast_precision_loss)] // a bounded number of routes
        if p >= ALPHA / left as f64 {
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

    fn counts(mismatches: u64, union: u64) -> Counts {
        Counts { union, mismatches }
    }

    #[test]
    fn a_verdict_needs_enough_events() {
        assert_eq!(judge(counts(0, 0), 0.01), Verdict::Inconclusive);
        assert_eq!(judge(counts(0, 298), 0.01), Verdict::Inconclusive);
        assert_eq!(judge(counts(0, 299), 0.01), Verdict::Pass);
        assert_eq!(judge(counts(1, 299), 0.01), Verdict::Inconclusive);
        assert_eq!(judge(counts(9, 299), 0.01), Verdict::Fail);
        assert_eq!(judge(counts(1, 1), 0.01), Verdict::Fail);
    }

    #[test]
    fn holm_rejects_in_order_and_stops() {
        assert_eq!(holm([0.01, 0.04, 0.03, 0.005].into_iter()), [true, false, false, true]);
        assert_eq!(holm([0.06].into_iter()), [false]);
        assert!(holm(std::iter::empty()).is_empty());
    }

    #[test]
    fn many_routes_need_stronger_evidence_than_one() {
        let one = counts(4, 100);
        assert_eq!(judge_all(&[one], 0.01), [Verdict::Fail]);
        let mut many = vec![counts(0, 10); 20];
        many.push(one);
        assert_eq!(judge_all(&many, 0.01).last(), Some(&Verdict::Inconclusive));
    }
}
