use super::*;
use crate::log::segment::tests::{WINDOW_MS, at};
use crate::parity::evidence::QUEUE_PATIENCE_MS;

const START: u64 = 1_730_956_800_000;

fn copy(ms: u64, cohort: Cohort, absorbed: bool) -> EventCopy {
    EventCopy { event: Event { cohort, seq: u32::try_from(ms).unwrap(), ..at(START + ms, 1) }, absorbed }
}

fn dual(ms: u64) -> EventCopy {
    copy(ms, Cohort::Dual, false)
}

type Found = (bool, Option<(DifferenceKind, Option<DifferenceReason>)>);

fn found(old: &[EventCopy], new: &[EventCopy]) -> Vec<Found> {
    let mut evidence = Evidence::default();
    evidence.newest_window = u64::MAX;
    let outcomes = outcomes(old, new, WINDOW_MS, &evidence);
    outcomes.into_iter().map(|o| (o.beyond_old, o.difference.map(|d| (d.kind, d.reason)))).collect()
}

#[test]
fn what_one_store_lacks_is_named() {
    assert_eq!(found(&[dual(0)], &[dual(0)]), [(false, None)]);
    assert_eq!(found(&[dual(0)], &[]), [(false, Some((DifferenceKind::OnlyOld, None)))]);
    assert_eq!(found(&[], &[dual(0)]), [(true, Some((DifferenceKind::OnlyNew, None)))]);
    let singles = [copy(0, Cohort::Single, false)];
    assert_eq!(found(&singles, &[]), [], "it was not meant for both");
    assert_eq!(found(&singles, &[dual(0)]), [(true, None)], "its first copy met another flag");
}

#[test]
fn evidence_explains() {
    let fallback = copy(0, Cohort::Fallback, true);
    assert_eq!(
        found(&[dual(0), fallback.clone()], &[]),
        [(false, Some((DifferenceKind::OnlyOld, Some(DifferenceReason::Fallback))))]
    );
    assert_eq!(
        found(&[], &[dual(0), fallback]),
        [(true, Some((DifferenceKind::OnlyNew, Some(DifferenceReason::Fallback))))]
    );
    let absorbed = copy(60_000, Cohort::Dual, true);
    let repeat = Some((DifferenceKind::OnlyOld, Some(DifferenceReason::Repeat)));
    assert!(found(&[dual(0)], &[absorbed.clone(), dual(120_000)]).contains(&(false, repeat)));
    assert_eq!(
        found(&[dual(0)], &[absorbed]),
        [(false, Some((DifferenceKind::OnlyOld, None)))],
        "nothing counts in its place"
    );
    let mut evidence = Evidence::default();
    let reason = |evidence: &Evidence| {
        let outcome = outcomes(&[dual(0)], &[], WINDOW_MS, evidence).remove(0);
        outcome.difference.unwrap().reason
    };
    assert_eq!(reason(&evidence), Some(DifferenceReason::Queued));
    evidence.now_ms = START + QUEUE_PATIENCE_MS;
    assert_eq!(reason(&evidence), None, "nothing is on its way for so long");
    (evidence.newest_window, evidence.now_ms) = (START, 0);
    assert_eq!(reason(&evidence), None);
    evidence.add_letter(&serde_json::to_string(&dual(0).event).unwrap());
    assert_eq!(reason(&evidence), Some(DifferenceReason::DeadLettered));
}

#[test]
fn values_that_differ_are_named_with_both() {
    let altered = EventCopy { event: Event { status: 599, ..dual(0).event }, absorbed: false };
    let outcome = outcomes(&[dual(0)], &[altered], WINDOW_MS, &Evidence::default()).remove(0);
    let difference = outcome.difference.unwrap();
    assert_eq!((difference.kind, difference.reason), (DifferenceKind::ValueDiffers, None));
    let field = &difference.fields[0];
    assert_eq!((field.field.as_str(), field.old.as_str(), field.new.as_str()), ("status", "200", "599"));
    let later = EventCopy { event: Event { seq: 99, write: 99, ..dual(9).event }, absorbed: false };
    assert_eq!(
        found(&[dual(0)], &[later]),
        [(false, Some((DifferenceKind::ValueDiffers, Some(DifferenceReason::Repeat))))]
    );
}

