//! The verdict in words: what was seen, and of what there is too little.

use super::bounds;
use super::comparison::Comparison;
use super::loss::Loss;
use super::unresolved::UnresolvedDifferences;
use super::verdict::Verdict;

/// What there is to say of a window.
pub(super) struct ReportWords<'a> {
    pub total: &'a Comparison,
    pub loss: &'a Loss,
    pub unresolved: &'a UnresolvedDifferences,
    /// Whether the window is closed.
    pub is_closed: bool,
    /// Largest rate that passes, 0 to 1.
    pub limit: f64,
    /// Whether the total proves a rate above the limit.
    pub total_exceeds: bool,
    /// A route that fails by itself.
    pub failing_route: Option<&'a str>,
}

fn percent(rate: f64) -> String {
    format!("{:.3} %", rate * 100.0)
}

impl ReportWords<'_> {
    /// The verdict in words, and what both paths lost if that is not what they are about.
    pub fn summary(&self) -> String {
        let (words, lost) = (self.verdict(), self.loss.unexplained);
        if lost == 0 || words.contains("both paths") {
            words
        } else {
            format!("{words}; {lost} more were lost on both paths")
        }
    }

    fn verdict(&self) -> String {
        let Comparison { union, mismatches, unexplained, tally, .. } = self.total;
        let (lower, upper) = (percent(self.total.lower_bound), percent(self.total.upper_bound));
        let limit = percent(self.limit);
        match self.total.verdict {
            Verdict::Pending if !self.is_closed => "the window is not closed yet".to_owned(),
            Verdict::Pending if tally.queued > 0 => {
                format!("{} events are still on their way to the new store", tally.queued)
            }
            Verdict::Pending => {
                format!("{} events are in neither store yet, and the new path is behind", self.loss.unexplained)
            }
            Verdict::Inconclusive if !self.unresolved.is_empty() => self.unresolved.summary(),
            Verdict::Inconclusive => self.what_is_missing(),
            Verdict::Pass if *mismatches == 0 => format!("{union} events, all the same: the rate is below {upper}"),
            Verdict::Pass => format!(
                "{mismatches} of {union} differ, {unexplained} unexplained: the rate is below {upper}, the limit {limit}"
            ),
            Verdict::Fail => match self.failing_route {
                _ if self.total_exceeds => format!(
                    "{mismatches} of {union} differ, {unexplained} unexplained: the rate is above {lower}, the limit {limit}"
                ),
                Some(route) => {
                    format!(
                        "{mismatches} of {union} differ, and the route {route} by itself exceeds the limit of {limit}"
                    )
                }
                None => {
                    let Loss { unexplained, arrived, lower_bound, .. } = self.loss;
                    format!(
                        "{unexplained} events were lost on both paths while {arrived} arrived: the rate is above {}, the limit {limit}",
                        percent(*lower_bound)
                    )
                }
            },
        }
    }

    /// What there is too little of to say more.
    fn what_is_missing(&self) -> String {
        let Comparison { union, mismatches, writes, writes_differing, .. } = self.total;
        let limit = percent(self.limit);
        let fewest = bounds::fewest(self.limit);
        if *union == 0 {
            return "no event was meant for both stores".to_owned();
        }
        if *mismatches > 0 {
            let (by_events, by_writes) = (
                between(self.total.lower_bound, self.total.upper_bound),
                between(self.total.writes_lower_bound, self.total.writes_upper_bound),
            );
            return format!(
                "{mismatches} of {union} events differ, in {writes_differing} of {writes} writes: the rate is {by_events} \
                 by events and {by_writes} by writes, the limit {limit}"
            );
        }
        if *union < fewest {
            return format!("{union} events, all the same; at least {fewest} are needed to prove a rate below {limit}");
        }
        if *writes < fewest {
            return format!(
                "{union} events came in {writes} writes, all the same; at least {fewest} writes are needed to prove a rate \
                 below {limit}, because events of one write are lost together"
            );
        }
        let Loss { unexplained, dead_lettered, lower_bound, upper_bound, unjudged_producers, .. } = self.loss;
        format!(
            "{union} events, all the same; {unexplained} were lost on both paths, {dead_lettered} are in dead letters, and \
             {unjudged_producers} isolates can't be judged: that loss is {}, the limit {limit}",
            between(*lower_bound, *upper_bound)
        )
    }
}

