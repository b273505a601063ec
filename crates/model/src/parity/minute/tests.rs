use super::*;
use crate::event::{Cohort, Event};
use crate::log::segment::tests::at;

#[test]
fn routes_beyond_the_bound_are_told_of_together_and_nothing_of_them_is_lost() {
    let mut found = MinuteFindings::default();
    let count = 3 * MAX_ROUTES as u64;
    for n in 0..count {
        let path = format!("/{n}");
        let tally = Tally { only_old: n % 3, ..Tally::default() };
        found.tallies.insert(path.clone(), tally);
        found.writes.insert(path.clone(), Ledger::of_numbers([(n, 0)]));
        found.apart.insert(path, SetSum { requests: n, digests: n, values: 1 });
    }
    found.bound();
    assert_eq!((found.tallies.len(), found.writes.len(), found.apart.len()), (MAX_ROUTES, MAX_ROUTES, MAX_ROUTES));
    assert!(found.tallies.values().all(|tally| tally.only_old == 2), "the worst keep their names");
    let PooledRoutes { tally, writes, apart, routes } = &found.others;
    assert_eq!(
        (tally.only_old, writes.len(), *routes),
        (count - 2 * MAX_ROUTES as u64, count - MAX_ROUTES as u64, count - MAX_ROUTES as u64)
    );
    let mut sum = *apart;
    found.apart.values().for_each(|apart| sum.add(apart));
    assert_eq!((sum.requests, sum.values), ((0..count).sum::<u64>(), count));
}

const START: u64 = 1_730_956_800_000;

fn copy(request: u64, ms: u64) -> EventCopy {
    let seq = u32::try_from(request).unwrap();
    let event = Event { cohort: Cohort::Dual, path: "/a".into(), seq, write: seq, ..at(START + ms, request) };
    EventCopy { event, absorbed: false }
}

fn altered(copy: &EventCopy) -> EventCopy {
    EventCopy { event: Event { status: 599, ..copy.event.clone() }, absorbed: false }
}

/// The new store has come as far as it will.
fn evidence() -> Evidence {
    let mut evidence = Evidence::default();
    (evidence.newest_window, evidence.newest_letter_at) = (u64::MAX, 7);
    evidence
}

#[test]
fn every_count_of_a_tally_is_added() {
    let tally = Tally {
        beyond_old: 1,
        surplus_old: 2,
        only_old: 3,
        only_new: 5,
        value_differs: 7,
        counted_twice: 11,
        fallback: 4,
        dead_lettered: 6,
        queued: 13,
        repeats: 17,
    };
    assert_eq!((tally.mismatches(), tally.unexplained()), (3 + 5 + 7 + 11, 26 - 4 - 6));
    let mut sum = tally;
    sum.add(&tally);
    let (one, two) = (serde_json::to_value(tally).unwrap(), serde_json::to_value(sum).unwrap());
    for (name, count) in one.as_object().unwrap() {
        assert_eq!(two[name].as_u64(), count.as_u64().map(|count| 2 * count), "{name}");
    }
}

#[test]
fn a_difference_counts_by_its_kind_and_by_what_explains_it() {
    let of = |kind, reason| {
        let mut tally = Tally::default();
        let is_mismatch = tally.count(&Difference::of(&copy(1, 0).event, kind, reason, Vec::new()));
        (tally, is_mismatch)
    };
    let none = Tally::default();
    for (kind, counted) in [
        (DifferenceKind::OnlyOld, Tally { only_old: 1, ..none }),
        (DifferenceKind::OnlyNew, Tally { only_new: 1, ..none }),
        (DifferenceKind::ValueDiffers, Tally { value_differs: 1, ..none }),
        (DifferenceKind::CountedTwice, Tally { counted_twice: 1, ..none }),
    ] {
        assert_eq!(of(kind, None), (counted, true));
        assert_eq!(of(kind, Some(DifferenceReason::Fallback)), (Tally { fallback: 1, ..counted }, true));
        assert_eq!(of(kind, Some(DifferenceReason::DeadLettered)), (Tally { dead_lettered: 1, ..counted }, true));
        assert_eq!(of(kind, Some(DifferenceReason::Queued)), (Tally { queued: 1, ..none }, false));
        assert_eq!(of(kind, Some(DifferenceReason::Repeat)), (Tally { repeats: 1, ..none }, false));
    }
}

#[test]
fn what_copies_show_is_told_of_in_its_own_minute_by_route_with_the_writes_that_carried_it() {
    let (one, two, three, later) = (copy(1, 0), copy(2, 5), copy(3, 9), copy(4, 60_000));
    let mut found = MinuteFindings::at(START, &evidence());
    assert_eq!((found.start, found.newest_letter_at), (START, 7));
    found.add(&[one.clone(), two.clone(), later], &[altered(&two), three.clone()], 60_000, &evidence());
    let tally = Tally { beyond_old: 1, only_old: 1, only_new: 1, value_differs: 1, ..Tally::default() };
    assert_eq!(found.tallies, LiteMap::from_iter([("/a".to_owned(), tally)]));
    let named: Vec<_> = found.differences.iter().map(|d| (d.digest, d.kind)).collect();
    assert_eq!(
        named,
        [
            (one.event.digest, DifferenceKind::OnlyOld),
            (two.event.digest, DifferenceKind::ValueDiffers),
            (three.event.digest, DifferenceKind::OnlyNew)
        ]
    );
    let producer = one.event.producer.0;
    assert_eq!(found.writes.get("/a"), Some(&Ledger::of_numbers([(producer, 1), (producer, 2), (producer, 3)])));
    let before = *found.tallies.get("/a").unwrap();
    found.add(&[copy(5, 11)], &[], 60_000, &evidence());
    assert_eq!(found.tallies.get("/a"), Some(&Tally { only_old: before.only_old + 1, ..before }));
    assert_eq!((found.writes.get("/a").unwrap().len(), found.unnamed, found.further), (4, 0, [0, 0]));
}

