//! A report, given the earlier reports on the same window.
//!
//! Invariant: a report that is made from less data than an earlier one says so. Stores only gain events. A store with
//! fewer events than before has lost some (it was restored, or events were deleted), so the window fails whatever the
//! remaining events show.

use super::report::ParityReport;
use super::seen_events::SeenEvents;
use super::verdict::Verdict;

impl ParityReport {
    /// The same report, checked against the most that earlier revisions saw. It fails if a store now has less, and so
    /// do later revisions, until the missing events are back.
    #[must_use]
    pub fn after(mut self, before: SeenEvents) -> Self {
        let now = SeenEvents { old: self.old.events, new: self.new.events, arrived: self.loss.arrived };
        self.seen = now.most(before);
        self.vanished = before.beyond(now);
        if !self.vanished.is_nothing() {
            self.total.verdict = Verdict::Fail;
            let SeenEvents { old, new, arrived } = self.vanished;
            let words = format!(
                "events vanished that were there when the window was compared before ({old} of the old store, {new} of the \
                 new one, {arrived} numbers): was a store restored, or shards changed? Of the rest: {}",
                self.summary
            );
            self.summary = words;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parity::reporting::tests::report_of;

    fn report(old: u64, new: u64) -> ParityReport {
        let mut report = report_of(1_000, 0);
        (report.old.events, report.new.events, report.loss.arrived) = (old, new, old.max(new));
        report
    }

    #[test]
    fn more_than_before_is_judged_by_itself() {
        let first = report(1_000, 990).after(SeenEvents::default());
        assert_eq!(
            (first.seen, first.total.verdict),
            (SeenEvents { old: 1_000, new: 990, arrived: 1_000 }, Verdict::Pass)
        );
        let second = report(1_000, 1_000).after(first.seen);
        assert_eq!((second.vanished, second.total.verdict), (SeenEvents::default(), Verdict::Pass));
    }

    #[test]
    fn less_than_before_on_either_side_fails_and_stays_failed_until_it_is_back() {
        let before = SeenEvents { old: 1_000, new: 1_000, arrived: 1_000 };
        for (old, new, vanished) in [
            (1_000, 999, SeenEvents { new: 1, ..SeenEvents::default() }),
            (1, 1_000, SeenEvents { old: 999, ..SeenEvents::default() }),
            (0, 0, before),
        ] {
            let report = report(old, new).after(before);
            assert_eq!((report.total.verdict, report.vanished, report.seen), (Verdict::Fail, vanished, before));
            assert!(report.summary.starts_with("events vanished"), "{}", report.summary);
        }
        let again = report(1_000, 999).after(before);
        assert_eq!(report(1_000, 999).after(again.seen).total.verdict, Verdict::Fail);
        assert_eq!(report(1_000, 1_001).after(again.seen).total.verdict, Verdict::Pass);
    }
}
