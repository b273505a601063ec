//! The report's arithmetic.

use std::collections::BTreeMap;

use api::stats::{CohortCounts, StoreOverlap};
use model::counting::figures::{Figures, StatusClasses, UniqueAddresses};
use traffic::truth::{ExactFigures, TruthBuilder};

use super::*;
use crate::demo::stage::STAGES;

fn exact(requests: u64, p95_ms: f64, unique_addresses: u64) -> ExactFigures {
    ExactFigures { requests, p50_ms: 1.0, p95_ms, p99_ms: 300.0, unique_addresses }
}

/// A route with so many requests, and the 95th percentile of their response times.
fn route(path: &str, requests: u64, p95: f64) -> RouteFigures {
    let status =
        StatusClasses { informational: 0, success: requests, redirection: 0, client_error: 0, server_error: 0 };
    let response_time = Some(ResponseTime { mean: 1.0, min: 1, max: 300, p50: 1.0, p95, p99: 300.0 });
    RouteFigures { path: path.into(), requests, status, response_time }
}

/// Figures of routes, and of so many requests in all.
fn stats(requests: u64, p95: f64, estimate: f64, paths: &[RouteFigures]) -> StatsAnswer {
    let RouteFigures { status, response_time, .. } = route("", requests, p95);
    let total = Figures { requests, status, response_time, addresses: UniqueAddresses { lower: 1, estimate } };
    let stores = StoreOverlap { old: None, new: None, both: None, only_old: None, only_new: None };
    StatsAnswer { from: 0, to: 1, exact: true, missing: Vec::new(), total, paths: paths.to_vec(), stores }
}

fn truth(total: ExactFigures, paths: &[(&str, ExactFigures)]) -> Truth {
    let paths: BTreeMap<_, _> = paths.iter().map(|(path, exact)| ((*path).into(), exact.clone())).collect();
    Truth { total, paths }
}

fn digests(of: std::ops::Range<u64>) -> HashSet<Digest> {
    of.map(Digest).collect()
}

/// A client that waited for one answer of a route, and for no other.
fn waited(route: &str, ms: u64) -> Truth {
    let mut waited = TruthBuilder::default();
    waited.add(&route.into(), "", ms * 1_000);
    waited.finish()
}

/// The report when `merged` are counted and the stores hold these, of requests 0 to 9.
fn report(merged: u64, old: std::ops::Range<u64>, new: std::ops::Range<u64>) -> DemoReport {
    let measured = stats(merged, 100.0, 5.0, &[route("/a", merged, 100.0)]);
    let truth = truth(exact(10, 100.0, 5), &[("/a", exact(10, 100.0, 5))]);
    let (sent, old, new) = (digests(0..10), digests(old), digests(new));
    let parity = Parity { selftest: SelfTestReport { passed: true, failures: Vec::new() }, ..Parity::default() };
    let observed = DemoObservations { sent: &sent, old: &old, new: &new, altered: 0, waited: &waited("/a", 101) };
    DemoReport::new(&observed, &measured, &truth, Vec::new(), parity)
}

fn broken(report: &DemoReport) -> Vec<&'static str> {
    report.checks().into_iter().filter(|check| !check.holds).map(|check| check.what).collect()
}

#[test]
fn all_in_one_store_or_the_other_or_both_is_success() {
    for (old, new) in [(0..10, 0..0), (0..0, 0..10), (0..6, 4..10), (0..10, 0..10)] {
        let report = report(10, old, new);
        assert_eq!((report.lost, report.double_counted, report.unknown), (0, 0, 0));
        assert_eq!(broken(&report), [""; 0]);
    }
}

#[test]
fn losses_double_counts_and_strangers_are_found_even_where_they_cancel_out() {
    for (merged, old, new, lost, double, unknown, checks) in [
        (8, 0..5, 5..8, 2, 0, 0, &["lost", "merged total", "error of requests per path"][..]),
        (13, 0..10, 0..10, 0, 3, 0, &["double counted", "merged total", "error of requests per path"]),
        (10, 0..9, 0..0, 1, 1, 0, &["lost", "double counted"]),
        (10, 0..10, 0..12, 0, 0, 2, &["unknown events"]),
    ] {
        let report = report(merged, old, new);
        assert_eq!((report.lost, report.double_counted, report.unknown), (lost, double, unknown));
        assert_eq!(broken(&report), checks);
    }
}

