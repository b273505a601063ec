//! The page, of a run that is made up.

use std::collections::BTreeMap;
use std::time::Duration;

use model::parity::verdict::Verdict;

use super::*;
use crate::demo::parity::SelfTestReport;
use crate::demo::report::{TimeBounds, TruthError};
use crate::demo::surroundings::ConsumerTime;

fn compared(sample_ppm: Option<u32>, verdict: Verdict) -> StageComparison {
    let window = if sample_ppm.is_some() { "range:0:60000" } else { "selftest:before-late-events" };
    StageComparison {
        window: window.into(),
        verdict,
        union: 100,
        only_old: 1,
        only_new: 2,
        value_differs: 3,
        counted_twice: 0,
        upper_bound: 0.5,
        plan_percent: Some(1.25),
        absorbed: 4,
        lost: 5,
        sample_ppm,
        expected: true,
    }
}

fn stage(mode: &'static str, sample_ppm: u32, merged: i64) -> StageReport {
    StageReport {
        mode,
        sample_ppm,
        queue_ppm: 500_000,
        sent: 10,
        old: 10,
        new: 0,
        dual_old: 6,
        dual_new: 5,
        only_old: 10,
        only_new: 0,
        merged,
        added_ms: 5.5,
    }
}

fn report() -> DemoReport {
    let stages = [("do-only", 0, 10), ("dual-write", MILLION, 7), ("dual-write", 10_000, 13), ("queue-only", 0, 10)];
    DemoReport {
        sent: 40,
        merged_total: 40,
        lost: 0,
        double_counted: 0,
        unknown: 0,
        altered: 0,
        stages: stages.map(|(mode, sample, merged)| stage(mode, sample, merged)).into(),
        parity: vec![
            compared(Some(MILLION), Verdict::Pass),
            compared(Some(10_000), Verdict::Inconclusive),
            compared(None, Verdict::Fail),
        ],
        parity_selftest: SelfTestReport { passed: true, failures: Vec::new() },
        paths: Vec::new(),
        truth_error: TruthError {
            requests: 0.0,
            p95_rel: 0.0,
            p95_ms: TimeBounds { least: 2.0, most: 3.0 },
            p95_rel_worst_path: 0.0,
            unique_rel: 0.0,
        },
    }
}

/// The page, without the padding of its tables.
fn page(report: &DemoReport, consumer: Option<ConsumerTime>) -> String {
    let exact = ExactFigures { requests: 40, p50_ms: 1.0, p95_ms: 2.0, p99_ms: 3.0, unique_addresses: 9 };
    let truth = Truth { total: exact, paths: BTreeMap::new() };
    let surroundings = Surroundings {
        date: "2026-01-01T00:00:00Z".into(),
        machine: "2 × A CPU, linux".into(),
        commit: "0123456789ab".into(),
        command: "cargo xtask demo --exit".into(),
        id_time: Duration::from_nanos(321),
        consumer,
    };
    let text = DemoPage { report, truth: &truth }.verification(&[], &surroundings);
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn it_says_when_where_and_how_and_names_both_schemes() {
    let page = page(&report(), None);
    for expected in [
        "Every check holds.",
        "| date | 2026-01-01T00:00:00Z |",
        "| commit | `0123456789ab` |",
        "| A, 100 %: `range:0:60000` | pass | 100 | 1 | 2 | 3 | 0 | 4 | 5 | 1.250 % | 50.000 % | as it should be |",
        "| B, 1 %: `range:0:60000` | inconclusive |",
        "| before late events | fail | 100 | 1 | 2 | 3 | 0 | 4 | 5 |",
        "| making an ID | < 1 ms | 321 ns, native |",
        "| consumer, 100 messages | < 100 ms | not in this run: `make bench` |",
        "| `dual-write` 100 % (scheme A) | 10 | 10 | 0 | 6 | 5 | 7 | 3 | 0 | 5.5 ms |",
        "50 % of the rest (scheme B) | 10 | 10 | 0 | 6 | 5 | 13 | 0 | 3 | 5.5 ms |",
    ] {
        assert!(page.contains(expected), "{expected}\n{page}");
    }
}

#[test]
fn a_check_that_fails_is_said_at_the_top_and_at_its_place() {
    let page = page(&DemoReport { lost: 2, ..report() }, None);
    assert!(page.contains("**Failed: lost.**") && page.contains("| lost | 2 | 0 | **failed** |"), "{page}");
}

#[test]
fn a_machine_with_other_work_is_named_as_such() {
    let mut busy = report();
    assert!(!page(&busy, None).contains("other work"));
    busy.stages.push(StageReport { added_ms: 40.0, ..stage("queue-only", 0, 10) });
    assert!(page(&busy, None).contains("The machine had other work"));
}

#[test]
fn the_consumers_time_is_there_if_it_was_measured() {
    let page = page(&report(), Some(ConsumerTime { ms: 12.34 }));
    assert!(page.contains("12 ms with 50 events in each, by itself"), "{page}");
}