fn between(low: f64, high: f64) -> String {
    format!("between {} and {}", percent(low), percent(high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parity::report::ParityReport;
    use crate::parity::reporting::tests::report_of;

    const LIMIT: f64 = 0.01;

    type Change = fn(&mut ParityReport);

    /// A report on 1,000 events that came in 1,000 writes and are all the same, but for a change.
    fn report(verdict: Verdict, change: Change) -> ParityReport {
        let mut report = report_of(1_000, 0);
        report.total.verdict = verdict;
        change(&mut report);
        report
    }

    fn words(report: &ParityReport) -> ReportWords<'_> {
        ReportWords {
            total: &report.total,
            loss: &report.loss,
            unresolved: &report.unresolved,
            is_closed: true,
            limit: LIMIT,
            total_exceeds: false,
            failing_route: None,
        }
    }

    #[test]
    fn a_pending_report_says_what_it_waits_for() {
        let open = report(Verdict::Pending, |r| r.total.tally.queued = 3);
        assert!(ReportWords { is_closed: false, ..words(&open) }.summary().contains("not closed yet"));
        assert!(words(&open).summary().contains("3 events are still on their way"));
        let behind = report(Verdict::Pending, |r| r.loss.unexplained = 2);
        assert!(words(&behind).summary().contains("2 events are in neither store yet"));
    }

    #[test]
    fn an_inconclusive_report_says_of_what_there_is_too_little() {
        let cases: [(Change, &str); 7] = [
            (|r| r.unresolved.minutes.push(1), "sums differ in 1 minutes"),
            (|r| r.total.union = 0, "no event was meant for both"),
            (
                |r| (r.total.mismatches, r.total.writes_differing) = (7, 2),
                "7 of 1000 events differ, in 2 of 1000 writes",
            ),
            (|r| r.total.union = 298, "298 events, all the same; at least 299 are needed"),
            (|r| (r.total.union, r.total.writes) = (299, 298), "299 events came in 298 writes"),
            (|r| (r.total.union, r.total.writes) = (299, 299), "0 were lost on both paths, 0 are in dead letters"),
            (|r| r.loss.unjudged_producers = 4, "4 isolates can't be judged"),
        ];
        for (change, part) in cases {
            let report = report(Verdict::Inconclusive, change);
            let summary = words(&report).summary();
            assert!(summary.contains(part), "{part:?} in {summary:?}");
        }
    }

    #[test]
    fn a_failed_report_says_what_exceeds_the_limit() {
        let lost = report(Verdict::Fail, |r| (r.total.mismatches, r.loss.unexplained) = (60, 500));
        let by_total = ReportWords { total_exceeds: true, failing_route: Some("/a"), ..words(&lost) }.summary();
        assert!(by_total.starts_with("60 of 1000 differ") && by_total.contains("the rate is above"), "{by_total}");
        let by_route = ReportWords { failing_route: Some("/a"), ..words(&lost) }.summary();
        assert!(by_route.contains("the route /a by itself exceeds"), "{by_route}");
        assert!(words(&lost).summary().starts_with("500 events were lost on both paths while 1000 arrived"));
    }

    #[test]
    fn what_both_paths_lost_is_told_once_in_every_report() {
        let pass = report(Verdict::Pass, |_| {});
        assert!(words(&pass).summary().ends_with("events, all the same: the rate is below 0.299 %"));
        let with_loss = report(Verdict::Pass, |r| (r.total.mismatches, r.loss.unexplained) = (3, 5));
        let summary = words(&with_loss).summary();
        assert!(summary.starts_with("3 of 1000 differ") && summary.ends_with("; 5 more were lost on both paths"));
        let about_loss = report(Verdict::Fail, |r| r.loss.unexplained = 500);
        assert_eq!(words(&about_loss).summary().matches("lost on both paths").count(), 1);
    }
}
