//! What a verdict may say: each case as it was found, over real stores.

use model::event::Event;
use model::parity::report::ParityReport;
use model::parity::verdict::Verdict;
use model::parity::window::Window;
use store::parity::compare::ComparisonRun;
use store::parity::comparer::Comparer;
use store::parity::reports::Reports;

use super::traffic::{Fault, Traffic};
use super::{AFTER, SETTINGS, START, Stores, block_on, store, window};

const HOUR_MS: u64 = 3_600_000;

fn compared(traffic: &Traffic, window: Window, now_ms: u64) -> ParityReport {
    let stores = Stores::new();
    stores.fill(traffic, 500, true);
    compared_again(&stores, window, now_ms)
}

fn compared_again(stores: &Stores, window: Window, now_ms: u64) -> ParityReport {
    let (old, new, kept) = (store(&stores.old), store(&stores.new), Reports::new(stores.new.clone()));
    match block_on(Comparer { old: &*old, new: &*new, kept: &kept }.run(window, now_ms, SETTINGS)).unwrap() {
        ComparisonRun::Done(report) => *report,
        other => panic!("{other:?}"),
    }
}

/// Events over ten minutes that both stores have, in flushes of so many.
fn flushed(events: u64, size: u32) -> Traffic {
    let mut traffic = Traffic::default();
    for n in 0..events {
        let event = traffic.event(n * 599_999 / events, 7);
        let write = event.seq - event.seq % size;
        traffic.both(&Event { write, ..event });
    }
    traffic
}

#[test]
fn three_hundred_events_of_three_writes_prove_nothing_and_those_of_three_hundred_do() {
    let report = compared(&flushed(300, 100), window(), AFTER);
    assert_eq!((report.total.verdict, report.total.writes), (Verdict::Inconclusive, 3));
    assert!(report.summary.contains("300 events came in 3 writes"), "{}", report.summary);
    assert!(report.summary.contains("at least 299 writes are needed"), "{}", report.summary);
    let report = compared(&flushed(3_000, 10), window(), AFTER);
    assert_eq!((report.total.verdict, report.total.writes, report.loss.writes), (Verdict::Pass, 300, 300));
}

#[test]
fn a_write_whose_events_lie_in_two_minutes_is_one_write_for_all_and_for_its_routes() {
    // Each flush of 7 takes 70 s: it lies in two minutes or three.
    let mut traffic = flushed(60, 7);
    for event in traffic.old.iter_mut().chain(&mut traffic.new) {
        "/one".clone_into(&mut event.path);
    }
    let report = compared(&traffic, window(), AFTER);
    assert_eq!((report.total.writes, report.paths[0].comparison.writes), (9, 9));
}

#[test]
fn a_route_that_lost_everything_fails_though_it_is_too_small_to_pass() {
    let mut traffic = Traffic::default();
    for n in 0..290 * 50 {
        let mut event = traffic.event(n * 40, 7);
        let route = n % 50;
        event.path = if route == 0 { "/a".to_owned() } else { format!("/clean/{route}") };
        if route == 0 { traffic.old.push(event) } else { traffic.both(&event) }
    }
    let settings = super::ComparisonSettings { limit_ppm: 50_000, ..SETTINGS };
    let stores = Stores::new();
    stores.fill(&traffic, 500, true);
    let ComparisonRun::Done(report) = stores.run(window(), settings).unwrap() else { panic!("interrupted") };
    assert_eq!((report.total.verdict, report.paths[0].path.as_str()), (Verdict::Fail, "/a"));
    assert!(report.total.upper_bound < 0.05 && report.summary.contains("/a by itself"), "{}", report.summary);
}

#[test]
fn a_new_path_that_stopped_altogether_fails_whenever_it_is_looked_at() {
    let hour = Window::parse(&format!("range:{START}-{}", START + HOUR_MS)).unwrap();
    let mut traffic = Traffic::default();
    for second in 0..3_600 {
        traffic.send(second * 1_000, 7, if second < 600 { Fault::None } else { Fault::DropNew });
    }
    let stores = Stores::new();
    stores.fill(&traffic, 500, true);
    // At the window's close what can still be on its way is left out; the rest proves it.
    for now_ms in [hour.to + SETTINGS.lag_ms, hour.to + HOUR_MS, hour.to + 11 * HOUR_MS, hour.to + 25 * HOUR_MS] {
        let report = compared_again(&stores, hour, now_ms);
        assert_eq!(report.total.verdict, Verdict::Fail, "{}", report.summary);
    }
    assert_eq!(compared_again(&stores, hour, hour.to + HOUR_MS).total.tally.queued, 0);
}

#[test]
fn what_is_a_little_late_is_waited_for_and_fails_only_once_it_is_too_late() {
    let mut traffic = Traffic::default();
    for second in 0..600 {
        traffic.send(second * 1_000, 7, if second < 300 { Fault::None } else { Fault::DropNew });
    }
    let stores = Stores::new();
    stores.fill(&traffic, 500, true);
    let verdict = |now_ms| compared_again(&stores, window(), now_ms).total.verdict;
    assert_eq!(verdict(AFTER), Verdict::Pending);
    assert_eq!(verdict(window().to + HOUR_MS), Verdict::Fail);
    stores.fill(&Traffic { new: traffic.old.clone(), ..Traffic::default() }, 500, true);
    assert_eq!(verdict(window().to + HOUR_MS), Verdict::Pass, "it came after all");
}

#[test]
fn what_both_paths_lost_is_in_the_verdict() {
    let mut traffic = Traffic::default();
    for n in 0..2_000 {
        traffic.send(n * 299, 7, if n % 2 == 1 && n != 1_999 { Fault::Lose } else { Fault::None });
    }
    let report = compared(&traffic, window(), AFTER);
    assert_eq!((report.loss.unexplained, report.total.mismatches), (999, 0));
    assert_eq!((report.total.verdict, report.loss.verdict), (Verdict::Fail, Verdict::Fail));
    assert!(report.summary.starts_with("999 events were lost on both paths"), "{}", report.summary);
}
