//! Reports on one window over time: a later one never says less than what is known, and what is gone is refused.

use model::counting::grain::{DAY_MS, HOUR_MS, PROOF_MS};
use model::delivery::kept_letter::LetterSource;
use model::parity::report::ParityReport;
use model::parity::verdict::Verdict;
use model::parity::window::{Window, WindowKind};
use store::letters::dead_letters::{DeadLetter, DeadLetters};
use store::parity::compare::ComparisonRun;
use store::parity::comparer::Comparer;
use store::parity::reports::Reports;

use super::traffic::{Fault, Traffic};
use super::{SETTINGS, WriterMemory};
use rig::{START, Sqlite, block_on, deliver, store};

/// The first whole day after [`START`], and how long after [`START`] it begins, in ms.
const DAY: u64 = START - START % DAY_MS + DAY_MS;
const AFTER_START: u64 = DAY - START;

const fn day() -> Window {
    Window { kind: WindowKind::Day, from: DAY, to: DAY + DAY_MS }
}

struct World {
    old: Sqlite,
    new: Sqlite,
    kept: Reports,
}

impl World {
    fn of(traffic: &Traffic) -> Self {
        let (old, new) = (Sqlite::new(), Sqlite::new());
        let world = Self { kept: Reports::new(new.clone()), old, new };
        for (sqlite, events) in [(&world.old, &traffic.old), (&world.new, &traffic.new)] {
            let mut memory = WriterMemory::default();
            for events in events.chunks(500) {
                block_on(deliver(&store(sqlite), &mut memory, events));
            }
            while block_on(store(sqlite).fold(DAY + DAY_MS)).unwrap() > 0 {}
        }
        world
    }

    /// Deletes what is kept no longer; minutes are kept for 48 hours.
    fn prune(&self, now: u64) {
        for sqlite in [&self.old, &self.new] {
            while block_on(store(sqlite).prune(now, u64::MAX)).unwrap() {}
        }
    }

    /// Compares until a run comes to an end, and files what it came to.
    fn compare(&self, window: Window, now: u64) -> Result<ParityReport, String> {
        let (old, new) = (store(&self.old), store(&self.new));
        let comparer = Comparer { old: &*old, new: &*new, kept: &self.kept };
        loop {
            match block_on(comparer.run(window, now, SETTINGS)).unwrap() {
                ComparisonRun::Done(report) => return Ok(block_on(self.kept.store(*report)).unwrap()),
                ComparisonRun::Interrupted(_) => {}
                ComparisonRun::Refused(reason) => return Err(reason),
            }
        }
    }
}

/// So many events of a day, of whose morning every third one is missing in the new store: a sixth of all.
fn a_morning_is_missing(events: u64) -> Traffic {
    let mut traffic = Traffic::default();
    for n in 0..events {
        let fault = if n < events / 2 && n % 3 == 0 { Fault::DropNew } else { Fault::None };
        traffic.send(AFTER_START + n * (DAY_MS / events), n % 2, fault);
    }
    let later = traffic.event(AFTER_START + DAY_MS + HOUR_MS / 2, 0);
    traffic.both(&later);
    traffic
}

fn said(report: &ParityReport) -> (Verdict, u64, u64) {
    (report.total.verdict, report.total.union, report.total.mismatches)
}

#[test]
fn a_failed_day_stays_failed_however_late_it_is_compared_again() {
    let world = World::of(&a_morning_is_missing(6_000));
    let first = world.compare(day(), DAY + DAY_MS + HOUR_MS).unwrap();
    assert_eq!(said(&first), (Verdict::Fail, 6_000, 1_000));
    for hours in [60, 8 * 24] {
        let now = DAY + hours * HOUR_MS;
        world.prune(now);
        let again = world.compare(day(), now).unwrap();
        assert_eq!((said(&again), again.revision), (said(&first), 1), "after {hours} h, minutes of routes are gone");
    }
    let reason = world.compare(day(), DAY + PROOF_MS + 1).unwrap_err();
    assert!(reason.contains("too old"), "{reason}");
    assert_eq!(block_on(world.kept.latest(day())).unwrap().unwrap().verdict, Verdict::Fail);
}

#[test]
fn a_day_that_is_compared_for_the_first_time_after_its_routes_minutes_are_gone_is_compared_whole() {
    let world = World::of(&a_morning_is_missing(600));
    let now = DAY + 60 * HOUR_MS;
    world.prune(now);
    let report = world.compare(day(), now).unwrap();
    assert_eq!(said(&report), (Verdict::Fail, 600, 100));
    assert_eq!(report.differences.len() as u64 + report.unnamed, 100);
    let by_path: u64 = report.paths.iter().map(|path| path.comparison.union).sum();
    assert_eq!(by_path, 600);
    let odd = Window { kind: WindowKind::Range, from: DAY + 60_000, to: DAY + HOUR_MS };
    assert!(world.compare(odd, now).unwrap_err().contains("compare whole hours"), "single routes are not at hand");
}

