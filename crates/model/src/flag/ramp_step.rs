//! Taking the steps of a document's ramp.
//!
//! Invariant: a step is taken when it is due and the stores agree, and at most one at a time; a ramp that holds or pauses
//! stays where it is.

use super::document::Document;
use super::ramp::{Ramp, RampStage};

/// Author of a ramp's steps.
pub const AUTHOR: &str = "ramp";

/// What is known of the stores' agreement when a step is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// They agree: go on.
    Pass,
    /// They don't agree, or it is not known whether they do, for this reason.
    Hold(String),
}

/// What a ramp does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advance {
    /// Nothing is due.
    Wait,
    /// A step is due and is held back, for this reason.
    Hold(String),
    /// The document with the step taken, under the next version.
    Step(Box<Document>),
}

/// Delays the ramp's next step to a whole interval after the latest release of a stop, so that ending a stop never
/// moves more traffic by itself than before the stop.
#[must_use]
pub fn after_release(mut document: Document, released_at: Option<u64>) -> Document {
    if let (Some(ramp), Some(released_at)) = (&mut document.ramp, released_at) {
        ramp.due_at = ramp.due_at.max(released_at.saturating_add(ramp.every_ms));
    }
    document
}

/// What a document's ramp does at `now_ms`, given the `gate`. `now` is the same time as RFC 3339.
pub fn advance(document: &Document, now_ms: u64, now: &str, gate: &Gate) -> Advance {
    let Some(ramp) = document.ramp.as_ref().filter(|ramp| ramp.stage(now_ms) == RampStage::Due) else {
        return Advance::Wait;
    };
    let Some(step) = ramp.steps.get(ramp.next) else { return Advance::Wait };
    if let Gate::Hold(reason) = gate {
        return Advance::Hold(reason.clone());
    }
    let mut next = document.clone();
    next.version = document.version.saturating_add(1);
    // A person may have raised the share beyond the step: it never goes back.
    next.queue_ppm = document.queue_ppm.max(*step);
    next.ramp = Some(Ramp { next: ramp.next + 1, due_at: now_ms + ramp.every_ms, ..ramp.clone() });
    now.clone_into(&mut next.updated_at);
    AUTHOR.clone_into(&mut next.updated_by);
    next.reason = format!("step {} of {}: the gate let it pass", ramp.next + 1, ramp.steps.len());
    Advance::Step(Box::new(next))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flag::Mode;
    use crate::flag::ramp::MAX_STEPS;

    fn document(steps: &[u32]) -> Document {
        let ramp = Ramp { steps: steps.to_vec(), every_ms: 60_000, next: 0, due_at: 0, paused: false };
        let text = include_str!("../../../../flags/scheme-b.json");
        Document { ramp: Some(ramp), ..Document::read(text).unwrap() }
    }

    fn read(document: &Document) -> Result<Document, String> {
        Document::read_strictly(&serde_json::to_string(document).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bad_plan_is_named() {
        assert!(read(&document(&[100, 10_000, 1_000_000])).is_ok());
        let mut other = document(&[1]);
        other.mode = Mode::QueueOnly;
        assert!(read(&other).unwrap_err().starts_with("`ramp`"));
        let growing = |count: usize| (1..).take(count).collect::<Vec<u32>>();
        assert!(read(&document(&growing(MAX_STEPS))).is_ok());
        for (steps, field, found) in [
            (vec![], "`ramp.steps`", "0"),
            (growing(MAX_STEPS + 1), "`ramp.steps`", "101"),
            (vec![5, 5], "`ramp.steps[1]`", "5"),
            (vec![3, 7, 4], "`ramp.steps[2]`", "4"),
            (vec![5, 1_000_001], "`ramp.steps[1]`", "1000001"),
        ] {
            let error = read(&document(&steps)).unwrap_err();
            assert!(error.starts_with(field) && error.contains(&format!("\"{found}\"")), "{error}");
        }
    }

    #[test]
    fn after_a_stop_is_released_a_step_waits_for_a_whole_interval() {
        let released = |at| after_release(document(&[10]), at);
        assert_eq!(advance(&released(Some(100)), 60_099, "", &Gate::Pass), Advance::Wait);
        assert!(matches!(advance(&released(Some(100)), 60_100, "", &Gate::Pass), Advance::Step(_)));
        assert_eq!(released(None), document(&[10]));
        let mut later = document(&[10]);
        later.ramp.as_mut().unwrap().due_at = 900_000;
        assert_eq!(after_release(later.clone(), Some(100)), later);
    }

    #[test]
    fn steps_are_taken_when_due_and_held_while_the_stores_do_not_agree() {
        let start = document(&[10, 20]);
        let hold = Gate::Hold("inconclusive".into());
        assert_eq!(advance(&start, 5, "", &hold), Advance::Hold("inconclusive".into()));
        let Advance::Step(first) = advance(&start, 5, "t", &Gate::Pass) else { panic!("no step") };
        assert_eq!((first.queue_ppm, first.version, first.updated_by.as_str()), (10, start.version + 1, "ramp"));
        assert_eq!(advance(&first, 60_004, "", &Gate::Pass), Advance::Wait);
        let Advance::Step(second) = advance(&first, 60_005, "", &Gate::Pass) else { panic!("no step") };
        assert_eq!(second.queue_ppm, 20);
        assert_eq!(advance(&second, 999_999, "", &Gate::Pass), Advance::Wait, "it has come to its end");
        let mut paused = start;
        paused.ramp.as_mut().unwrap().paused = true;
        assert_eq!(advance(&paused, 5, "", &Gate::Pass), Advance::Wait);
        let stage = |document: &Document, now| document.ramp.as_ref().unwrap().stage(now);
        assert_eq!(
            (stage(&paused, 5), stage(&first, 60_004), stage(&first, 60_005)),
            (RampStage::Paused, RampStage::Waiting, RampStage::Due)
        );
        assert_eq!(stage(&second, 0), RampStage::Done);
    }

    proptest! {
        #[test]
        fn the_share_never_goes_back(
            mut steps in prop::collection::btree_set(0u32..=1_000_000, 1..20),
            waits in prop::collection::vec((0u64..200_000, any::<bool>()), 0..60),
            raised in 0u32..=1_000_000,
        ) {
            steps.insert(1_000_000);
            let mut now = 0;
            let mut current = Document { queue_ppm: raised, ..document(&steps.into_iter().collect::<Vec<_>>()) };
            for (wait, pass) in waits {
                now += wait;
                let gate = if pass { Gate::Pass } else { Gate::Hold(String::new()) };
                if let Advance::Step(next) = advance(&current, now, "", &gate) {
                    prop_assert!(next.queue_ppm >= current.queue_ppm && next.version == current.version + 1);
                    prop_assert!(read(&next).is_ok());
                    current = *next;
                }
            }
        }
    }
}
