//! The guard: decides whether a report sets the flag back to the old path.
//!
//! Invariant: only a closed window's `fail` acts, at most once per report, and only where it speaks of the flag in
//! force and against the new path: going back to a path that is the worse one helps nobody. `inconclusive` and
//! `pending` never act. A failing old path acts on nothing here; it holds a ramp (`crates/model/src/parity/gate.rs`).

use crate::counting::grain::MINUTE_MS;
use crate::flag::document::{Document, Guard, GuardAction};
use crate::flag::{MILLION, Mode, ramp, ramp_step};

use super::bounds;
use super::filed_report::FiledReport;
use super::verdict::Verdict;

/// Author of the guard's changes.
pub const AUTHOR: &str = "guard";

/// How long a change of the flag may take to reach all routers, in ms: KV gives a minute or more.
pub const SPREAD_MS: u64 = 2 * MINUTE_MS;

/// How many changes of the flag are read to tell since when it is in force. A ramp has up to [`ramp::MAX_STEPS`] steps.
pub const CHANGES: u64 = 1 + ramp::MAX_STEPS as u64;

/// Since when (ms) the latest decision of a person, or of the guard, about the flag is in force. None without a change.
/// `changes` are the newest first, each as its time (ms) and author. A ramp's steps don't count as decisions: otherwise
/// the guard would never see a whole window while a ramp is running.
pub fn in_force_since<'a>(changes: impl IntoIterator<Item = (u64, &'a str)>) -> Option<u64> {
    let mut since = None;
    for (changed_at, author) in changes {
        since = Some(changed_at);
        if author != ramp_step::AUTHOR {
            break;
        }
    }
    since
}

/// Why the guard sets the old path alone. None if it doesn't. The text names the report and becomes the reason of the
/// change, so that a report leads to only one change. `since_ms` is what [`in_force_since`] returned.
pub fn reason_to_stop(report: &FiledReport, flag: &Document, since_ms: u64) -> Option<String> {
    let Guard { max_diff_ppm, min_events, action } = flag.guard?;
    let limit = f64::from(max_diff_ppm) / f64::from(MILLION);
    let is_of_this_flag = report.window.from >= since_ms.saturating_add(SPREAD_MS);
    let new_is_worse = report.against_new > report.against_old && exceeds(report, limit);
    let moves_traffic = flag.mode != Mode::DoOnly || !flag.overrides.is_empty();
    let acts = action == GuardAction::Rollback
        && moves_traffic
        && report.verdict == Verdict::Fail
        && is_of_this_flag
        && new_is_worse
        && report.compared >= u64::from(min_events);
    acts.then(|| format!("parity report {} revision {}: {}", report.window, report.revision, report.summary))
}