const TWICE: Option<(DifferenceKind, Option<DifferenceReason>)> = Some((DifferenceKind::CountedTwice, None));

#[test]
fn two_stored_copies_in_one_store_are_its_fault_whatever_the_other_has() {
    let two = [dual(0), dual(0)];
    assert_eq!(found(&[dual(0)], &two), [(false, None), (false, TWICE)]);
    assert_eq!(found(&two, &two), [(false, None), (false, TWICE), (false, None)], "sums agree");
    assert_eq!(found(&[], &two), [(true, None), (false, TWICE)]);
    assert_eq!(found(&two, &[]), [(false, None), (false, TWICE), (false, None)]);
    let single = copy(0, Cohort::Single, false);
    assert_eq!(found(&[single.clone(), single.clone()], &[]), [(true, TWICE)]);
    assert_eq!(found(&[dual(0)], &[dual(0), copy(0, Cohort::Fallback, false)]), [(false, None), (false, TWICE)]);
    assert_eq!(found(&[dual(0)], &[dual(0), dual(60_000)]), [(false, None), (false, TWICE)], "in the next window");
    assert_eq!(found(&[dual(0)], &[dual(0), dual(0), dual(0)]), [(false, None), (false, TWICE)], "three are one event");
    let far = [dual(0), dual(120_000)];
    assert_eq!(found(&far, &far), [(false, None), (false, None)], "dedup takes those for two events");
    let absorbed = copy(60_000, Cohort::Dual, true);
    assert_eq!(found(&[dual(0)], &[dual(0), absorbed]), [(false, None)], "dedup did its work");
}

#[test]
fn what_is_counted_twice_is_told_with_the_number_of_copies_and_counts_once_in_the_union() {
    let two = [dual(0), dual(0)];
    let outcomes = outcomes(&two, &[dual(0), dual(0), dual(0)], WINDOW_MS, &Evidence::default());
    let surplus = outcomes.iter().filter(|outcome| outcome.surplus_old).count();
    assert_eq!((surplus, outcomes[1].further), (1, [1, 2]));
    let field = &outcomes[1].difference.as_ref().unwrap().fields[0];
    assert_eq!((field.field.as_str(), field.old.as_str(), field.new.as_str()), ("copies", "2", "3"));
}

#[test]
fn of_two_copies_the_one_that_stays_is_dual_and_has_the_other_stores_values() {
    let single = copy(0, Cohort::Single, false);
    assert_eq!(found(&[single, dual(0)], &[dual(0)]), [(false, None), (false, TWICE)]);
    let altered = EventCopy { event: Event { status: 599, ..dual(0).event }, absorbed: false };
    let outcomes = outcomes(&[dual(0)], &[altered, dual(0)], WINDOW_MS, &Evidence::default());
    let fields = &outcomes[1].difference.as_ref().unwrap().fields;
    assert_eq!(fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>(), ["copies"]);
}

#[test]
fn a_further_copy_is_told_of_in_its_own_minute() {
    let outcomes = outcomes(&[dual(0)], &[dual(0), dual(60_000)], WINDOW_MS, &Evidence::default());
    let minute = dual(0).event.minute();
    assert_eq!(outcomes.iter().map(|outcome| outcome.minute).collect::<Vec<_>>(), [minute, minute + 1]);
}

#[test]
fn an_event_in_whose_place_the_other_store_counts_another_request_is_a_repeat() {
    let repeat = Some((DifferenceKind::OnlyOld, Some(DifferenceReason::Repeat)));
    // Each of the old store's is a neighbour of the new store's one, which is the twin of the first.
    let found = found(&[dual(0), dual(120_000)], &[dual(60_000)]);
    assert!(found.contains(&(false, repeat)), "{found:?}");
}

#[test]
fn copies_of_one_window_are_twins_before_those_of_neighbours() {
    let found = found(&[dual(0), dual(120_000)], &[dual(120_000)]);
    assert_eq!(found, [(false, Some((DifferenceKind::OnlyOld, None))), (false, None)]);
}
