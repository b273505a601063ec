//! Making a report of what was found.

use crate::flag::MILLION;
use crate::log::ledger::MissingNumbers;
use crate::sorted::{self, distinct};
use litemap::LiteMap;

use super::ask::{Minute, SetSum};
use super::comparison::{Comparison, WriteCounts, by_path, sets, share};
use super::difference::Difference;
use super::evidence::Evidence;
use super::loss::{ArrivalCounts, Loss};
use super::minute::MinuteFindings;
use super::report::{MAX_NAMED, MAX_PATHS, ParityReport, PlanFigure, StoreTotals};
use super::seen_events::SeenEvents;
use super::summary::ReportWords;
use super::unresolved::UnresolvedDifferences;
use super::verdict::Verdict;
use super::window::Window;

/// What a report is made of.
#[derive(Debug)]
pub struct ReportInputs<'a> {
    /// The window.
    pub window: Window,
    /// When it was compared, in ms.
    pub now_ms: u64,
    /// Time that stragglers have, in ms.
    pub lag_ms: u64,
    /// Largest mismatch rate that passes, in ppm.
    pub limit_ppm: u32,
    /// What each minute of the old store holds, in the window.
    pub old_minutes: &'a LiteMap<u64, Minute>,
    /// The same of the new store.
    pub new_minutes: &'a LiteMap<u64, Minute>,
    /// Dual events of the old store by route.
    pub old_paths: &'a LiteMap<String, SetSum>,
    /// The same of the new store.
    pub new_paths: &'a LiteMap<String, SetSum>,
    /// The minutes that differ.
    pub found: &'a [MinuteFindings],
    /// What arrived in the window, in either store.
    pub arrived: ArrivalCounts,
    /// Which writes carried the dual events.
    pub written: &'a WriteCounts,
    /// What is missing between them.
    pub missing: &'a MissingNumbers,
    /// Events that the old store and the new one hold in the window beyond one for each sequence number.
    pub counted_twice: [u64; 2],
    /// What could not be looked into.
    pub unresolved: UnresolvedDifferences,
    /// What is known besides.
    pub evidence: &'a Evidence,
    /// What the window looked like.
    pub fingerprint: String,
}

/// Makes the report.
pub fn report(inputs: &ReportInputs<'_>) -> ParityReport {
    let limit = f64::from(inputs.limit_ppm) / f64::from(MILLION);
    let found = all_found(inputs.found, inputs.counted_twice, inputs.window.from);
    let (routes, all) = sets(inputs.old_paths, &found, inputs.written);
    let mut paths = by_path(&routes, &found, limit);
    let failing_route =
        paths.iter().find(|path| path.comparison.verdict == Verdict::Fail).map(|path| path.path.clone());
    let mut total = Comparison::of(&all, limit);
    let total_exceeds = total.verdict == Verdict::Fail;
    let is_closed = inputs.window.is_closed(inputs.now_ms, inputs.lag_ms);
    let loss = Loss::of(inputs.arrived, inputs.missing, inputs.evidence, inputs.window, limit);
    total.verdict = if is_closed {
        conclude(&total, &loss, failing_route.is_some(), inputs.unresolved.is_empty())
    } else {
        Verdict::Pending
    };
    let words = ReportWords {
        total: &total,
        loss: &loss,
        unresolved: &inputs.unresolved,
        is_closed,
        limit,
        total_exceeds,
        failing_route: failing_route.as_deref(),
    };
    let summary = words.summary();
    let (differences, unnamed) = named(&found);
    let unlisted_paths = paths.len().saturating_sub(MAX_PATHS) as u64;
    paths.truncate(MAX_PATHS);
    let [old_twice, new_twice] = inputs.counted_twice;
    let (old, new) = (side(inputs.old_minutes, old_twice), side(inputs.new_minutes, new_twice));
    let known = distinct(inputs.old_minutes.keys().chain(inputs.new_minutes.keys()));
    ParityReport {
        window: inputs.window,
        revision: 0,
        computed_at: inputs.now_ms,
        summary,
        limit_ppm: inputs.limit_ppm,
        lag_ms: inputs.lag_ms,
        plan: PlanFigure::of(old.dual, new.dual),
        total,
        paths,
        unlisted_paths,
        differences,
        unnamed,
        unresolved: inputs.unresolved.clone(),
        loss,
        old,
        new,
        seen: SeenEvents::default(),
        vanished: SeenEvents::default(),
        minutes_differing: inputs.found.len() as u64,
        minutes: known.len() as u64,
        ids_fetched: inputs.found.iter().map(|found| found.fetched).sum(),
        dead_letters: inputs.evidence.letters,
        fingerprint: inputs.fingerprint.clone(),
    }
}

