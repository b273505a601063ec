//! Loss on both paths: sequence numbers that reached neither store. Comparing the stores can't show it.
//!
//! Invariant: events that can't be judged, or that are in a dead letter, count as lost in a proof of a low rate, and as
//! not lost in a proof of a high rate.

use serde::{Deserialize, Serialize};

use crate::counting::grain::MINUTE_MS;
use crate::log::ledger::{Gap, MissingNumbers};

use super::bounds;
use super::comparison::share;
use super::evidence::{Evidence, QUEUE_PATIENCE_MS};
use super::verdict::{ComparisonCounts, CountRange, Sample, Verdict, proves_above, proves_below};
use super::window::Window;

/// Gaps that a report names.
pub const MAX_GAPS: usize = 100;

/// Loss on both paths, by sequence numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Loss {
    /// The conclusion: whether the rate is below the limit.
    pub verdict: Verdict,
    /// Sequence numbers that arrived in either store, of any mode.
    pub arrived: u64,
    /// Numbers that are missing between them.
    pub missing: u64,
    /// Missing numbers that are in dead letters.
    pub dead_lettered: u64,
    /// Missing numbers without an explanation.
    pub unexplained: u64,
    /// Unexplained missing numbers as a share of themselves and all that arrived, 0 to 1.
    pub rate: f64,
    /// The rate is at least this, with 95 % confidence: by events or by writes, whichever is lower.
    pub lower_bound: f64,
    /// The rate is at most this, with 95 % confidence: by events or by writes, whichever is higher.
    pub upper_bound: f64,
    /// Writes that arrived in either store, of any mode.
    pub writes: u64,
    /// The least number of writes that were lost: at least one for each run of missing numbers.
    pub lost_writes: u64,
    /// Producers whose numbers before the window can't be judged, because they had sent nothing for long.
    pub unjudged_producers: u64,
    /// The missing numbers, as far as they are listed.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_GAPS)))]
    pub gaps: Vec<Gap>,
}

/// How much arrived in a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArrivalCounts {
    /// Sequence numbers, in either store.
    pub numbers: u64,
    /// Writes that carried them.
    pub writes: u64,
}

impl Loss {
    /// Judges what is missing. `limit` is a rate, 0 to 1.
    pub(super) fn of(
        arrived: ArrivalCounts,
        missing: &MissingNumbers,
        evidence: &Evidence,
        window: Window,
        limit: f64,
    ) -> Self {
        let unexplained: Vec<u64> =
            missing.gaps.iter().map(|gap| gap.len().saturating_sub(evidence.dead_in(gap))).filter(|n| *n > 0).collect();
        let total: u64 = unexplained.iter().sum();
        let gaps: Vec<u64> = missing.gaps.iter().map(Gap::len).collect();
        let all: u64 = gaps.iter().sum();
        let sample = sample(arrived, &unexplained, missing.unjudged);
        // Events in dead letters are in neither store all the same.
        let at_worst = self::sample(arrived, &gaps, missing.unjudged);
        let verdict = if proves_above(&sample, limit) {
            if may_arrive(evidence, window) { Verdict::Pending } else { Verdict::Fail }
        } else if proves_below(&at_worst, limit) {
            Verdict::Pass
        } else if total > 0 && may_arrive(evidence, window) {
            Verdict::Pending
        } else {
            Verdict::Inconclusive
        };
        let Sample { writes, differing, .. } = sample;
        Self {
            verdict,
            arrived: arrived.numbers,
            missing: all,
            dead_lettered: all - total,
            unexplained: total,
            rate: share(total, arrived.numbers + total),
            lower_bound: bounds::lower(total, arrived.numbers + total).min(bounds::lower(differing.least, writes.most)),
            upper_bound: bounds::upper(at_worst.events.mismatches, at_worst.events.union)
                .max(bounds::upper(at_worst.differing.most, at_worst.writes.least)),
            writes: arrived.writes,
            lost_writes: differing.least,
            unjudged_producers: missing.unjudged,
            gaps: missing.gaps.iter().take(MAX_GAPS).copied().collect(),
        }
    }
}

/// What was seen of shared loss. A run of missing numbers is one lost write at least; at most it is as many as writes
/// that arrived would need for so many numbers. Each producer that can't be judged may have lost a write.
fn sample(arrived: ArrivalCounts, unexplained: &[u64], unjudged: u64) -> Sample {
    let size = arrived.numbers.div_ceil(arrived.writes.max(1)).max(1);
    let least = unexplained.len() as u64;
    let most = unexplained.iter().map(|lost| lost.div_ceil(size)).sum::<u64>() + unjudged;
    let lost = unexplained.iter().sum::<u64>() + unjudged * size;
    Sample {
        events: ComparisonCounts { union: arrived.numbers + lost, mismatches: lost },
        writes: CountRange { least: arrived.writes + least, most: arrived.writes + most },
        differing: CountRange { least, most },
    }
}

