//! What a reader remembers of a store is what the store would answer, whatever happened to the store in between.

use std::fmt::Write as _;

use model::counting::figures::Figures;
use model::counting::grain::{DAY_MS, Grain, HOUR_MS, Retention};
use model::event::identity::{DEFAULT_WINDOW_MS, IdempotentId, window_start};
use model::event::{Cohort, Event};
use model::reading::answers::SelectedRollups;
use model::reading::intervals::{Intervals, by_interval};
use model::reading::selection::{RollupParts, RouteSelection, Selection, Span, cover};
use proptest::prelude::*;
use rig::{START, Sqlite, block_on, event, store, store_keeping};
use store::events::event_store::{EventStore, WriterMemory};
use store::events::recall::{FORGET_AFTER_MS, Recall};

const KEPT: Retention =
    Retention { minutes_ms: 6 * HOUR_MS, hours_ms: 5 * DAY_MS, days_ms: 20 * DAY_MS, details_ms: 7 * DAY_MS };

#[derive(Debug, Clone)]
enum Step {
    /// An event that is so late (ms) arrives.
    Arrive(u64),
    Fold,
    Prune,
    /// So many ms pass.
    Pass(u64),
    /// A reader looks at the last so many ms of some routes, with these parts, of dual events too.
    Read(u64, RouteSelection, RollupParts, RollupParts),
    /// It asks so, and is answered, but the answer is on its way.
    Ask(u64, RouteSelection, RollupParts, RollupParts),
    /// One of those answers arrives.
    Answer(usize),
    /// The database is copied.
    Save,
    /// It is restored to one of its copies. The time goes on.
    Restore(usize),
}

fn parts() -> impl Strategy<Value = RollupParts> {
    prop::sample::select(vec![RollupParts::Counts, RollupParts::Latency, RollupParts::Figures])
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let late = prop_oneof![0..60_000u64, 0..HOUR_MS, 0..6 * DAY_MS];
    let pass = prop_oneof![0..60_000u64, 0..HOUR_MS, 0..2 * DAY_MS];
    let length = prop::sample::select(vec![HOUR_MS, 5 * HOUR_MS, DAY_MS, 7 * DAY_MS, 15 * DAY_MS]);
    let one = RouteSelection::One("/items/1".into());
    let routes = prop::sample::select(vec![RouteSelection::Each, RouteSelection::Each, RouteSelection::Together, one]);
    let step = prop_oneof![
        5 => late.prop_map(Step::Arrive),
        3 => Just(Step::Fold),
        1 => Just(Step::Prune),
        2 => pass.prop_map(Step::Pass),
        5 => (length.clone(), routes.clone(), parts(), parts()).prop_map(|(length, routes, parts, dual)| {
            Step::Read(length, routes, parts, dual)
        }),
        1 => (length, routes, parts(), parts()).prop_map(|(length, routes, parts, dual)| {
            Step::Ask(length, routes, parts, dual)
        }),
        1 => any::<usize>().prop_map(Step::Answer),
        1 => Just(Step::Save),
        1 => any::<usize>().prop_map(Step::Restore),
    ];
    prop::collection::vec(step, 1..80)
}

/// An event of a time.
fn at(request: u64, timestamp: u64) -> Event {
    let event = event(request, 0);
    let window = window_start(timestamp, DEFAULT_WINDOW_MS);
    Event { idempotent_id: IdempotentId::with_digest(window, event.digest).unwrap(), timestamp, ..event }
}

/// What is in some intervals, as text; with no more than these parts, since more may be remembered.
fn text(intervals: &Intervals, selection: &Selection) -> String {
    let mut text = String::new();
    for (slot, interval) in intervals.iter().filter(|(_, interval)| interval.requests() > 0) {
        for cohort in Cohort::ALL {
            let parts = if cohort == Cohort::Dual { selection.dual } else { selection.parts };
            for (path, rollup) in interval.of(cohort).iter() {
                let Figures { requests, status, response_time, addresses } = rollup.into();
                write!(text, "{slot:?} {cohort:?} {path} {requests} {status:?} {:?}", rollup.digest_sum).unwrap();
                let times = response_time.filter(|_| parts >= RollupParts::Latency);
                let addresses = Some(addresses).filter(|_| parts >= RollupParts::Figures);
                writeln!(text, " {times:?} {addresses:?}").unwrap();
            }
        }
    }
    text
}

fn read(recall: &mut Recall, store: &EventStore, selection: &Selection, now: u64) -> (String, SelectedRollups) {
    let recalled = recall.recall(selection, now);
    let found = block_on(store.find(selection, recalled.known().as_ref())).unwrap();
    let found: SelectedRollups = postcard::from_bytes(&postcard::to_allocvec(&found).unwrap()).unwrap();
    (text(&recall.learn(selection, &recalled, &found, now).unwrap(), selection), found)
}

fn each_route(spans: Vec<Span>, parts: RollupParts, dual: RollupParts) -> Selection {
    Selection { spans, routes: RouteSelection::Each, parts, dual }
}

