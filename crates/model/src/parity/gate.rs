//! The gate of a ramp: decides whether the next step may be taken, by the state of both stores and their parity.
//!
//! Invariant: whatever is unknown holds the ramp. A step needs evidence; missing evidence never allows it. Each kind of
//! evidence is an argument of [`decide`] and has a check of its own.

use super::filed_report::FiledReport;
use super::verdict::Verdict;
use crate::counting::grain::HOUR_MS;

use crate::flag::document::Document;
use crate::flag::ramp_step::Gate;

/// How far back the gate looks, in ms: 10 minutes.
pub const LOOK_BACK_MS: u64 = 10 * 60 * 1000;

/// Largest share of fallback events that passes: one in this many events (0.1 %).
pub const EVENTS_PER_FALLBACK: u64 = 1_000;

/// How long a parity report vouches for the stores after its window's end, in ms: until two later ones are overdue.
pub const REPORT_LIFE_MS: u64 = 3 * HOUR_MS;

/// How many events one store received lately, by cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CohortTotals {
    /// All of them.
    pub events: u64,
    /// Fallback events, which came by the other path than intended.
    pub fallback: u64,
    /// Dual events, meant for both stores.
    pub dual: u64,
}

/// Both paths in the last minutes. None where something could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PathHealth {
    /// Of the object.
    pub old: Option<CohortTotals>,
    /// Of D1.
    pub new: Option<CohortTotals>,
    /// Dead letters received.
    pub dead_letters: Option<u64>,
}

/// What parity's newest report on an hour says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParityProof {
    /// Reports can't be read.
    Unreadable,
    /// There is none.
    Missing,
    /// This.
    Report(FiledReport),
}

/// Decides whether the ramp of `document` may go on.
pub fn decide(document: &Document, health: &PathHealth, proof: &ParityProof, now_ms: u64) -> Gate {
    match trouble(document, health).or_else(|| doubt(document, proof, now_ms)) {
        Some(reason) => Gate::Hold(reason),
        None => Gate::Pass,
    }
}

/// Why parity does not vouch for the share that holds.
fn doubt(document: &Document, proof: &ParityProof, now_ms: u64) -> Option<String> {
    let report = match proof {
        ParityProof::Unreadable => return Some("parity's reports can't be read".into()),
        ParityProof::Missing => return Some("there is no parity report yet: see GET parity".into()),
        ParityProof::Report(report) => report,
    };
    let window = report.window;
    if report.verdict != Verdict::Pass {
        let whose =
            if report.against_old > report.against_new { "; most of it is missing in the old path" } else { "" };
        return Some(format!("the parity report {window} says {}{whose}: {}", report.verdict.name(), report.summary));
    }
    if now_ms.saturating_sub(window.to) > REPORT_LIFE_MS {
        return Some(format!("the newest parity report, {window}, is too old"));
    }
    let last_step =
        document.ramp.as_ref().filter(|ramp| ramp.next > 0).map(|ramp| ramp.due_at - ramp.every_ms.min(ramp.due_at));
    last_step
        .is_some_and(|at| window.to <= at)
        .then(|| format!("the newest parity report, {window}, is on the time before the last step"))
}