#[test]
fn minutes_that_are_gone_in_either_store_refuse_the_comparison_with_the_reason() {
    for side in ["old", "new"] {
        let world = World::of(&a_morning_is_missing(600));
        let sqlite = if side == "old" { &world.old } else { &world.new };
        sqlite.script(&format!("DELETE FROM ledger WHERE start < {}", DAY + HOUR_MS / 2));
        let reason = world.compare(day(), DAY + DAY_MS + HOUR_MS).unwrap_err();
        assert!(reason.starts_with(&format!("the {side} store no longer has all minutes")), "{reason}");
        assert!(block_on(world.kept.latest(day())).unwrap().is_none(), "nothing is filed");
    }
}

#[test]
fn where_events_are_gone_what_was_found_of_them_holds_and_what_was_not_is_refused() {
    let compared = World::of(&a_morning_is_missing(600));
    let first = compared.compare(day(), DAY + DAY_MS + HOUR_MS).unwrap();
    let not_compared = World::of(&a_morning_is_missing(600));
    let now = DAY + 8 * DAY_MS;
    for world in [&compared, &not_compared] {
        world.prune(now);
        // What could explain the differences makes the comparer look at them again.
        let letter = DeadLetter {
            id: "1".into(),
            received_at: now,
            sent_at: None,
            source: LetterSource::Dlq,
            reason: "test".into(),
            payload: "{}".into(),
        };
        block_on(DeadLetters::new(world.new.clone()).store(&[letter])).unwrap();
    }
    assert_eq!(said(&compared.compare(day(), now).unwrap()), said(&first));
    let reason = not_compared.compare(day(), now).unwrap_err();
    assert!(reason.contains("its events are no longer kept"), "{reason}");
}

#[test]
fn a_restored_store_fails_the_window_though_what_is_left_is_the_same_in_both() {
    let hour = Window { kind: WindowKind::Hour, from: DAY, to: DAY + HOUR_MS };
    let mut traffic = Traffic::default();
    (0..1_000).for_each(|n| traffic.send(AFTER_START + n * 3_000, 0, Fault::None));
    let before = World::of(&traffic);
    for n in 0..100 {
        traffic.send(AFTER_START + 3_000_000 + n, 0, Fault::DropOld);
    }
    let first = World::of(&traffic);
    let after_its_end = hour.to + HOUR_MS;
    let failed = first.compare(hour, after_its_end).unwrap();
    assert_eq!(said(&failed), (Verdict::Fail, 1_100, 100));
    // D1 comes back as it was before these events; reports are of another database here, so that they stay.
    let restored = World { old: before.old, new: before.new, kept: first.kept.clone() };
    let report = restored.compare(hour, after_its_end + 1).unwrap();
    assert_eq!((said(&report), report.revision), ((Verdict::Fail, 1_000, 0), 2));
    assert_eq!((report.vanished.old, report.vanished.new, report.vanished.arrived), (0, 100, 100));
    let again = restored.compare(hour, after_its_end + 2).unwrap();
    assert_eq!((again.revision, again.total.verdict), (2, Verdict::Fail), "it stays so until they are back");
}

#[test]
fn a_window_with_nothing_in_either_store_leaves_no_report() {
    let world = World::of(&a_morning_is_missing(600));
    let empty = Window { kind: WindowKind::Hour, from: DAY - 3 * HOUR_MS, to: DAY - 2 * HOUR_MS };
    let report = world.compare(empty, DAY).unwrap();
    assert_eq!((report.revision, report.minutes), (0, 0));
    assert!(block_on(world.kept.latest(empty)).unwrap().is_none());
}

#[test]
fn an_event_that_comes_after_seven_days_still_changes_the_report_on_its_day() {
    let mut traffic = a_morning_is_missing(600);
    let world = World::of(&traffic);
    let first = world.compare(day(), DAY + DAY_MS + HOUR_MS).unwrap();
    let now = DAY + 7 * DAY_MS - HOUR_MS;
    world.prune(now);
    traffic.new.clone_from(&traffic.old);
    block_on(deliver(&store(&world.new), &mut WriterMemory::default(), &traffic.new));
    while block_on(store(&world.new).fold(now)).unwrap() > 0 {}
    let redriven = world.compare(day(), now).unwrap();
    assert_eq!((redriven.revision, redriven.total.union, redriven.total.mismatches), (first.revision + 1, 600, 0));
}
