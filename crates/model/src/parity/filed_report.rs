//! The summary of a report that is filed: enough to act on it.

use super::report::ParityReport;
use super::verdict::Verdict;
use super::window::Window;

/// The summary of a report that is needed to act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledReport {
    /// The window.
    pub window: Window,
    /// 1 for the first report on it.
    pub revision: u64,
    /// What was concluded.
    pub verdict: Verdict,
    /// Events in either store that were meant for both.
    pub compared: u64,
    /// Events among them in which the stores differ.
    pub mismatches: u64,
    /// Writes that carried the compared events.
    pub writes: u64,
    /// Writes that carried mismatches.
    pub writes_differing: u64,
    /// Events that reached neither store, by sequence numbers, and are in no dead letter.
    pub lost: u64,
    /// Those of the mismatches that speak against the new path.
    pub against_new: u64,
    /// Those that speak against the old one.
    pub against_old: u64,
    /// The verdict in words.
    pub summary: String,
    /// When it was made, in ms.
    pub computed_at: u64,
}

impl ParityReport {
    /// The summary to file.
    pub fn filed(&self) -> FiledReport {
        FiledReport {
            window: self.window,
            revision: self.revision,
            verdict: self.total.verdict,
            compared: self.total.union,
            mismatches: self.total.mismatches,
            writes: self.total.writes,
            writes_differing: self.total.writes_differing,
            lost: self.loss.unexplained,
            against_new: self.against_new(),
            against_old: self.against_old(),
            summary: self.summary.clone(),
            computed_at: self.computed_at,
        }
    }

    /// Differences that speak against the new path: what it lacks, counts twice, or has other values of. The old path is
    /// the one that is relied on, so that a value that differs is taken for the new one's fault.
    const fn against_new(&self) -> u64 {
        self.total.tally.only_old + self.total.tally.value_differs + self.new.counted_twice
    }

    /// Differences that speak against the old path: what it lacks or counts twice.
    const fn against_old(&self) -> u64 {
        self.total.tally.only_new + self.old.counted_twice
    }
}

#[cfg(test)]
mod tests {
    use crate::parity::reporting::tests::report_of;

    #[test]
    fn what_a_path_lacks_or_counts_twice_speaks_against_it_and_values_that_differ_against_the_new_one() {
        let mut report = report_of(1_000, 0);
        let tally = &mut report.total.tally;
        (tally.only_old, tally.only_new, tally.value_differs) = (100, 20, 3);
        (report.old.counted_twice, report.new.counted_twice) = (4, 5_000);
        assert_eq!((report.filed().against_new, report.filed().against_old), (100 + 3 + 5_000, 20 + 4));
    }
}
