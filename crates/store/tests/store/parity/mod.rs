//! Parity over real SQLite stores: whatever goes wrong is named, and nothing else is.

mod admitted;
mod history;
mod traffic;
mod twice;
mod verdicts;

use std::collections::BTreeMap;

use model::event::identity::IdempotentId;
use model::event::{Event, ProducerId};
use model::parity::difference::DifferenceReason;
use model::parity::report::ParityReport;
use model::parity::selftest::{SelfTest, worlds};
use model::parity::verdict::Verdict;
use model::parity::window::Window;
use proptest::prelude::*;
use rig::{Fate, Faulty, START, Sqlite, block_on, deliver, store};
use store::events::event_store::WriterMemory;
use store::letters::dead_letters::DeadLetters;
use store::parity::compare::{ComparisonRun, ComparisonSettings, MAX_MINUTES};
use store::parity::comparer::Comparer;
use store::parity::reports::Reports;
use store::sql::StoreError;
use traffic::{FAULTS, Fault, PRODUCERS, Traffic, Truth, requests, some_fault, traffic};

const SETTINGS: ComparisonSettings = ComparisonSettings { id_window_ms: 60_000, lag_ms: 900_000, limit_ppm: 10_000 };
const WINDOW_MS: u64 = 600_000;
const AFTER: u64 = START + WINDOW_MS + 900_000;

fn window() -> Window {
    Window::parse(&format!("range:{START}-{}", START + WINDOW_MS)).unwrap()
}

/// Both stores, filled with batches of this size and folded in between or not.
struct Stores {
    old: Sqlite,
    new: Sqlite,
}

impl Stores {
    fn new() -> Self {
        Self { old: Sqlite::new(), new: Sqlite::new() }
    }

    fn fill(&self, traffic: &Traffic, batch: usize, fold: bool) {
        for (sqlite, events) in [(&self.old, &traffic.old), (&self.new, &traffic.new)] {
            let mut memory = WriterMemory::default();
            for events in events.chunks(batch) {
                block_on(deliver(&store(sqlite), &mut memory, events));
            }
        }
        if fold {
            self.fold();
        }
        block_on(DeadLetters::new(self.new.clone()).store(&traffic.letters)).unwrap();
    }

    fn fold(&self) {
        for sqlite in [&self.old, &self.new] {
            while block_on(store(sqlite).fold(AFTER)).unwrap() > 0 {}
        }
    }

    fn run(&self, window: Window, settings: ComparisonSettings) -> Result<ComparisonRun, StoreError> {
        let (old, new, kept) = (store(&self.old), store(&self.new), Reports::new(self.new.clone()));
        block_on(Comparer { old: &*old, new: &*new, kept: &kept }.run(window, AFTER, settings))
    }

    fn report(&self) -> ParityReport {
        let report = match self.run(window(), SETTINGS).unwrap() {
            ComparisonRun::Done(report) => report,
            other => panic!("{other:?}"),
        };
        block_on(Reports::new(self.new.clone()).store(*report)).unwrap()
    }
}

fn found(report: &ParityReport) -> Truth {
    assert_eq!(report.unnamed, 0);
    let unexplained = report.differences.iter().filter(|d| d.reason.is_none()).map(|d| (d.digest.0, d.kind)).collect();
    let explained = report.differences.iter().filter_map(|d| d.reason.map(|reason| (d.digest.0, reason)));
    let explained = explained.filter(|(_, reason)| *reason != DifferenceReason::Repeat).collect();
    Truth { union: report.total.union, unexplained, explained, lost: report.loss.missing }
}

#[test]
fn events_that_arrive_late_reopen_the_window_as_a_new_revision() {
    let mut traffic = traffic(&[(1_000, 1, Fault::None), (70_000, 1, Fault::DropNew)]);
    let stores = Stores::new();
    stores.fill(&traffic, 10, true);
    let first = stores.report();
    assert_eq!((first.revision, first.total.tally.only_old), (1, 1));
    assert_eq!(stores.report(), first, "nothing has changed");
    traffic.new = traffic.old.clone();
    stores.fill(&traffic, 10, true);
    let second = stores.report();
    assert_eq!((second.revision, second.total.mismatches), (2, 0));
}

