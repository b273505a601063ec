//! The guard and the ramp change the flag only on proof, and nobody does while a stop holds.

use model::flag::document::DatedDocument;
use model::flag::{Mode, ramp_step};
use model::parity::filed_report::FiledReport;
use model::parity::guard;
use model::parity::verdict::Verdict;
use model::parity::window::WindowKind;
use store::flag::history::FlagHistory;
use store::parity::reports::Reports;

use super::{Happening, Property, ensure};
use crate::sight::Sight;

/// Changes that are looked at: a story has fewer.
const MOST: u64 = 60;

#[derive(Default)]
pub struct ChangesProven {
    known: u64,
}

fn by_guard(change: &DatedDocument, before: &DatedDocument, sight: &Sight<'_>) -> Result<(), String> {
    let reports = Reports::new(sight.world.d1().clone());
    let filed = rig::block_on(reports.newest_filed(WindowKind::Hour, MOST)).unwrap();
    let is_named = |text: &str| change.document.reason.contains(text);
    // A later revision may say something else by now.
    let cause = filed.iter().find(|report| is_named(&report.window.to_string()));
    let Some(cause) = cause else { return Err(format!("the guard names no report: {}", change.document.reason)) };
    let is_newest = is_named(&format!("revision {}:", cause.revision));
    ensure(!is_newest || (cause.verdict == Verdict::Fail && cause.against_new > cause.against_old), || {
        format!("the guard acts on {cause:?}")
    })?;
    ensure(cause.window.from >= before.changed_at || before.document.updated_by == ramp_step::AUTHOR, || {
        format!("the guard acts on {}, before version {} held", cause.window, before.document.version)
    })?;
    ensure(before.document.mode != Mode::DoOnly, || "the guard moves what is on the old path".to_owned())
}

fn by_ramp(change: &DatedDocument, sight: &Sight<'_>) -> Result<(), String> {
    let reports = Reports::new(sight.world.d1().clone());
    let filed = rig::block_on(reports.newest_filed(WindowKind::Hour, MOST)).unwrap();
    let newest = filed.iter().find(|report| report.window.to <= change.changed_at);
    // A later revision may say something else by now.
    let is_proof = |report: &FiledReport| {
        report.revision > 1 || (report.verdict == Verdict::Pass && report.computed_at <= change.changed_at)
    };
    ensure(newest.is_some_and(is_proof), || {
        format!("version {} of the ramp, while the newest report is {newest:?}", change.document.version)
    })
}

fn while_stopped(change: &DatedDocument, sight: &Sight<'_>) -> Result<(), String> {
    // A change that began before the stop was accepted, or while it was being released, may end after it.
    let held = sight.truth.stops.iter().find(|stop| {
        stop.at_ms + 120_000 < change.changed_at && stop.released_ms.is_none_or(|at| change.changed_at < at)
    });
    ensure(held.is_none() || change.document.updated_by == "op", || {
        format!("{} changed the flag while {held:?} held", change.document.updated_by)
    })
}

impl Property for ChangesProven {
    fn name(&self) -> &'static str {
        "the flag changes only on proof"
    }

    fn on_event(&mut self, _: &Happening, sight: &Sight<'_>) -> Result<(), String> {
        let count = sight.world.d1().count("flags");
        if count == self.known || sight.truth.restored_ms.is_some() {
            return Ok(());
        }
        self.known = count;
        let history = rig::block_on(FlagHistory::new(sight.world.d1().clone()).newest(MOST)).unwrap();
        for pair in history.windows(2) {
            let [change, before] = pair else { continue };
            match change.document.updated_by.as_str() {
                guard::AUTHOR => by_guard(change, before, sight)?,
                ramp_step::AUTHOR => by_ramp(change, sight)?,
                _ => continue,
            }
            while_stopped(change, sight)?;
        }
        Ok(())
    }
}