/// The verdict on a closed window. What is proven outranks what is on its way: even if all of that arrives, the window
/// fails.
const fn conclude(total: &Comparison, loss: &Loss, a_route_fails: bool, all_is_resolved: bool) -> Verdict {
    match (total.verdict, loss.verdict) {
        (Verdict::Fail, _) | (_, Verdict::Fail) => Verdict::Fail,
        _ if a_route_fails => Verdict::Fail,
        (_, Verdict::Pending) => Verdict::Pending,
        _ if total.tally.queued > 0 => Verdict::Pending,
        (Verdict::Pass, Verdict::Pass) if all_is_resolved => Verdict::Pass,
        _ => Verdict::Inconclusive,
    }
}

/// What was found, and what is counted twice beyond that.
fn all_found(found: &[MinuteFindings], [old, new]: [u64; 2], window_start: u64) -> Vec<MinuteFindings> {
    let told = |side: fn(&MinuteFindings) -> u64| found.iter().map(side).sum::<u64>();
    let beyond =
        old.saturating_sub(told(|found| found.further[0])) + new.saturating_sub(told(|found| found.further[1]));
    let unnamed = (beyond > 0).then(|| MinuteFindings::counted_twice(window_start, beyond));
    found.iter().cloned().chain(unnamed).collect()
}

fn named(found: &[MinuteFindings]) -> (Vec<Difference>, u64) {
    let mut differences: Vec<Difference> = found.iter().flat_map(|found| found.differences.iter().cloned()).collect();
    sorted::sort_by_key(&mut differences, |d| (d.reason, d.timestamp, d.digest));
    let unnamed = found.iter().map(|found| found.unnamed).sum::<u64>();
    let left_out = differences.len().saturating_sub(MAX_NAMED) as u64;
    differences.truncate(MAX_NAMED);
    (differences, unnamed + left_out)
}

fn side(minutes: &LiteMap<u64, Minute>, counted_twice: u64) -> StoreTotals {
    let mut sum = Minute::default();
    for minute in minutes.values() {
        sum.add(minute);
    }
    StoreTotals {
        events: sum.events,
        dual: sum.dual.requests,
        digest_sum: format!("{:016x}", sum.dual.digests),
        value_sum: format!("{:016x}", sum.dual.values),
        fallback: sum.fallback,
        absorbed: sum.absorbed,
        counted_twice,
    }
}

