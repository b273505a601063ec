//! A store that counts an event twice, in every way in which it can.

use model::event::{Cohort, Event};
use model::parity::difference::DifferenceKind;
use model::parity::report::ParityReport;
use model::parity::verdict::Verdict;

use super::Stores;
use super::traffic::{Fault, Traffic};
use rig::{START, block_on, store};

/// Events of the window, of these cohorts in turn.
fn events(count: u64, cohorts: &[Cohort]) -> Vec<Event> {
    let mut traffic = Traffic::default();
    let cohorts = cohorts.iter().cycle();
    (0..count).zip(cohorts).map(|(n, cohort)| Event { cohort: *cohort, ..traffic.event(1_000 + n * 500, 0) }).collect()
}

/// The report on stores that hold these events, and these once more.
fn report([old, new]: [&[Event]; 2], [old_again, new_again]: [&[Event]; 2], is_folded: bool) -> ParityReport {
    let stores = Stores::new();
    stores.fill(&Traffic { old: old.to_vec(), new: new.to_vec(), ..Traffic::default() }, 100, is_folded);
    again(&stores, [old_again, new_again]);
    if is_folded {
        stores.fold();
    }
    stores.report()
}

/// Stores events by a writer that knows nothing of what is stored.
fn again(stores: &Stores, [old, new]: [&[Event]; 2]) {
    for (sqlite, events) in [(&stores.old, old), (&stores.new, new)] {
        block_on(store(sqlite).store_again(events, START)).unwrap();
    }
}

fn named(report: &ParityReport) -> u64 {
    report.differences.iter().filter(|d| d.kind == DifferenceKind::CountedTwice && d.reason.is_none()).count() as u64
}

#[test]
fn a_store_that_counts_every_event_twice_fails_on_either_side_and_on_both() {
    let all = events(1_000, &[Cohort::Dual]);
    for is_folded in [false, true] {
        for again in [[&[], &all[..]], [&all, &[]], [&all, &all]] {
            let report = report([&all, &all], again, is_folded);
            let twice = again.map(|again| again.len() as u64);
            assert_eq!((report.total.verdict, report.total.union), (Verdict::Fail, 1_000), "{}", report.summary);
            assert_eq!((report.total.mismatches, report.total.tally.counted_twice), (1_000, 1_000));
            assert_eq!([report.old.counted_twice, report.new.counted_twice], twice);
            assert_eq!(named(&report) + report.unnamed, 1_000);
            assert!(report.unresolved.is_empty());
        }
    }
}

#[test]
fn events_that_were_not_meant_for_both_are_counted_twice_all_the_same() {
    for is_folded in [false, true] {
        let dual = events(400, &[Cohort::Dual]);
        let mut all = events(600, &[Cohort::Dual, Cohort::Single, Cohort::Fallback]);
        all.retain(|event| event.cohort != Cohort::Dual);
        let with_all: Vec<Event> = dual[..1].iter().chain(&all).cloned().collect();
        let report = report([&dual[..1], &with_all], [&[], &all], is_folded);
        assert_eq!((report.total.verdict, report.total.tally.counted_twice), (Verdict::Fail, 400));
        assert_eq!((report.total.union, named(&report) + report.unnamed), (401, 400));
    }
}

#[test]
fn three_copies_and_a_copy_in_the_next_window_are_one_event_each() {
    let all = events(10, &[Cohort::Dual]);
    let later: Vec<Event> =
        all.iter().map(|event| Event { timestamp: event.timestamp + 60_000, ..event.clone() }).collect();
    let three = [all.as_slice(), &all].concat();
    for is_folded in [false, true] {
        let report_of_three = report([&all, &all], [&[], &three[..10]], is_folded);
        assert_eq!((named(&report_of_three), report_of_three.total.union), (10, 10));
        let next = report([&all, &all], [&[], &moved(&later)], is_folded);
        assert_eq!((named(&next), next.total.union, next.total.mismatches), (10, 10, 10));
        let on_both = report([&all, &all], [&moved(&later), &moved(&later)], is_folded);
        // The sums of every minute agree, and none holds a number twice: the copies can only be counted.
        assert_eq!((on_both.total.tally.counted_twice, on_both.unnamed), (20, 20));
        assert_ne!(on_both.total.verdict, Verdict::Pass);
    }
}

/// With the IDs that belong to their times.
fn moved(events: &[Event]) -> Vec<Event> {
    use model::event::identity::{IdempotentId, window_start};
    let id = |event: &Event| IdempotentId::with_digest(window_start(event.timestamp, 60_000), event.digest).unwrap();
    events.iter().map(|event| Event { idempotent_id: id(event), ..event.clone() }).collect()
}

#[test]
fn repeats_of_a_client_stay_healthy_far_apart_and_where_dedup_absorbed_them() {
    let all = events(400, &[Cohort::Dual]);
    let repeated = |after: u64| -> Vec<Event> {
        let later =
            all.iter().map(|event| Event { timestamp: event.timestamp + after, seq: event.seq + 400, ..event.clone() });
        moved(&later.collect::<Vec<_>>())
    };
    for is_folded in [false, true] {
        let far = [all.as_slice(), &repeated(180_000)].concat();
        let report_of_far = report([&far, &far], [&[], &[]], is_folded);
        assert_eq!(
            (report_of_far.total.mismatches, report_of_far.total.union),
            (0, 800),
            "{:?}",
            report_of_far.differences
        );
        let near = [all.as_slice(), &repeated(30_000)].concat();
        let reversed: Vec<Event> = [repeated(30_000), all.clone()].concat();
        let absorbed = report([&near, &reversed], [&[], &[]], is_folded);
        assert_eq!(
            (absorbed.total.mismatches, absorbed.total.union, absorbed.total.verdict),
            (0, 400, Verdict::Pass),
            "{}",
            absorbed.summary
        );
    }
}

#[test]
fn two_stored_requests_with_one_digest_in_reach_are_a_fault_of_their_store() {
    let all = events(400, &[Cohort::Dual]);
    let again: Vec<Event> = all.iter().map(|event| Event { seq: event.seq + 400, ..event.clone() }).collect();
    for is_folded in [false, true] {
        let report = report([&all, &all], [&[], &again], is_folded);
        assert_eq!((report.total.verdict, named(&report) + report.unnamed), (Verdict::Fail, 400));
    }
}

#[test]
fn repeats_that_dedup_absorbed_do_not_hide_what_is_counted_twice() {
    let mut traffic = Traffic::default();
    (0..400).for_each(|n| traffic.send(1_000 + n * 500, 0, Fault::Repeat));
    let stores = Stores::new();
    stores.fill(&traffic, 100, true);
    let counted: Vec<Event> = traffic.old.iter().filter(|event| event.seq % 2 == 0).cloned().collect();
    again(&stores, [&counted, &counted]);
    stores.fold();
    let report = stores.report();
    assert_eq!((report.total.tally.counted_twice, report.total.union), (400, 400));
}