#[test]
fn a_run_that_is_interrupted_goes_on_where_it_stood() {
    let minutes = 2 * MAX_MINUTES as u64 + 5;
    let mut traffic = Traffic::default();
    for minute in 0..minutes {
        traffic.send(minute * 60_000, 0, Fault::DropNew);
    }
    let later = traffic.event((minutes + 3) * 60_000, 0);
    traffic.both(&later);
    let stores = Stores::new();
    stores.fill(&traffic, 100, true);
    let long = Window::parse(&format!("range:{START}-{}", START + minutes * 60_000)).unwrap();
    let left = |run| match run {
        ComparisonRun::Interrupted(left) => Ok(left),
        ComparisonRun::Refused(reason) => panic!("{reason}"),
        ComparisonRun::Done(report) => Err(report.total.tally.only_old),
    };
    let runs: Vec<_> = (0..3).map(|_| left(stores.run(long, SETTINGS).unwrap())).collect();
    assert_eq!(runs, [Ok(MAX_MINUTES + 5), Ok(5), Err(minutes)]);
}

#[test]
fn whatever_call_fails_a_repeat_gives_the_same_report() {
    let all: Vec<_> = (0u64..).zip(FAULTS).map(|(n, fault)| (1 + n * 7_000, n % PRODUCERS, fault)).collect();
    let traffic = traffic(&all);
    let stores = Stores::new();
    stores.fill(&traffic, 7, true);
    let (old, new) = (store(&stores.old), store(&stores.new));
    let mut failures = 0;
    for position in 0..40 {
        let mut fates = [Fate::Works; 40];
        fates[position] = Fate::FailsAfterPersisting;
        let kept = Reports::new(Faulty::new(&stores.new, &fates));
        let comparer = Comparer { old: &*old, new: &*new, kept: &kept };
        if let Ok(ComparisonRun::Done(report)) = block_on(comparer.run(window(), AFTER, SETTINGS)) {
            assert_eq!(found(&report), traffic.truth);
        } else {
            failures += 1;
        }
        assert_eq!(found(&stores.report()), traffic.truth);
    }
    assert!(failures > 0);
    assert_eq!(stores.report().revision, 1);
}

#[test]
fn what_is_on_its_way_makes_the_report_pending_until_it_arrives() {
    let mut traffic = Traffic::default();
    traffic.send(0, 0, Fault::None);
    traffic.send(400_000, 0, Fault::DropNew);
    let stores = Stores::new();
    stores.fill(&traffic, 10, true);
    let report = stores.report();
    assert_eq!((report.total.verdict, report.total.tally.queued), (Verdict::Pending, 1));
    traffic.new = traffic.old.clone();
    stores.fill(&traffic, 10, true);
    assert_eq!((stores.report().total.verdict, stores.report().total.mismatches), (Verdict::Inconclusive, 0));
}

#[test]
fn at_one_percent_299_clean_events_are_the_fewest_that_pass() {
    for (count, verdict) in [(298, Verdict::Inconclusive), (299, Verdict::Pass)] {
        let mut traffic = Traffic::default();
        (0..count).for_each(|n| traffic.send(n * 2_000, 0, Fault::None));
        let stores = Stores::new();
        stores.fill(&traffic, 1_000, true);
        assert_eq!(stores.report().total.verdict, verdict);
    }
}

#[test]
fn the_comparator_passes_its_own_test_and_fails_it_when_a_store_is_tampered_with() {
    let end = START + 4 * 60_000;
    let test = SelfTest::new(7, end, SETTINGS.id_window_ms).unwrap();
    for tamper in [false, true] {
        let stores = Stores::new();
        let fill = |old: &[Event], new: &[Event]| {
            let traffic = Traffic { old: old.to_vec(), new: new.to_vec(), ..Traffic::default() };
            stores.fill(&traffic, 50, true);
        };
        let report = || match stores.run(SelfTest::window(end), SETTINGS).unwrap() {
            ComparisonRun::Done(report) => *report,
            other => panic!("{other:?}"),
        };
        fill(&test.old, if tamper { &test.new[1..] } else { &test.new });
        let first = report();
        fill(&[], &test.late);
        let outcome = test.outcome(first, report());
        assert_eq!(outcome.passed, !tamper, "{:?}", outcome.failures);
    }
}

