//! The guard: what a report does to the flag.
//!
//! Invariant: only a closed window's `fail` acts, at most once per report; `inconclusive` and `pending` never do.

use crate::domain::flag::document::{Document, Guard, GuardAction};
use crate::domain::flag::{MILLION, Mode};

use super::bounds;
use super::report::Filed;
use super::verdict::Verdict;

/// Author of the guard's changes.
pub const AUTHOR: &str = "guard";

/// Why the guard sets the old path alone, if it does. The text names the report: a change that gives it as its reason
/// was made for this report, and is made once.
pub fn reason_to_stop(report: &Filed, flag: &Document) -> Option<String> {
    let Guard { max_diff_ppm, min_events, action } = flag.guard?;
    let limit = f64::from(max_diff_ppm) / f64::from(MILLION);
    let exceeds = report.verdict == Verdict::Fail && bounds::lower(report.mismatches, report.compared) > limit;
    let moves_traffic = flag.mode != Mode::DoOnly || !flag.overrides.is_empty();
    let acts = action == GuardAction::Rollback && moves_traffic && exceeds && report.compared >= u64::from(min_events);
    acts.then(|| format!("parity report {} revision {}: {}", report.window, report.revision, report.summary))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::parity::report::tests::report_of;

    fn flag(action: GuardAction, min_events: u32) -> Document {
        let guard = Some(Guard { max_diff_ppm: 10_000, min_events, action });
        Document { guard, ..Document::read(include_str!("../../../flags/scheme-a.json")).unwrap() }
    }

    #[test]
    fn only_a_failure_of_enough_events_stops_and_names_its_report() {
        let fail = report_of(1_000, 50).filed();
        let reason = reason_to_stop(&fail, &flag(GuardAction::Rollback, 1_000)).unwrap();
        assert!(reason.starts_with(&format!("parity report {} revision 0: 50 of 1000", fail.window)), "{reason}");
        assert_eq!(reason_to_stop(&fail, &flag(GuardAction::Rollback, 1_001)), None);
        assert_eq!(reason_to_stop(&fail, &flag(GuardAction::None, 0)), None);
        assert_eq!(reason_to_stop(&fail, &Document { guard: None, ..flag(GuardAction::None, 0) }), None);
        for report in [report_of(1_000, 0), report_of(100, 1), report_of(0, 0)].map(|report| report.filed()) {
            assert_eq!(reason_to_stop(&report, &flag(GuardAction::Rollback, 0)), None, "{}", report.summary);
        }
        let mut pending = fail.clone();
        pending.verdict = Verdict::Pending;
        assert_eq!(reason_to_stop(&pending, &flag(GuardAction::Rollback, 0)), None);
    }

    #[test]
    fn where_nothing_is_moved_there_is_nothing_to_stop() {
        let stopped = Document { mode: Mode::DoOnly, ..flag(GuardAction::Rollback, 0) };
        assert_eq!(reason_to_stop(&report_of(1_000, 50).filed(), &stopped), None);
    }
}