#[test]
fn errors_are_relative_to_the_truth_and_the_worst_counts() {
    let measured = stats(2_000, 204.0, 95.0, &[route("/a", 1_010, 110.0), route("/b", 990, 400.0)]);
    let truth = truth(exact(2_000, 200.0, 100), &[("/a", exact(1_000, 100.0, 1)), ("/b", exact(1_000, 400.0, 1))]);
    let error = TruthError::new(&measured, &truth, &Truth::default());
    for (found, expected) in
        [(error.requests, 0.01), (error.p95_rel, 0.02), (error.p95_rel_worst_path, 0.1), (error.unique_rel, 0.05)]
    {
        assert!((found - expected).abs() < 1e-9, "{error:?}");
    }
}

#[test]
fn a_percentile_is_wrong_by_what_it_is_outside_of_upstream_and_client() {
    let of = |p95| {
        let measured = stats(1_000, p95, 1.0, &[route("/a", 1_000, p95)]);
        let truth = truth(exact(1_000, 200.0, 1), &[("/a", exact(1_000, 200.0, 1))]);
        let error = TruthError::new(&measured, &truth, &waited("/a", 250));
        assert_eq!(error.p95_ms, TimeBounds { least: 200.0, most: 250.0 });
        assert!((error.p95_rel - error.p95_rel_worst_path).abs() < 1e-9, "{error:?}");
        error.p95_rel
    };
    for (p95, expected) in [(180.0, 0.1), (200.0, 0.0), (249.0, 0.0), (255.0, 0.02)] {
        assert!((of(p95) - expected).abs() < 1e-9, "{p95}: {}", of(p95));
    }
    let mut report = report(10, 0..10, 0..0);
    report.truth_error.p95_rel = 0.021;
    assert_eq!(broken(&report), ["error of p95"]);
}

#[test]
fn a_path_that_is_missing_or_should_not_be_is_wholly_wrong() {
    let measured = stats(10, 1.0, 1.0, &[route("/b", 10, 1.0)]);
    let other = truth(exact(10, 1.0, 1), &[("/a", exact(10, 1.0, 1))]);
    assert!((TruthError::new(&measured, &other, &Truth::default()).requests - 1.0).abs() < 1e-9);
    let nothing = truth(exact(10, 1.0, 1), &[]);
    assert!((TruthError::new(&measured, &nothing, &Truth::default()).requests - 1.0).abs() < 1e-9);
}

#[test]
fn a_stage_reports_what_the_stores_gained() {
    let held = |requests, dual| Some(CohortCounts { requests, single: requests - dual, dual, fallback: 0 });
    let stores = |old, new, both, only_old, only_new| StoreOverlap { old, new, both: Some(both), only_old, only_new };
    let before = stores(held(5, 0), held(0, 0), 0, Some(5), Some(0));
    let after = stores(held(8, 3), held(4, 3), 3, Some(4), Some(1));
    let of = |requests, stores| StatsAnswer { stores, ..stats(requests, 1.0, 1.0, &[]) };
    let stage = StageReport::new(&STAGES[1], 4, Duration::from_millis(5), &of(5, before), &of(9, after));
    assert_eq!((stage.mode, stage.sample_ppm, stage.sent), ("dual-write", 1_000_000, 4));
    assert_eq!((stage.old, stage.new, stage.dual_old, stage.dual_new), (3, 4, 3, 3));
    assert_eq!((stage.only_old, stage.only_new, stage.merged), (-1, 1, 4));
}

#[test]
fn the_file_has_the_names_that_others_read() {
    let mut report = report(10, 0..10, 0..0);
    let nothing = stats(0, 1.0, 1.0, &[]);
    report.stages.push(StageReport::new(&STAGES[0], 10, Duration::ZERO, &nothing, &nothing));
    let json = serde_json::to_value(report).unwrap();
    for (place, names) in [
        ("", &["sent", "merged_total", "lost", "double_counted", "stages", "paths", "truth_error"][..]),
        ("/stages/0", &["mode", "sent", "old", "new", "dual_old", "dual_new", "only_old", "only_new"]),
        ("/paths/0", &["path", "requests", "p50_ms", "p95_ms", "p99_ms"]),
        ("/truth_error", &["requests", "p95_rel", "p95_ms", "p95_rel_worst_path", "unique_rel"]),
    ] {
        let found = json.pointer(place).unwrap();
        assert!(names.iter().all(|name| found.get(name).is_some()), "{place}: {found}");
    }
}