#[test]
fn the_comparator_names_the_fault_of_each_world_of_its_own_test() {
    let end = AFTER;
    for world in worlds(7, end, SETTINGS.id_window_ms).unwrap() {
        let stores = Stores::new();
        let [old, new] = world.given.clone();
        stores.fill(&Traffic { old, new, ..Traffic::default() }, 50, false);
        for (sqlite, again) in [&stores.old, &stores.new].into_iter().zip(&world.again) {
            block_on(store(sqlite).store_again(again, AFTER)).unwrap();
        }
        let settings = ComparisonSettings { lag_ms: 0, ..SETTINGS };
        let ComparisonRun::Done(report) = stores.run(world.window, settings).unwrap() else { panic!("interrupted") };
        assert_eq!(world.failures(&report), Vec::<String>::new(), "{}", report.summary);
    }
}

#[test]
fn sums_that_differ_where_no_event_does_keep_a_report_from_passing() {
    let stores = Stores::new();
    let clean: Vec<_> = (0..400).map(|n| (n * 1_000, 0, Fault::None)).collect();
    stores.fill(&traffic(&clean), 100, true);
    assert_eq!(stores.report().total.verdict, Verdict::Pass);
    stores.new.script(&format!(
        "UPDATE rollups SET value_low = value_low + 1 WHERE grain = 60000 AND start = {START} AND path = '/items/1'"
    ));
    let ComparisonRun::Refused(reason) = stores.run(window(), SETTINGS).unwrap() else {
        panic!("routes that are not what their minute is were compared")
    };
    assert!(reason.contains("single routes"), "{reason}");
    stores.new.script(&format!("UPDATE ledger SET value_low = value_low + 1 WHERE start = {START}"));
    let passes =
        |run: &ComparisonRun| matches!(run, ComparisonRun::Done(report) if report.total.verdict == Verdict::Pass);
    assert!(!stores.run(window(), SETTINGS).is_ok_and(|run| passes(&run)), "nothing is found, and nothing is proved");
}

#[test]
fn a_window_that_is_not_closed_is_pending() {
    let stores = Stores::new();
    stores.fill(&traffic(&[(1, 0, Fault::None)]), 10, true);
    let ComparisonRun::Done(report) = stores.run(window(), ComparisonSettings { lag_ms: 900_001, ..SETTINGS }).unwrap()
    else {
        panic!()
    };
    assert_eq!(report.total.verdict, Verdict::Pending);
}

#[test]
fn what_a_new_producer_lost_at_its_beginning_is_missing_and_what_an_old_one_sent_before_is_not() {
    let mut traffic = Traffic { next: BTreeMap::from([(0, 4), (1, 9)]), ..Traffic::default() };
    traffic.send(10, 0, Fault::None);
    traffic.send(20, 1, Fault::None);
    let mut before = Traffic { requests: 500, ..Traffic::default() };
    before.send(0, 1, Fault::None);
    before.old[0].timestamp -= 3 * 60 * 60 * 1000;
    let id = before.old[0].idempotent_id.timestamp_ms() - 3 * 60 * 60 * 1000;
    before.old[0].idempotent_id = IdempotentId::with_digest(id, before.old[0].digest).unwrap();
    before.new.clone_from(&before.old);
    let stores = Stores::new();
    stores.fill(&before, 10, true);
    stores.fill(&traffic, 10, true);
    let loss = stores.report().loss;
    assert_eq!((loss.missing, loss.unjudged_producers, loss.gaps[0].producer), (4, 1, ProducerId(0)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_injected_difference_is_named_and_none_is_invented(
        requests in requests(some_fault()), batch in 1usize..60, fold: bool,
    ) {
        let traffic = traffic(&requests);
        let stores = Stores::new();
        stores.fill(&traffic, batch, fold);
        let report = stores.report();
        prop_assert_eq!(found(&report), traffic.truth);
        let total = &report.total;
        prop_assert_eq!(total.unexplained + total.tally.fallback + total.tally.dead_lettered, total.mismatches);
        let by_path: u64 = report.paths.iter().map(|path| path.comparison.union).sum();
        prop_assert_eq!(by_path, total.union);
    }

    #[test]
    fn without_faults_nothing_fails_and_no_id_is_fetched(requests in requests(Just(Fault::None)), batch in 1usize..60, fold: bool) {
        let traffic = traffic(&requests);
        let stores = Stores::new();
        stores.fill(&traffic, batch, fold);
        let report = stores.report();
        prop_assert_eq!(found(&report), traffic.truth);
        prop_assert!(matches!(report.total.verdict, Verdict::Pass | Verdict::Inconclusive));
        prop_assert_eq!((report.ids_fetched, report.minutes_differing), (0, 0));
    }
}