/// Whether what the new path did wrong by itself is proven to be above a limit: in events, and in the writes that carried
/// them, because loss comes by the message. Writes are not told apart by side; the new path is given its share of them.
fn exceeds(report: &FiledReport, limit: f64) -> bool {
    let FiledReport { compared, mismatches, against_new, writes, writes_differing, .. } = *report;
    let of_new = (u128::from(writes_differing) * u128::from(against_new)).checked_div(u128::from(mismatches));
    let of_new = of_new.and_then(|share| u64::try_from(share).ok()).unwrap_or_default();
    bounds::lower(against_new.min(compared), compared) > limit && bounds::lower(of_new.min(writes), writes) > limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parity::reporting::tests::report_of;

    fn flag(action: GuardAction, min_events: u32) -> Document {
        let guard = Some(Guard { max_diff_ppm: 10_000, min_events, action });
        Document { guard, ..Document::read(include_str!("../../../../flags/scheme-a.json")).unwrap() }
    }

    #[test]
    fn only_a_failure_of_enough_events_stops_and_names_its_report() {
        let fail = report_of(1_000, 50).filed();
        let reason = reason_to_stop(&fail, &flag(GuardAction::Rollback, 1_000), 0).unwrap();
        assert!(reason.starts_with(&format!("parity report {} revision 0: 50 of 1000", fail.window)), "{reason}");
        assert_eq!(reason_to_stop(&fail, &flag(GuardAction::Rollback, 1_001), 0), None);
        assert_eq!(reason_to_stop(&fail, &flag(GuardAction::None, 0), 0), None);
        assert_eq!(reason_to_stop(&fail, &Document { guard: None, ..flag(GuardAction::None, 0) }, 0), None);
        for report in [report_of(1_000, 0), report_of(100, 1), report_of(0, 0)].map(|report| report.filed()) {
            assert_eq!(reason_to_stop(&report, &flag(GuardAction::Rollback, 0), 0), None, "{}", report.summary);
        }
        let mut pending = fail.clone();
        pending.verdict = Verdict::Pending;
        assert_eq!(reason_to_stop(&pending, &flag(GuardAction::Rollback, 0), 0), None);
    }

    #[test]
    fn where_nothing_is_moved_there_is_nothing_to_stop() {
        let stopped = Document { mode: Mode::DoOnly, ..flag(GuardAction::Rollback, 0) };
        assert_eq!(reason_to_stop(&report_of(1_000, 50).filed(), &stopped, 0), None);
    }

    #[test]
    fn a_report_that_fails_for_what_both_paths_lost_moves_nothing_and_neither_do_few_writes() {
        let (fail, flag) = (report_of(1_000, 50).filed(), flag(GuardAction::Rollback, 0));
        assert!(reason_to_stop(&fail, &flag, 0).is_some());
        let lost = FiledReport { mismatches: 0, against_new: 0, writes_differing: 0, lost: 999, ..fail.clone() };
        assert_eq!(reason_to_stop(&lost, &flag, 0), None, "the old path lost it too");
        let few = FiledReport { writes: 20, writes_differing: 1, ..fail };
        assert_eq!(reason_to_stop(&few, &flag, 0), None, "one message of twenty may be chance");
    }

    #[test]
    fn a_window_that_began_before_the_flag_in_force_reached_all_routers_moves_nothing() {
        let (fail, flag) = (report_of(1_000, 50).filed(), flag(GuardAction::Rollback, 0));
        let begin = fail.window.from;
        assert!(reason_to_stop(&fail, &flag, begin - SPREAD_MS).is_some());
        for since in [begin - SPREAD_MS + 1, begin, begin + 2 * 365 * 24 * 60 * MINUTE_MS] {
            assert_eq!(reason_to_stop(&fail, &flag, since), None);
        }
    }

    #[test]
    fn a_ramps_steps_go_on_with_the_decision_before_them() {
        assert_eq!(in_force_since([(9, "ramp"), (7, "ramp"), (4, "ann"), (1, "bob")]), Some(4));
        assert_eq!(in_force_since([(9, "guard"), (7, "ann")]), Some(9));
        assert_eq!(in_force_since([(9, "ramp")]), Some(9));
        assert_eq!(in_force_since([]), None);
    }

    #[test]
    fn what_a_store_counts_twice_speaks_against_that_store() {
        let mut report = report_of(1_000, 0);
        (report.total.tally.only_new, report.old.counted_twice, report.new.counted_twice) = (3, 4, 50);
        let filed = report.filed();
        assert_eq!((filed.against_new, filed.against_old), (50, 7));
    }

    #[test]
    fn going_back_to_the_path_that_is_the_worse_one_is_never_done() {
        let (fail, flag) = (report_of(1_000, 60).filed(), flag(GuardAction::Rollback, 0));
        let sides = |against_new, against_old| FiledReport { against_new, against_old, ..fail.clone() };
        let one_message = FiledReport { writes: 10, writes_differing: 1, ..fail.clone() };
        assert_eq!(reason_to_stop(&one_message, &flag, 0), None, "one write of ten proves nothing");
        assert_eq!(reason_to_stop(&sides(0, 60), &flag, 0), None, "the old path lacks all of them");
        assert_eq!(reason_to_stop(&sides(5, 55), &flag, 0), None, "the new path by itself is below the limit");
        assert_eq!(reason_to_stop(&sides(30, 30), &flag, 0), None, "neither is the worse one");
        assert!(reason_to_stop(&sides(50, 10), &flag, 0).is_some());
    }
}