#[test]
fn further_copies_are_counted_for_each_store() {
    let one = copy(1, 0);
    let resent = |seq| EventCopy { event: Event { seq, write: seq, ..one.event.clone() }, absorbed: false };
    let mut found = MinuteFindings::at(START, &evidence());
    let old = vec![one.clone(), one.clone(), one.clone()];
    found.add(&old, &[one.clone(), one.clone(), resent(9)], 60_000, &evidence());
    let tally = Tally { surplus_old: 2, counted_twice: 1, ..Tally::default() };
    assert_eq!(
        (found.tallies.get("/a"), found.further),
        (Some(&tally), [2, 1]),
        "a request sent again is no further copy"
    );
    found.add(&[copy(2, 0), copy(2, 0)], &[copy(2, 0)], 60_000, &evidence());
    assert_eq!((found.tallies.get("/a").unwrap().surplus_old, found.further), (3, [3, 1]));
}

#[test]
fn differences_beyond_the_bound_are_counted_and_unexplained_ones_keep_their_names() {
    let old: Vec<EventCopy> = (0..150).map(|n| copy(n, n)).collect();
    let fallback = |n: u64| EventCopy { absorbed: true, event: Event { fell_back: true, ..copy(n, n).event } };
    let explained: Vec<EventCopy> = (0..75).map(fallback).collect();
    let mut found = MinuteFindings::at(START, &evidence());
    found.add(&[old, explained].concat(), &[], 60_000, &evidence());
    assert_eq!((found.differences.len(), found.unnamed), (MAX_NAMED, 50));
    assert_eq!(found.differences.iter().filter(|d| d.reason.is_none()).count(), 75);
    assert_eq!(
        (found.tallies.values().map(|t| t.only_old).sum::<u64>(), found.writes.get("/a").unwrap().len()),
        (150, 150)
    );
    found.add(&(200..210).map(|n| copy(n, 0)).collect::<Vec<_>>(), &[], 60_000, &evidence());
    assert_eq!((found.differences.len(), found.unnamed), (MAX_NAMED, 60));
}

#[test]
fn findings_hold_while_nothing_is_on_its_way_and_no_new_letter_may_explain_them() {
    let with = |tally| MinuteFindings {
        tallies: LiteMap::from_iter([("/a".to_owned(), tally)]),
        ..MinuteFindings::at(START, &evidence())
    };
    let mut newer = evidence();
    newer.newest_letter_at = 8;
    let holds = |tally| (with(tally).still_holds(&evidence()), with(tally).still_holds(&newer));
    let lost = Tally { only_old: 1, ..Tally::default() };
    assert_eq!(holds(Tally::default()), (true, true));
    assert_eq!(holds(lost), (true, false));
    assert_eq!(holds(Tally { fallback: 1, ..lost }), (true, true), "it is explained");
    assert_eq!(holds(Tally { queued: 1, ..Tally::default() }), (false, false));
    let pooled = PooledRoutes { tally: lost, ..PooledRoutes::default() };
    assert!(!MinuteFindings { others: pooled, ..with(Tally::default()) }.still_holds(&newer));
}

#[test]
fn what_is_counted_twice_and_can_not_be_named_is_told_of_under_no_route() {
    let found = MinuteFindings::counted_twice(START, 3);
    let tally = Tally { beyond_old: 3, counted_twice: 3, ..Tally::default() };
    assert_eq!((found.start, found.unnamed), (START, 3));
    assert_eq!(found.tallies, LiteMap::from_iter([(UNKNOWN.to_owned(), tally)]));
}

#[test]
fn digests_that_occur_more_than_once_are_repeated() {
    assert_eq!(repeated(vec![3, 1, 2, 3, 2, 3]), [2, 3]);
    assert_eq!(repeated(vec![1, 2]), [0; 0]);
}

#[test]
fn candidates_are_what_is_not_in_both_with_the_same_values() {
    assert_eq!(candidates(&[(1, 1), (2, 2), (3, 3)], &[(3, 3), (2, 9), (4, 4)]), [1, 2, 4]);
    assert!(candidates(&[(1, 1)], &[(1, 1)]).is_empty());
    assert_eq!(candidates(&[(1, 1), (1, 1)], &[(1, 1)]), [1]);
}

#[test]
fn any_change_of_what_was_said_changes_the_fingerprint() {
    let minute = Minute::default();
    let print = |minute: &Minute| fingerprint([(&1, minute)].into_iter());
    let same = print(&minute);
    let mut others = vec![fingerprint([(&2, &minute)].into_iter())];
    for change in [
        |m: &mut Minute| m.events = 1,
        |m: &mut Minute| m.dual.requests = 1,
        |m: &mut Minute| m.dual.digests = 1,
        |m: &mut Minute| m.dual.values = 1,
        |m: &mut Minute| m.fallback = 1,
        |m: &mut Minute| m.numbers = 1,
        |m: &mut Minute| m.absorbed = 1,
    ] {
        let mut changed = minute;
        change(&mut changed);
        others.push(print(&changed));
    }
    assert!(!others.contains(&same) && same == print(&minute));
}
