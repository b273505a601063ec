//! Rolling up and deleting, in any interleaving with new events: no total that is kept ever changes.

use std::collections::BTreeMap;

use model::counting::grain::{DAY_MS, Grain, HOUR_MS, Retention};
use model::counting::rollup::{Rollup, Rollups};
use model::event::Event;
use model::event::identity::{DEFAULT_WINDOW_MS, IdempotentId, window_start};
use model::reading::selection::{RollupParts, RouteSelection, Selection, Span};
use proptest::prelude::*;
use rig::{Fate, Faulty, START, Sqlite, block_on, event, store_keeping};
use store::events::event_store::{EventStore, WriterMemory};
use store::events::retention::MIN_SEGMENT_AGE_MS;
use store::sql::StoreError;

/// Short, so that a test's month passes all of them.
const KEPT: Retention =
    Retention { minutes_ms: 2 * HOUR_MS, hours_ms: 3 * DAY_MS, days_ms: 20 * DAY_MS, details_ms: 7 * DAY_MS };

/// An event of a time.
fn at(request: u64, timestamp: u64) -> Event {
    let event = event(request, 0);
    let window = window_start(timestamp, DEFAULT_WINDOW_MS);
    Event { idempotent_id: IdempotentId::with_digest(window, event.digest).unwrap(), timestamp, ..event }
}

#[derive(Debug, Clone)]
enum Step {
    /// An event that is so late (ms) arrives, and its repeat.
    Arrive(u64),
    Fold,
    Prune,
    /// So many ms pass.
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let late = prop_oneof![0..HOUR_MS, 0..6 * DAY_MS];
    let pass = prop_oneof![0..HOUR_MS, 0..2 * DAY_MS];
    let step = prop_oneof![
        5 => late.prop_map(Step::Arrive),
        3 => Just(Step::Fold),
        3 => Just(Step::Prune),
        2 => pass.prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..60)
}

/// All that is kept of a grain.
fn kept(store: &EventStore, grain: Grain, routes: RouteSelection, now: u64) -> Rollups {
    let spans = vec![Span::around(grain, KEPT.first(grain, now), now + 1)];
    block_on(store.rollups(&Selection { spans, routes, parts: RollupParts::Counts, dual: RollupParts::Counts }))
        .unwrap()
}

/// Requests and digests by interval.
fn sums(rollups: &Rollups) -> BTreeMap<u64, (u64, u64)> {
    let mut sums: BTreeMap<u64, Rollup> = BTreeMap::new();
    for (key, rollup) in rollups {
        sums.entry(key.start).or_default().merge(rollup);
    }
    sums.into_iter().map(|(start, sum)| (start, (sum.requests, sum.digest_sum))).collect()
}

fn expected(events: &[Event], grain: Grain, from: u64) -> BTreeMap<u64, (u64, u64)> {
    let mut sums: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for event in events.iter().filter(|event| grain.floor(event.timestamp) >= from) {
        let sum = sums.entry(grain.floor(event.timestamp)).or_default();
        *sum = (sum.0 + 1, sum.1.wrapping_add(event.digest.0));
    }
    sums
}

/// Repeats what a database made fail.
fn until_done<T>(mut call: impl FnMut() -> Result<T, StoreError>) -> T {
    for _ in 0..1_000 {
        if let Ok(done) = call() {
            return done;
        }
    }
    panic!("never succeeded");
}

fn live(steps: &[Step], fates: &[Fate]) -> Result<(), TestCaseError> {
    let sqlite = Sqlite::new();
    let faulty: EventStore = store_keeping(&Faulty::new(&sqlite, fates), KEPT);
    let plain = store_keeping(&sqlite, KEPT);
    let (mut memory, mut events, mut now) = (WriterMemory::default(), Vec::new(), START);
    for step in steps {
        match step {
            Step::Arrive(late) => {
                let event = at(events.len() as u64, now - late);
                for _ in 0..2 {
                    until_done(|| block_on(faulty.record(&mut memory, std::slice::from_ref(&event), now)));
                }
                events.push(event);
            }
            Step::Fold => drop(until_done(|| block_on(faulty.fold(now)))),
            Step::Prune => while until_done(|| block_on(faulty.prune(now, u64::MAX))) {},
            Step::Pass(ms) => now += ms,
        }
        for grain in Grain::ALL {
            let from = KEPT.first(grain, now);
            for routes in [RouteSelection::Each, RouteSelection::Together] {
                let read = kept(&plain, grain, routes, now);
                prop_assert_eq!(sums(&read), expected(&events, grain, from), "{:?} after {:?}", grain, step);
            }
        }
    }
    // In the end only what is kept is there.
    until_done(|| block_on(faulty.fold(now)));
    while until_done(|| block_on(faulty.prune(now, u64::MAX))) {}
    let rows: usize = Grain::ALL
        .into_iter()
        .flat_map(|grain| {
            [RouteSelection::Each, RouteSelection::Together].map(|routes| kept(&plain, grain, routes, now).len())
        })
        .sum();
    prop_assert_eq!(sqlite.count("rollups"), rows as u64);
    let oldest = now.saturating_sub(MIN_SEGMENT_AGE_MS);
    let kept = events.iter().filter(|event| event.idempotent_id.timestamp_ms() >= oldest).count();
    let there = block_on(plain.events(START - 30 * DAY_MS, now + DAY_MS)).unwrap().0.len();
    prop_assert_eq!(there, kept);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn no_interleaving_of_events_folds_and_deletions_changes_a_total(steps in steps()) {
        live(&steps, &[Fate::Works])?;
    }

    #[test]
    fn nor_does_a_database_that_fails_before_or_after_it_has_done_its_part(
        steps in steps(),
        fates in prop::collection::vec(
            prop::sample::select(vec![Fate::Works, Fate::Fails, Fate::FailsAfterPersisting]), 1..12),
    ) {
        let works = fates.iter().copied().chain([Fate::Works; 4]).collect::<Vec<_>>();
        live(&steps, &works)?;
    }
}

#[test]
fn a_month_of_minutes_is_deleted_in_bounded_steps_and_stays_within_its_bounds() {
    let sqlite = Sqlite::new();
    let store = store_keeping(&sqlite, KEPT);
    let mut memory = WriterMemory::default();
    let mut now = START;
    for hour in 0..30 * 24 {
        now = START + hour * HOUR_MS;
        let events: Vec<Event> = (0..30).map(|n| at(hour * 30 + n, now + n * 120_000)).collect();
        block_on(store.record(&mut memory, &events, now)).unwrap();
        block_on(store.fold(now + HOUR_MS)).unwrap();
    }
    now += HOUR_MS;
    let mut steps = 0;
    while block_on(store.prune(now, u64::MAX)).unwrap() {
        steps += 1;
    }
    // 5 routes and all together, in 3 cohorts; every interval that is kept, and the one that is not over.
    let bound = (2 * 60 + 1) * 18 + (3 * 24 + 1) * 18 + (20 + 1) * 18;
    assert!(sqlite.count("rollups") <= bound, "{} rows", sqlite.count("rollups"));
    // The ledger is what parity compares by: it lives as long as an event of its day may come, and two days.
    assert!(sqlite.count("ledger") <= (9 * 24 + 1) * 30 && sqlite.count("folds") <= 25);
    assert!(steps > 10, "{steps} steps of a bounded number of rows");
}