/// The first reason to hold, worded without figures that change each minute, so that it is logged once.
fn trouble(document: &Document, health: &PathHealth) -> Option<String> {
    let unreadable = |store: &str| format!("{store} can't be read");
    let Some(old) = health.old else { return Some(unreadable("the old store (object)")) };
    let (Some(new), Some(dead_letters)) = (health.new, health.dead_letters) else {
        return Some(unreadable("the new store (D1)"));
    };
    if dead_letters > 0 {
        return Some("dead letters were received in the last 10 minutes: see GET dead-letters".into());
    }
    if (old.fallback + new.fallback) * EVENTS_PER_FALLBACK > old.events + new.events {
        return Some("over 0.1 % of the last 10 minutes' events took the other path (fallback)".into());
    }
    if (document.queue_ppm > 0 || old.dual > 0) && new.events == 0 {
        return Some("the queue was given events, but the new store has no event of the last 10 minutes".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flag::ramp::Ramp;
    use crate::parity::reporting::tests::{lost_on_both, report_of};
    use crate::parity::window::{Window, WindowKind};

    fn document(queue_ppm: u32) -> Document {
        Document { queue_ppm, ..Document::read(include_str!("../../../../flags/scheme-b.json")).unwrap() }
    }

    const fn counts(events: u64, fallback: u64) -> CohortTotals {
        CohortTotals { events, fallback, dual: 0 }
    }

    const HEALTHY: PathHealth = PathHealth {
        old: Some(CohortTotals { events: 9_000, fallback: 0, dual: 0 }),
        new: Some(CohortTotals { events: 1_000, fallback: 0, dual: 0 }),
        dead_letters: Some(0),
    };

    #[test]
    fn health_passes_and_so_does_a_first_step_without_any_traffic() {
        let decide = |document: &Document, health: &PathHealth| decide(document, health, &proof(Verdict::Pass), NOW);
        assert_eq!(decide(&document(100_000), &HEALTHY), Gate::Pass);
        assert_eq!(
            decide(&document(1), &PathHealth { old: Some(counts(9_000, 10)), ..HEALTHY }),
            Gate::Pass,
            "just 0.1 %"
        );
        let silence = PathHealth { old: Some(counts(0, 0)), new: Some(counts(0, 0)), dead_letters: Some(0) };
        assert_eq!(decide(&document(0), &silence), Gate::Pass);
        let sampled = CohortTotals { dual: 1, ..counts(9_000, 0) };
        let lost = PathHealth { old: Some(sampled), new: Some(counts(0, 0)), ..HEALTHY };
        assert_ne!(decide(&document(0), &lost), Gate::Pass, "a sample that never arrives");
    }

    #[test]
    fn each_kind_of_trouble_holds_with_its_reason() {
        for (health, word) in [
            (PathHealth { old: None, ..HEALTHY }, "old store"),
            (PathHealth { new: None, ..HEALTHY }, "new store"),
            (PathHealth { dead_letters: None, ..HEALTHY }, "new store"),
            (PathHealth { dead_letters: Some(1), ..HEALTHY }, "dead letters"),
            (PathHealth { old: Some(counts(9_000, 11)), ..HEALTHY }, "0.1 %"),
            (PathHealth { new: Some(counts(1_000, 11)), ..HEALTHY }, "0.1 %"),
            (PathHealth { new: Some(counts(0, 0)), ..HEALTHY }, "no event"),
        ] {
            let Gate::Hold(reason) = decide(&document(1), &health, &proof(Verdict::Pass), NOW) else {
                panic!("{health:?} passes")
            };
            assert!(reason.contains(word), "{reason}");
        }
    }

    const NOW: u64 = 1_730_956_800_000;

    /// A report on the hour that ended 20 minutes ago.
    fn proof(verdict: Verdict) -> ParityProof {
        let window = Window::containing(WindowKind::Hour, NOW - HOUR_MS);
        ParityProof::Report(FiledReport { window, verdict, ..report_of(1_000, 0).filed() })
    }

    fn after(document: &Document, proof: &ParityProof, now_ms: u64) -> Option<String> {
        match decide(document, &HEALTHY, proof, now_ms) {
            Gate::Pass => None,
            Gate::Hold(reason) => Some(reason),
        }
    }

    #[test]
    fn only_a_fresh_pass_on_the_share_that_holds_lets_a_step_be_taken() {
        let plain = document(1);
        assert_eq!(after(&plain, &proof(Verdict::Pass), NOW), None);
        for verdict in [Verdict::Fail, Verdict::Inconclusive, Verdict::Pending] {
            assert!(after(&plain, &proof(verdict), NOW).unwrap().contains(verdict.name()));
        }
        let ParityProof::Report(fail) = proof(Verdict::Fail) else { panic!() };
        let old_fails = ParityProof::Report(FiledReport { against_new: 0, against_old: 60, ..fail });
        assert!(after(&plain, &old_fails, NOW).unwrap().contains("in the old path"), "it holds, and nothing is undone");
        let both = ParityProof::Report(FiledReport { verdict: Verdict::Fail, ..lost_on_both().filed() });
        assert!(after(&plain, &both, NOW).unwrap().contains("lost on both paths"), "it holds for shared loss, too");
        assert!(after(&plain, &ParityProof::Missing, NOW).unwrap().contains("no parity report"));
        assert!(after(&plain, &ParityProof::Unreadable, NOW).unwrap().contains("can't be read"));
        assert!(after(&plain, &proof(Verdict::Pass), NOW + REPORT_LIFE_MS).unwrap().contains("too old"));
        let stepped = |at| {
            let ramp = Ramp { steps: vec![1, 2], every_ms: 60_000, next: 1, due_at: at + 60_000, paused: false };
            Document { ramp: Some(ramp), ..document(1) }
        };
        let end = NOW - 20 * 60_000;
        assert!(after(&stepped(end), &proof(Verdict::Pass), NOW).unwrap().contains("before the last step"));
        assert_eq!(after(&stepped(end - 1), &proof(Verdict::Pass), NOW), None);
        let mut waiting = stepped(end);
        waiting.ramp.as_mut().unwrap().next = 0;
        assert_eq!(after(&waiting, &proof(Verdict::Pass), NOW), None, "no step was taken yet");
    }

    #[test]
    fn a_report_counts_for_its_whole_life_and_blames_only_the_path_that_is_worse() {
        let last = NOW - 20 * 60_000 + REPORT_LIFE_MS;
        assert_eq!(after(&document(1), &proof(Verdict::Pass), last), None);
        assert!(after(&document(1), &proof(Verdict::Pass), last + 1).unwrap().contains("too old"));
        let ParityProof::Report(fail) = proof(Verdict::Fail) else { panic!() };
        let alike = ParityProof::Report(FiledReport { against_new: 30, against_old: 30, ..fail });
        assert!(!after(&document(1), &alike, NOW).unwrap().contains("old path"));
    }
}
