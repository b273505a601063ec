//! How much a day's comparison asks of both databases and of memory. It is alone in its process: memory is the process's.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use model::counting::grain::Grain;
use model::log::ledger::Ledger;
use model::log::runs::Runs;
use model::log::writes::Writes;
use model::parity::verdict::Verdict;
use model::parity::window::{Window, WindowKind};
use rig::{START, Sqlite, block_on, store};
use store::parity::compare::{ComparisonRun, ComparisonSettings};
use store::parity::comparer::Comparer;
use store::parity::reports::Reports;

const MINUTES: u64 = 1_440;
const PATHS: u64 = 100;
const PRODUCERS: u64 = 20;
/// Events per minute and route: 10,008,000 a day.
const EVENTS: u64 = 70;

/// A day as folding leaves it, with bodies of the size that they have.
fn fill(sqlite: &Sqlite, day: Window) {
    let minutes = format!(
        "WITH RECURSIVE m(start) AS (SELECT {} UNION ALL SELECT start + 60000 FROM m WHERE start + 60000 < {})",
        day.from, day.to
    );
    sqlite.script(&format!(
        "{minutes}, p(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM p WHERE n < {PATHS})
         INSERT INTO rollups SELECT 60000, start, '/path/' || n, 1, {EVENTS}, 0, {EVENTS}, 0, 0, 0, 0, 0, 0,
                abs(start * n % 4294967291), abs(start * 7 * n % 4294967291),
                abs(start * 3 * n % 4294967291), abs(start * 5 * n % 4294967291),
                zeroblob(300), zeroblob(700), zeroblob(500) FROM m, p;
         INSERT INTO rollups SELECT grain, start, '', cohort, sum(requests), 0, sum(requests), 0, 0, 0, 0, 0, 0,
                sum(digest_high), sum(digest_low), sum(value_high), sum(value_low),
                zeroblob(600), zeroblob(2000), zeroblob(500) FROM rollups GROUP BY grain, start, cohort"
    ));
    for grain in [Grain::Hour, Grain::Day].map(Grain::ms) {
        sqlite.script(&format!(
            "INSERT INTO rollups SELECT {grain}, start - start % {grain} AS begin, path, cohort, sum(requests), 0,
                    sum(requests), 0, 0, 0, 0, 0, 0, sum(digest_high), sum(digest_low), sum(value_high), sum(value_low),
                    zeroblob(600), zeroblob(2000), zeroblob(500)
             FROM rollups WHERE grain = 60000 GROUP BY begin, path, cohort"
        ));
    }
    let each = u32::try_from(EVENTS * PATHS / PRODUCERS).unwrap();
    for minute in 0..1_440 {
        let numbers = || Runs::of((minute * each..(minute + 1) * each).collect());
        let ledger = Ledger((0..PRODUCERS).map(|producer| (producer, numbers())).collect());
        let body = postcard::to_allocvec(&ledger).unwrap();
        // A flush of each producer every four seconds or so, and most routes in each.
        let flushes = Runs::of((minute * each..(minute + 1) * each).step_by(26).collect());
        let flushes = Ledger((0..PRODUCERS).map(|producer| (producer, flushes.clone())).collect());
        let by_route = (1..=PATHS).map(|n| (format!("/path/{n}"), EVENTS)).collect();
        let written = Writes { all: flushes.clone(), dual: flushes, by_route, is_cut: false };
        let written = hex::encode(postcard::to_allocvec(&written).unwrap());
        let (start, count) = (day.from + u64::from(minute) * 60_000, ledger.len());
        sqlite.script(&format!(
            "INSERT INTO ledger
               (start, part, numbers, absorbed, events, fallback, dual, digest_high, digest_low, value_high, value_low, body,
                writes)
             SELECT start, 0, {count}, 0, requests, 0, requests, digest_high, digest_low, value_high, value_low, x'{}', x'{written}'
             FROM rollups WHERE grain = 60000 AND start = {start} AND path = ''",
            hex::encode(body)
        ));
    }
}

/// The most memory that this process ever had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
#[cfg(target_os = "linux")]
fn a_day_of_ten_million_equal_events_compares_from_sums_alone_and_in_64_mb() {
    let folder = tempfile::tempdir().unwrap();
    let day = Window::containing(WindowKind::Day, START);
    let (old, new) = (Sqlite::at(&folder.path().join("old")), Sqlite::at(&folder.path().join("new")));
    for sqlite in [&old, &new] {
        sqlite.script("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
        fill(sqlite, day);
    }
    let (old_store, new_store, kept) = (store(&old), store(&new), Reports::new(new.clone()));
    let comparer = Comparer { old: &*old_store, new: &*new_store, kept: &kept };
    let settings = ComparisonSettings { id_window_ms: 60_000, lag_ms: 0, limit_ppm: 10_000 };
    let ComparisonRun::Done(report) = block_on(comparer.run(day, day.to, settings)).unwrap() else {
        panic!("interrupted")
    };
    let (steps, memory) = (old.steps() + new.steps(), peak());
    println!("10 million equal events: {steps} steps of SQLite, peak memory {} MB", memory / 1_000_000);
    assert_eq!((report.total.verdict, report.total.union), (Verdict::Pass, MINUTES * PATHS * EVENTS));
    assert_eq!((report.ids_fetched, report.loss.missing, report.loss.arrived), (0, 0, MINUTES * PATHS * EVENTS));
    // A row for each minute and route would be 288,000, of some 20 steps each.
    assert!(steps < 20 * MINUTES * PATHS, "{steps} steps");
    assert!(memory < 64_000_000, "{memory} bytes");
}