fn live(steps: &[Step], max_bytes: usize) -> Result<(), TestCaseError> {
    let sqlite = Sqlite::new();
    let store = store_keeping(&sqlite, KEPT);
    let (mut copies, mut on_their_way) = (vec![sqlite.copy()], Vec::new());
    let (mut memory, mut recall, mut now, mut requests) = (WriterMemory::default(), Recall::new(max_bytes), START, 0);
    for step in steps {
        match step {
            Step::Arrive(late) => {
                requests += 1;
                block_on(store.record(&mut memory, &[at(requests, now - late)], now)).unwrap();
            }
            Step::Fold => drop(block_on(store.fold(now)).unwrap()),
            Step::Prune => while block_on(store.prune(now, u64::MAX)).unwrap() {},
            Step::Pass(ms) => now += ms,
            Step::Read(length, routes, parts, dual) => {
                let spans = cover(now - length, now, now, &KEPT);
                let selection = Selection { spans, routes: routes.clone(), parts: *parts, dual: *dual };
                let direct = by_interval(block_on(store.rollups(&selection)).unwrap());
                prop_assert_eq!(read(&mut recall, &store, &selection, now).0, text(&direct, &selection));
            }
            Step::Ask(length, routes, parts, dual) => {
                let spans = cover(now - length, now, now, &KEPT);
                let selection = Selection { spans, routes: routes.clone(), parts: *parts, dual: *dual };
                let recalled = recall.recall(&selection, now);
                let found = block_on(store.find(&selection, recalled.known().as_ref())).unwrap();
                on_their_way.push((selection, recalled, found, now));
            }
            Step::Answer(index) if !on_their_way.is_empty() => {
                let (selection, recalled, found, asked_at) = on_their_way.remove(index % on_their_way.len());
                recall.learn(&selection, &recalled, &found, asked_at).unwrap();
            }
            Step::Answer(_) => {}
            Step::Save => copies.push(sqlite.copy()),
            Step::Restore(index) => sqlite.restore(&copies[index % copies.len()]),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn what_is_recalled_is_what_the_store_would_answer(steps in steps(), max_bytes in prop_oneof![Just(20_000usize), Just(10_000_000)]) {
        live(&steps, max_bytes)?;
    }
}

/// Events of one minute each, folded at their end.
fn filled(minutes: u64, folded_at: u64) -> EventStore {
    let store = store(&Sqlite::new());
    let mut memory = WriterMemory::default();
    for n in 0..minutes {
        block_on(store.record(&mut memory, &[at(n, START + n * 60_000)], START + n * 60_000)).unwrap();
        block_on(store.fold(folded_at + n)).unwrap();
    }
    store
}

#[test]
fn only_what_has_changed_is_read_again() {
    let store = filled(30, START);
    let mut recall = Recall::new(1_000_000);
    let now = START + 30 * 60_000;
    let selection =
        each_route(vec![Span::around(Grain::Minute, START, now)], RollupParts::Latency, RollupParts::Latency);
    let rows = |recall: &mut Recall, now| read(recall, &store, &selection, now).1.folded.len();
    assert_eq!([rows(&mut recall, now), rows(&mut recall, now)], [30, 0]);
    block_on(store.record(&mut WriterMemory::default(), &[at(99, START + 27 * 60_000)], now)).unwrap();
    // Not folded yet, it is no change.
    assert_eq!(rows(&mut recall, now), 0);
    block_on(store.fold(now)).unwrap();
    // That minute and those after it.
    assert_eq!([rows(&mut recall, now), rows(&mut recall, now)], [4, 0]);
    assert_eq!(rows(&mut recall, now + FORGET_AFTER_MS), 31);
}

#[test]
fn a_database_that_was_restored_is_read_anew() {
    let (before, after) = (filled(30, START), filled(20, START + 7));
    let mut recall = Recall::new(1_000_000);
    let now = START + 30 * 60_000;
    let selection =
        each_route(vec![Span::around(Grain::Minute, START, now)], RollupParts::Latency, RollupParts::Latency);
    read(&mut recall, &before, &selection, now);
    let direct = by_interval(block_on(after.rollups(&selection)).unwrap());
    assert_eq!(read(&mut recall, &after, &selection, now).0, text(&direct, &selection));
}

#[test]
fn an_answer_that_comes_late_replaces_nothing_newer() {
    let store = filled(10, START);
    let mut recall = Recall::new(1_000_000);
    let now = START + 10 * 60_000;
    let selection =
        each_route(vec![Span::around(Grain::Minute, START, now)], RollupParts::Latency, RollupParts::Latency);
    let slow = recall.recall(&selection, now);
    let late = block_on(store.find(&selection, slow.known().as_ref())).unwrap();
    block_on(store.record(&mut WriterMemory::default(), &[at(99, START)], now)).unwrap();
    block_on(store.fold(now)).unwrap();
    let newest = read(&mut recall, &store, &selection, now).0;
    recall.learn(&selection, &slow, &late, now).unwrap();
    assert_eq!(read(&mut recall, &store, &selection, now).0, newest);
}
