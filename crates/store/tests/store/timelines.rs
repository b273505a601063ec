//! A database that is restored to an earlier state and written again: what a store counts is what it holds.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use model::event::Event;
use model::event::identity::Digest;
use proptest::prelude::*;
use rig::{Fate, Faulty, START, Sqlite, block_on, days, deliver, event, figures, interleave, store};
use store::events::event_store::{EventStore, WriterMemory};
use store::events::retention::MIN_SEGMENT_AGE_MS;
use store::sql::{Sql, StoreError};

/// The events that a store holds; no digest may be there twice.
fn held(sqlite: &Sqlite) -> Vec<Event> {
    let (events, more) = block_on(store(sqlite).events(0, u64::MAX >> 12)).unwrap();
    let digests: BTreeSet<Digest> = events.iter().map(|event| event.digest).collect();
    assert_eq!((digests.len(), more), (events.len(), false), "an event is stored twice");
    events
}

/// Figures of a new store that is given these events.
fn plain_figures(events: &[Event]) -> String {
    let sqlite = Sqlite::new();
    block_on(deliver(&store(&sqlite), &mut WriterMemory::default(), events));
    figures(&store(&sqlite))
}

fn record(store: &EventStore, memory: &mut WriterMemory, events: &[Event]) -> (u64, u64) {
    let recorded = block_on(store.record(memory, events, START)).unwrap();
    (recorded.stored, recorded.absorbed)
}

#[test]
fn a_consumer_that_remembers_another_timeline_of_the_same_length_stores_what_no_store_has() {
    let sqlite = Sqlite::new();
    let (store, mut consumer) = (store(&sqlite), WriterMemory::default());
    let events = |numbers: std::ops::Range<u64>| numbers.map(|n| event(n, n)).collect::<Vec<_>>();
    let earlier = sqlite.copy();
    for event in events(0..50) {
        record(&store, &mut consumer, &[event]);
    }
    record(&store, &mut consumer, &events(0..50));
    sqlite.restore(&earlier);
    let mut another_isolate = WriterMemory::default();
    for event in events(50..101) {
        record(&store, &mut another_isolate, &[event]);
    }
    // As many segments as it read, the one with its repeats included: of the same numbers, with other contents.
    assert_eq!(record(&store, &mut consumer, &events(0..101)), (50, 51));
    assert_eq!(held(&sqlite).len(), 101);
    assert_eq!(figures(&store), plain_figures(&events(0..101)));
}

#[test]
fn a_memory_whose_last_segment_was_deleted_reads_anew() {
    let sqlite = Sqlite::new();
    let (store, mut memory) = (store(&sqlite), WriterMemory::default());
    record(&store, &mut memory, &[event(1, 0)]);
    record(&store, &mut memory, &[event(2, 0)]);
    block_on(store.fold(START)).unwrap();
    while block_on(store.prune(START + MIN_SEGMENT_AGE_MS + 1, u64::MAX)).unwrap() {}
    assert_eq!(sqlite.count("segments"), 0);
    let mut another = WriterMemory::default();
    record(&store, &mut another, &[event(3, 0)]);
    assert_eq!(record(&store, &mut memory, &[event(3, 0), event(4, 0)]), (1, 1));
    block_on(store.fold(START)).unwrap();
    assert_eq!(days(&store).iter().map(|day| day.1).sum::<u64>(), 4);
}

#[derive(Debug, Clone)]
enum Step {
    /// An isolate records these events.
    Record(usize, Vec<u64>),
    Fold,
    Save,
    Restore(usize),
}

fn numbers() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(0u64..30, 1..6)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0usize..3, numbers()).prop_map(|(isolate, numbers)| Step::Record(isolate, numbers)),
        2 => Just(Step::Fold),
        1 => Just(Step::Save),
        1 => any::<usize>().prop_map(Step::Restore),
    ];
    prop::collection::vec(step, 1..40)
}

/// Events over some windows.
fn numbered(numbers: &[u64]) -> Vec<Event> {
    let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
    distinct.into_iter().map(|n| event(n, n * 7_919 % 190_000)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn whatever_is_restored_each_event_that_was_recorded_since_is_held_and_counted_once(steps in steps()) {
        let sqlite = Sqlite::new();
        let (store, mut copies) = (store(&sqlite), vec![sqlite.copy()]);
        let mut isolates = [const { None }; 3];
        for step in &steps {
            match step {
                Step::Record(isolate, numbers) => {
                    let before = held(&sqlite).len() as u64;
                    let events = numbered(numbers);
                    let memory = isolates[*isolate].get_or_insert_with(WriterMemory::default);
                    let recorded = record(&store, memory, &events);
                    let after = held(&sqlite);
                    prop_assert_eq!((recorded.0, recorded.0 + recorded.1), (after.len() as u64 - before, events.len() as u64));
                    let has = |event: &Event| after.iter().any(|held| held.digest == event.digest);
                    prop_assert!(events.iter().all(has));
                }
                Step::Fold => drop(block_on(store.fold(START)).unwrap()),
                Step::Save => copies.push(sqlite.copy()),
                Step::Restore(index) => sqlite.restore(&copies[index % copies.len()]),
            }
        }
        prop_assert_eq!(figures(&store), plain_figures(&held(&sqlite)));
    }
}

type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_restore_between_the_reads_and_the_write_of_others_leaves_what_is_counted_what_is_held(
        batches in prop::collection::vec(numbers(), 4..16),
        restores in prop::collection::vec((1usize..6, any::<prop::sample::Index>()), 1..6),
        order in prop::collection::vec(0usize..4, 0..200),
    ) {
        let sqlite = Sqlite::new();
        let shared = store(&Faulty::new(&sqlite, &[Fate::Works]));
        let writer = |parity: usize| -> Task<'_> {
            let (shared, batches) = (&shared, &batches);
            Box::pin(async move {
                let mut memory = WriterMemory::default();
                for batch in batches.iter().skip(parity).step_by(2).chain(batches.iter().skip(1 - parity).step_by(2)) {
                    deliver(shared, &mut memory, &numbered(batch)).await;
                }
            })
        };
        let folder: Task<'_> = Box::pin(async {
            for _ in 0..6 {
                match shared.fold(START).await {
                    Ok(_) | Err(StoreError::Conflict) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let restorer: Task<'_> = Box::pin(async {
            let (pauses, mut copies) = (Faulty::new(&sqlite, &[]), vec![sqlite.copy()]);
            for (wait, copy) in &restores {
                for _ in 0..*wait {
                    pauses.pause().await;
                }
                sqlite.restore(copy.get(&copies));
                for _ in 0..*wait {
                    pauses.pause().await;
                }
                copies.push(sqlite.copy());
            }
        });
        interleave(vec![writer(0), writer(1), folder, restorer], &order);
        prop_assert_eq!(figures(&store(&sqlite)), plain_figures(&held(&sqlite)));
        while block_on(shared.fold(START)).unwrap() > 0 {}
        prop_assert_eq!(figures(&store(&sqlite)), plain_figures(&held(&sqlite)));
    }
}
