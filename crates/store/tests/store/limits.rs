//! What is written fits into what a database takes: 2 MB a value and a row. `rig` sets the platform's limits.

use model::counting::grain::{Grain, MINUTE_MS, Retention};
use model::event::identity::{Digest, IdempotentId, window_start};
use model::event::{Event, ProducerId};
use model::parity::ask::{ParityAnswer, ParityQuestion};
use model::reading::selection::RouteSelection;
use rig::{START, Sqlite, block_on, event, rollups, store};
use store::events::event_store::WriterMemory;
use store::parity::side::ParityStore;
use store::sql::{Sql, Statement};

fn requests(sqlite: &Sqlite) -> u64 {
    rollups(&store(sqlite), Grain::Day, RouteSelection::Each).values().map(|rollup| rollup.requests).sum()
}

#[test]
fn a_batch_of_many_long_routes_is_stored_in_more_segments() {
    for (length, segments) in [(100, 2), (256, 4)] {
        let sqlite = Sqlite::new();
        let long = |n: u64| Event { path: format!("/{n:0>width$}", width = length - 1), ..event(n, n) };
        let events: Vec<Event> = (0..10_000).map(long).collect();
        let recorded = block_on(store(&sqlite).record(&mut WriterMemory::default(), &events, START)).unwrap();
        assert_eq!((recorded.stored, recorded.unfolded, sqlite.count("segments")), (10_000, segments, segments));
        // Repeats are packed too.
        let again = block_on(store(&sqlite).record(&mut WriterMemory::default(), &events, START)).unwrap();
        assert_eq!((again.stored, again.absorbed), (0, 10_000));
        while block_on(store(&sqlite).fold(START)).unwrap() > 0 {}
        assert_eq!(requests(&sqlite), 10_000);
        assert_eq!(block_on(store(&sqlite).events(0, START + MINUTE_MS)).unwrap().0.len(), 10_000);
    }
}

#[test]
fn a_minute_of_very_many_producers_is_folded_and_compared() {
    const PRODUCERS: u64 = 90_000;
    let sqlite = Sqlite::new();
    let of_one = |n: u64| Event { producer: ProducerId(u64::MAX - n), seq: 0, write: 0, ..event(n, n / 2) };
    let events: Vec<Event> = (0..PRODUCERS).map(of_one).collect();
    for fold in 1..=2 {
        block_on(store(&sqlite).record(&mut WriterMemory::default(), &events, START)).unwrap();
        while block_on(store(&sqlite).fold(START)).unwrap() > 0 {}
        let minute = |answer| match answer {
            ParityAnswer::Minutes(minutes) => {
                minutes.by_start.get(&START).map(|minute| (minute.numbers, minute.absorbed))
            }
            _ => None,
        };
        let range = (START, START + MINUTE_MS);
        let minutes = block_on(store(&sqlite).ask(&ParityQuestion::Minutes { from: range.0, to: range.1 })).unwrap();
        assert_eq!(minute(minutes), Some((PRODUCERS, (fold - 1) * PRODUCERS)));
        let ledger = block_on(store(&sqlite).ask(&ParityQuestion::Ledger { from: range.0, to: range.1 })).unwrap();
        let numbers = if let ParityAnswer::Ledger(arrivals) = ledger { arrivals.all().len() } else { 0 };
        assert_eq!(numbers, PRODUCERS);
    }
    assert_eq!(requests(&sqlite), PRODUCERS);
}

#[test]
fn events_of_very_many_windows_are_stored_at_once() {
    let sqlite = Sqlite::new();
    let spread = |n: u64| {
        let (event, timestamp) = (event(n, 0), START + n * 10_000);
        let digest = Digest(event.digest.0 ^ n);
        let id = IdempotentId::with_digest(window_start(timestamp, 1_000), digest).unwrap();
        Event { idempotent_id: id, digest, timestamp, ..event }
    };
    let events: Vec<Event> = (0..50_000).map(spread).collect();
    let by_second = store::events::event_store::EventStore::new(sqlite.clone(), 1_000, Retention::default());
    let recorded = block_on(by_second.record(&mut WriterMemory::default(), &events, START)).unwrap();
    assert_eq!(recorded.stored, 50_000);
}

#[test]
fn a_statement_whose_columns_have_no_names_of_their_own_fails_its_test() {
    let failure = |sql| {
        let run = || block_on(Sqlite::empty().batch(vec![Statement::new(sql, [])])).map(drop);
        *std::panic::catch_unwind(run).unwrap_err().downcast::<String>().unwrap()
    };
    assert_eq!(failure("SELECT 1 AS seq, 2 AS mark, 3 AS seq"), "two columns have the name seq");
    assert_eq!(failure("SELECT 1 AS seq, count(*)"), "a column has no name of its own: count(*)");
}