/// Whether what is missing may still be in the queue: the new store has not come to the window's end yet, and that was
/// not long ago.
fn may_arrive(evidence: &Evidence, window: Window) -> bool {
    evidence.newest_window + MINUTE_MS < window.to && evidence.now_ms < window.to.saturating_add(QUEUE_PATIENCE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ProducerId;
    use crate::parity::window::WindowKind;

    fn window() -> Window {
        Window::containing(WindowKind::Hour, 1_730_956_800_000)
    }

    /// The new path has come to the window's end.
    fn just_now() -> Evidence {
        let mut evidence = Evidence::default();
        (evidence.now_ms, evidence.newest_window) = (window().to, window().to);
        evidence
    }

    fn loss(arrived: (u64, u64), gaps: &[u32], unjudged: u64, evidence: &Evidence) -> Loss {
        let gap = |n: &u32| Gap { producer: ProducerId(1), first: 1, last: *n };
        let missing = MissingNumbers { gaps: gaps.iter().map(gap).collect(), unjudged };
        Loss::of(ArrivalCounts { numbers: arrived.0, writes: arrived.1 }, &missing, evidence, window(), 0.01)
    }

    #[test]
    fn half_of_all_events_lost_on_both_paths_fails_unless_they_may_still_arrive() {
        let mut evidence = just_now();
        let lost: Vec<u32> = vec![1; 999];
        let verdict = |evidence: &Evidence| loss((1_001, 1_001), &lost, 0, evidence).verdict;
        assert_eq!(verdict(&evidence), Verdict::Fail);
        evidence.newest_window = window().from;
        assert_eq!(verdict(&evidence), Verdict::Pending, "the new path is behind");
        evidence.now_ms = window().to + QUEUE_PATIENCE_MS;
        assert_eq!(verdict(&evidence), Verdict::Fail, "for too long");
    }

    #[test]
    fn what_both_stores_lack_is_no_pass_because_it_is_in_dead_letters() {
        let mut evidence = just_now();
        for seq in 1..=999 {
            evidence.add_letter(&format!(r#"{{"producer":"0000000000000001","seq":{seq}}}"#));
        }
        let loss = loss((1_001, 1_001), &[999], 0, &evidence);
        assert_eq!((loss.verdict, loss.dead_lettered, loss.unexplained), (Verdict::Inconclusive, 999, 0));
        assert_eq!((loss.rate, loss.lower_bound, loss.lost_writes), (0.0, 0.0, 0), "none of it is without explanation");
        assert!(loss.upper_bound > 0.4, "{}", loss.upper_bound);
    }

    #[test]
    fn what_is_only_partly_in_dead_letters_is_told_in_parts() {
        let mut evidence = just_now();
        for seq in 1..=30 {
            evidence.add_letter(&format!(r#"{{"producer":"0000000000000001","seq":{seq}}}"#));
        }
        let loss = loss((150, 15), &[80], 0, &evidence);
        assert_eq!((loss.missing, loss.dead_lettered, loss.unexplained, loss.lost_writes), (80, 30, 50, 1));
        assert!((loss.rate - 0.25).abs() < 1e-9, "{}", loss.rate);
        let by_events = bounds::lower(50, 200);
        assert!((loss.lower_bound - by_events.min(bounds::lower(1, 15 + 5))).abs() < 1e-9, "{}", loss.lower_bound);
    }

    #[test]
    fn the_lower_bound_is_that_of_events_where_writes_say_more() {
        let found = loss((10_000, 20), &[1; 10], 0, &just_now());
        let (by_events, by_writes) = (bounds::lower(10, 10_010), bounds::lower(10, 20 + 10));
        assert!(by_events < by_writes && (found.lower_bound - by_events).abs() < 1e-12, "{}", found.lower_bound);
    }

    #[test]
    fn nothing_is_pending_where_nothing_is_missing_or_the_new_path_is_through() {
        let mut evidence = just_now();
        evidence.newest_window = window().to - MINUTE_MS - 1;
        let verdict = |gaps: &[u32], evidence: &Evidence| loss((900, 9), gaps, 0, evidence).verdict;
        assert_eq!(verdict(&[], &evidence), Verdict::Inconclusive);
        assert_eq!(verdict(&[1], &evidence), Verdict::Pending);
        evidence.newest_window = window().to - MINUTE_MS;
        assert_eq!(verdict(&[1], &evidence), Verdict::Inconclusive, "its last minute has come");
    }

    #[test]
    fn a_gap_is_one_lost_write_at_least_and_as_many_as_its_numbers_fill_at_most() {
        // Ten numbers to a write; a producer that can't be judged may have lost one write.
        let found = sample(ArrivalCounts { numbers: 100, writes: 10 }, &[5, 25], 2);
        assert_eq!(found.differing, CountRange { least: 2, most: 1 + 3 + 2 });
        assert_eq!(found.writes, CountRange { least: 10 + 2, most: 10 + 6 });
        assert_eq!(found.events, ComparisonCounts { union: 100 + 50, mismatches: 5 + 25 + 2 * 10 });
    }

    #[test]
    fn loss_is_judged_by_writes_and_what_cannot_be_judged_weakens_it() {
        let evidence = just_now();
        let verdict = |arrived, gaps: &[u32], unjudged| loss(arrived, gaps, unjudged, &evidence).verdict;
        assert_eq!(verdict((40_000, 400), &[], 0), Verdict::Pass);
        assert_eq!(verdict((900, 9), &[100], 0), Verdict::Inconclusive, "one lost message of ten proves nothing");
        assert_eq!(verdict((2_900, 29), &[], 0), Verdict::Inconclusive, "nor do 29 that were not");
        assert_eq!(verdict((40_000, 400), &[], 4), Verdict::Inconclusive, "four were silent for long");
        assert_eq!(verdict((40_000, 400), &[1_000], 0), Verdict::Inconclusive, "one run may be ten writes");
    }
}