impl PlanFigure {
    fn of(old: u64, new: u64) -> Self {
        let difference_percent = (old > 0).then(|| share(new.abs_diff(old), old) * 100.0);
        Self { old, new, difference_percent }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::slice::from_ref;

    use super::*;
    use crate::event::ProducerId;
    use crate::log::ledger::{Gap, Ledger};
    use crate::parity::comparison::POOLED;
    use crate::parity::difference::{DifferenceKind, DifferenceReason};
    use crate::parity::minute::Tally;
    use crate::parity::window::WindowKind;

    /// The report on a closed hour in which the old store alone has so many of the events.
    pub(crate) fn report_of(union: u64, only_old: u64) -> ParityReport {
        by_route(&[("/a", union, only_old)])
    }

    /// The report on a closed hour in which every other event of 1,000 was lost on both paths.
    pub(crate) fn lost_on_both() -> ParityReport {
        let gap = |number| Gap { producer: ProducerId(1), first: number, last: number };
        with_loss(&[("/a", 1_000, 0)], &MissingNumbers { gaps: (0..500).map(|n| gap(2 * n)).collect(), unjudged: 0 })
    }

    pub(crate) fn by_route(routes: &[(&str, u64, u64)]) -> ParityReport {
        with_loss(routes, &MissingNumbers::default())
    }

    fn with_loss(routes: &[(&str, u64, u64)], missing: &MissingNumbers) -> ParityReport {
        let window = Window::containing(WindowKind::Hour, 1_730_956_800_000);
        let sums = |count: &dyn Fn(u64, u64) -> u64| -> LiteMap<String, SetSum> {
            let sum = |(path, union, only_old): &(&str, u64, u64)| {
                ((*path).to_owned(), SetSum { requests: count(*union, *only_old), digests: 0, values: 0 })
            };
            routes.iter().map(sum).collect()
        };
        let minutes = |paths: &LiteMap<String, SetSum>| {
            let mut minute = Minute::default();
            for sum in paths.values() {
                minute.dual.add(sum);
            }
            LiteMap::from_iter([(window.from, minute)])
        };
        let (old_paths, new_paths) = (sums(&|union, _| union), sums(&|union, only_old| union - only_old));
        let mut found = MinuteFindings::at(window.from, &Evidence::default());
        let mut first = 0;
        for (path, union, only_old) in routes {
            found.tallies.insert((*path).to_owned(), Tally { only_old: *only_old, ..Tally::default() });
            let numbers = (first..).take(usize::try_from(*only_old).unwrap()).map(|number| (1, number));
            found.writes.insert((*path).to_owned(), Ledger::of_numbers(numbers));
            first += u32::try_from(*union).unwrap();
        }
        let union = routes.iter().map(|(_, union, _)| union).sum();
        let counts: LiteMap<String, u64> = routes.iter().map(|(path, union, _)| ((*path).to_owned(), *union)).collect();
        let mut evidence = Evidence::default();
        (evidence.newest_window, evidence.now_ms) = (window.to, window.to);
        report(&ReportInputs {
            window,
            now_ms: window.to,
            lag_ms: 0,
            limit_ppm: 10_000,
            old_minutes: &minutes(&old_paths),
            new_minutes: &minutes(&new_paths),
            old_paths: &old_paths,
            new_paths: &new_paths,
            found: &[found],
            arrived: ArrivalCounts { numbers: union, writes: union },
            written: &WriteCounts { dual: union, old: counts.clone(), new: counts, is_cut: false },
            missing,
            counted_twice: [0, 0],
            unresolved: UnresolvedDifferences::default(),
            evidence: &evidence,
            fingerprint: "0".repeat(16),
        })
    }

    #[test]
    fn the_plans_figure_stands_beside_the_verdict() {
        let report = report_of(1_000, 50);
        assert_eq!((report.plan.old, report.plan.new, report.plan.difference_percent), (1_000, 950, Some(5.0)));
        assert_eq!((report.total.verdict, report.total.mismatches, report.total.unexplained), (Verdict::Fail, 50, 50));
        assert_eq!(report_of(0, 0).plan.difference_percent, None);
    }

    #[test]
    fn what_is_proven_outranks_what_is_on_its_way_and_that_outranks_a_pass() {
        use Verdict::{Fail, Inconclusive, Pass, Pending};
        let concluded = |total, loss, queued, a_route_fails, all_is_resolved| {
            let mut report = report_of(1_000, 0);
            (report.total.verdict, report.loss.verdict, report.total.tally.queued) = (total, loss, queued);
            conclude(&report.total, &report.loss, a_route_fails, all_is_resolved)
        };
        for (total, loss, queued, a_route_fails, all_is_resolved, expected) in [
            (Pass, Pass, 0, false, true, Pass),
            (Pass, Pass, 0, false, false, Inconclusive),
            (Pass, Pass, 1, false, true, Pending),
            (Pass, Pending, 0, false, true, Pending),
            (Pass, Inconclusive, 0, false, true, Inconclusive),
            (Inconclusive, Pass, 0, false, true, Inconclusive),
            (Fail, Pending, 1, false, true, Fail),
            (Pass, Fail, 1, false, true, Fail),
            (Pass, Pending, 1, true, true, Fail),
        ] {
            let found = concluded(total, loss, queued, a_route_fails, all_is_resolved);
            assert_eq!(found, expected, "{total:?} {loss:?} {queued} {a_route_fails} {all_is_resolved}");
        }
    }

    #[test]
    fn what_is_counted_twice_beyond_what_was_named_counts_all_the_same() {
        let found = MinuteFindings { further: [2, 1], ..MinuteFindings::default() };
        let beyond = |counted_twice, found: &[MinuteFindings]| {
            let all = all_found(found, counted_twice, 60_000);
            (all.len() - found.len(), all.iter().map(|found| found.unnamed).sum::<u64>())
        };
        assert_eq!(beyond([2, 1], from_ref(&found)), (0, 0), "each is named");
        assert_eq!(beyond([1, 1], from_ref(&found)), (0, 0));
        assert_eq!(beyond([5, 3], from_ref(&found)), (1, 3 + 2));
        assert_eq!(beyond([5, 3], &[found.clone(), found]), (1, 1 + 1));
        assert_eq!(beyond([0, 1], &[]), (1, 1));
    }

    #[test]
    fn named_differences_come_from_all_minutes_unexplained_ones_first_and_the_rest_is_counted() {
        let event = crate::event::tests::example();
        let difference = |timestamp, reason| Difference {
            timestamp,
            ..Difference::of(&event, DifferenceKind::OnlyOld, reason, Vec::new())
        };
        let minute = |differences, unnamed| MinuteFindings { differences, unnamed, ..MinuteFindings::default() };
        let explained = (0..600).map(|at| difference(at, Some(DifferenceReason::Fallback))).collect();
        let unexplained = (700..1_300).map(|at| difference(at, None)).collect();
        let (differences, unnamed) = named(&[minute(explained, 4), minute(unexplained, 3)]);
        assert_eq!((differences.len(), unnamed), (MAX_NAMED, 200 + 7));
        assert_eq!((differences[0].timestamp, differences[599].timestamp, differences[600].timestamp), (700, 1_299, 0));
    }

    #[test]
    fn a_route_that_fails_by_itself_fails_the_report() {
        let report = by_route(&[("/busy", 1_000_000, 0), ("/broken", 1_000, 400)]);
        assert_eq!((report.total.verdict, report.paths[0].path.as_str()), (Verdict::Fail, "/broken"));
        assert!(report.total.upper_bound < 0.01 && report.summary.contains("by itself"), "{}", report.summary);
    }

    #[test]
    fn routes_with_few_events_are_judged_together() {
        let report = by_route(&[("/a", 200, 0), ("/b", 200, 0), ("/c", 500, 0)]);
        let judged: Vec<_> = report.paths.iter().map(|p| (p.path.as_str(), p.comparison.union)).collect();
        assert_eq!(judged, [("/c", 500), (POOLED, 400)]);
    }

    #[test]
    fn a_small_route_that_lost_all_fails_the_report_by_its_name() {
        let others: Vec<String> = (0..199).map(|n| format!("/clean/{n}")).collect();
        let mut routes: Vec<(&str, u64, u64)> = others.iter().map(|path| (path.as_str(), 290, 0)).collect();
        routes.push(("/a", 290, 290));
        let report = by_route(&routes);
        let worst = &report.paths[0];
        assert_eq!((report.total.verdict, worst.path.as_str(), worst.comparison.union), (Verdict::Fail, "/a", 290));
        assert!(report.total.upper_bound < 0.01 && report.summary.contains("/a by itself"), "{}", report.summary);
    }

    #[test]
    fn a_report_survives_text() {
        let report = report_of(1_000, 3);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<ParityReport>(&text).unwrap(), report);
    }
}
