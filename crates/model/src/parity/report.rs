//! The report on one window: verdict, figures, named differences, and everything they were computed from.
//!
//! Invariant: it holds its inputs, so that a reviewer can check every figure by hand.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::event::identity::first_u64;

use super::comparison::{Comparison, PathComparison};
use super::difference::Difference;
use super::loss::Loss;
use super::seen_events::SeenEvents;
use super::unresolved::UnresolvedDifferences;
use super::window::Window;

/// Differences that a report names; the rest is counted.
pub const MAX_NAMED: usize = 1_000;

/// Routes that a report lists, the worst first; the rest is counted.
pub const MAX_PATHS: usize = 1_000;

/// The founding plan's own figure: `|new − old| / old × 100`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlanFigure {
    /// Dual events in the old store.
    pub old: u64,
    /// Dual events in the new store.
    pub new: u64,
    /// The difference in percent; none without events in the old store.
    pub difference_percent: Option<f64>,
}

/// What one store said of the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoreTotals {
    /// Events, of any mode.
    #[serde(default)]
    pub events: u64,
    /// Dual events.
    pub dual: u64,
    /// Wrapping sum of their digests: 16 hex digits.
    pub digest_sum: String,
    /// Wrapping sum of hashes over their values: 16 hex digits.
    pub value_sum: String,
    /// Fallback events: they came by this path because the other one failed.
    pub fallback: u64,
    /// Repeats that dedup absorbed.
    pub absorbed: u64,
    /// Events stored beyond the distinct sequence numbers that arrived: counted twice.
    #[serde(default)]
    pub counted_twice: u64,
}

/// The report on one window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ParityReport {
    /// The window.
    pub window: Window,
    /// 1 for the first report on it; grows when events arrive late. 0: not stored.
    #[serde(default)]
    pub revision: u64,
    /// When it was made, in ms.
    pub computed_at: u64,
    /// The verdict in words.
    pub summary: String,
    /// Largest mismatch rate that passes, in ppm.
    pub limit_ppm: u32,
    /// Time that stragglers had, in ms.
    pub lag_ms: u64,
    /// All routes together.
    #[serde(flatten)]
    pub total: Comparison,
    /// The founding plan's own figure.
    pub plan: PlanFigure,
    /// Each route, the worst first. Lists of reports leave it out, as they do differences and gaps.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_PATHS)))]
    pub paths: Vec<PathComparison>,
    /// Routes that are judged but not listed.
    #[serde(default)]
    pub unlisted_paths: u64,
    /// The events in which the stores differ, unexplained ones first, as far as they are named.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_NAMED)))]
    pub differences: Vec<Difference>,
    /// Differences that are counted but not named.
    pub unnamed: u64,
    /// Where sums differ and no fetched event explains why.
    #[serde(default)]
    pub unresolved: UnresolvedDifferences,
    /// Loss on both paths.
    pub loss: Loss,
    /// What the old store said.
    pub old: StoreTotals,
    /// What the new store said.
    pub new: StoreTotals,
    /// The most events that the stores had for the window, in this revision or an earlier one.
    #[serde(default)]
    pub seen: SeenEvents,
    /// How many of those are gone. If any are, a store lost them, and the report fails.
    #[serde(default)]
    pub vanished: SeenEvents,
    /// Minutes with events in which the sums differ.
    pub minutes_differing: u64,
    /// Minutes with events.
    pub minutes: u64,
    /// IDs that were fetched to find the differences.
    pub ids_fetched: u64,
    /// Dead letters that were looked into.
    pub dead_letters: u64,
    /// Hash of what the stores held. If it is the same, so is the report.
    pub fingerprint: String,
}

impl ParityReport {
    /// A hash of the conclusions, the data and the rules, 16 hex digits. If it is unchanged, the report says nothing
    /// new.
    pub fn conclusion(&self) -> String {
        let Comparison { verdict, union, tally, .. } = &self.total;
        let loss = (self.loss.arrived, self.loss.missing, self.loss.dead_lettered, self.loss.unjudged_producers);
        let (writes, unresolved) = ((self.total.writes, self.total.writes_differing), &self.unresolved);
        let (made_of, seen) = ((&self.fingerprint, self.limit_ppm), (self.seen, self.vanished));
        let all = format!("{made_of:?} {verdict:?} {union} {tally:?} {loss:?} {writes:?} {unresolved:?} {seen:?}");
        format!("{:016x}", first_u64(&Sha256::digest(all.as_bytes())))
    }

    /// Whether the same stores may lead to another report later, because something is unexplained or still on its way.
    pub const fn is_open(&self) -> bool {
        self.total.unexplained > 0
            || self.total.tally.queued > 0
            || self.loss.unexplained > 0
            || !self.unresolved.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parity::reporting::tests::report_of;
    use crate::parity::verdict::Verdict;

    type Change = fn(&mut ParityReport);

    fn changed(change: Change) -> ParityReport {
        let mut report = report_of(1_000, 0);
        change(&mut report);
        report
    }

    #[test]
    fn a_report_is_open_while_anything_is_unexplained_or_on_its_way() {
        assert!(!report_of(1_000, 0).is_open());
        let open: [Change; 5] = [
            |r| r.total.unexplained = 1,
            |r| r.total.tally.queued = 1,
            |r| r.loss.unexplained = 1,
            |r| r.unresolved.minutes.push(1),
            |r| r.unresolved.paths.push("/a".into()),
        ];
        for (at, change) in open.into_iter().enumerate() {
            assert!(changed(change).is_open(), "{at}");
        }
    }

    #[test]
    fn another_conclusion_differs_and_when_and_in_which_words_it_was_drawn_does_not_matter() {
        let before = report_of(1_000, 0).conclusion();
        assert!(before.len() == 16 && before.bytes().all(|byte| byte.is_ascii_hexdigit()), "{before}");
        let other: [Change; 9] = [
            |r| r.fingerprint.push('1'),
            |r| r.limit_ppm += 1,
            |r| r.total.verdict = Verdict::Pending,
            |r| r.total.union += 1,
            |r| r.total.tally.repeats += 1,
            |r| r.loss.missing += 1,
            |r| r.total.writes_differing += 1,
            |r| r.unresolved.minutes.push(1),
            |r| r.vanished.old += 1,
        ];
        for (at, change) in other.into_iter().enumerate() {
            assert_ne!(changed(change).conclusion(), before, "{at}");
        }
        let same: [Change; 3] = [|r| r.computed_at += 1, |r| r.revision += 1, |r| r.summary.push('!')];
        for (at, change) in same.into_iter().enumerate() {
            assert_eq!(changed(change).conclusion(), before, "{at}");
        }
    }
}
