//! Each event counts once, however it is delivered and whatever fails.

use std::future::Future;
use std::pin::Pin;

use model::event::Event;
use model::event::identity::Digest;
use proptest::prelude::*;
use rig::{Fate, Faulty, START, Sqlite, block_on, deliver, event, figures, interleave, store};
use store::events::event_store::WriterMemory;
use store::sql::StoreError;

/// A delivery: positions of events (some repeated, in any order), split into batches.
fn deliveries() -> impl Strategy<Value = (Vec<Event>, Vec<Vec<Event>>)> {
    (1u64..24, prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..24))
        .prop_flat_map(|(count, swaps)| {
            let events: Vec<Event> = (0..count).map(|n| event(n, n * 7_919 % 190_000)).collect();
            let extra = prop::collection::vec(any::<prop::sample::Index>(), 0..12);
            let cuts = prop::collection::vec(1usize..9, 1..36);
            (Just(events), Just(swaps), extra, cuts)
        })
        .prop_map(|(events, swaps, extra, cuts)| {
            let mut stream = events.clone();
            stream.extend(extra.iter().map(|index| index.get(&events).clone()));
            for (a, b) in swaps {
                let (a, b) = (a.index(stream.len()), b.index(stream.len()));
                stream.swap(a, b);
            }
            let mut batches = Vec::new();
            let mut cuts = cuts.into_iter().cycle();
            while !stream.is_empty() {
                let rest = stream.split_off(cuts.next().unwrap().min(stream.len()));
                batches.push(std::mem::replace(&mut stream, rest));
            }
            (events, batches)
        })
}

fn plain_figures(events: &[Event]) -> String {
    let sqlite = Sqlite::new();
    block_on(deliver(&store(&sqlite), &mut WriterMemory::default(), events));
    figures(&store(&sqlite))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn a_duplicated_reordered_and_split_delivery_gives_identical_figures(
        (events, batches) in deliveries(), folds in prop::collection::vec(any::<bool>(), 36), forget: bool,
    ) {
        let sqlite = Sqlite::new();
        let store = store(&sqlite);
        let mut memory = WriterMemory::default();
        for (batch, fold) in batches.iter().zip(folds.iter().cycle()) {
            block_on(deliver(&store, &mut memory, batch));
            if *fold {
                block_on(store.fold(START)).unwrap();
            }
            if forget {
                memory = WriterMemory::default();
            }
        }
        prop_assert_eq!(figures(&store), plain_figures(&events));
    }
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![3 => Just(Fate::Works), 1 => Just(Fate::Fails), 1 => Just(Fate::FailsAfterPersisting)];
    prop::collection::vec(fate, 1..12).prop_map(|mut fates| {
        // A cycle of one working read and one working write must be possible, or no delivery ever ends.
        fates.extend([Fate::Works; 3]);
        fates
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn failures_also_after_persisting_neither_lose_nor_double(
        (events, batches) in deliveries(), fates in fates(),
    ) {
        let sqlite = Sqlite::new();
        let faulty = store(&Faulty::new(&sqlite, &fates));
        let mut memory = WriterMemory::default();
        for batch in &batches {
            block_on(deliver(&faulty, &mut memory, batch));
            let _ = block_on(faulty.fold(START));
        }
        prop_assert_eq!(figures(&store(&sqlite)), plain_figures(&events));
    }

    #[test]
    fn concurrent_consumers_and_folds_are_safe(
        (events, batches) in deliveries(), order in prop::collection::vec(0usize..3, 0..200),
    ) {
        let sqlite = Sqlite::new();
        let shared = store(&Faulty::new(&sqlite, &[Fate::Works]));
        let consumer = |parity: usize| -> Pin<Box<dyn Future<Output = ()> + '_>> {
            let (shared, batches) = (&shared, &batches);
            Box::pin(async move {
                let mut memory = WriterMemory::default();
                for batch in batches.iter().skip(parity).step_by(2).chain(batches.iter().skip(1 - parity).step_by(2)) {
                    deliver(shared, &mut memory, batch).await;
                    match shared.fold(START).await {
                        Ok(_) | Err(StoreError::Conflict) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        };
        interleave(vec![consumer(0), consumer(1)], &order);
        prop_assert_eq!(figures(&store(&sqlite)), plain_figures(&events));
    }
}

#[test]
fn a_conflict_that_never_ends_is_reported_and_changes_nothing() {
    #[derive(Clone)]
    struct AlwaysSlower(Sqlite);
    impl store::sql::Sql for AlwaysSlower {
        async fn batch(&self, statements: Vec<store::sql::Statement>) -> Result<Vec<Vec<store::sql::Row>>, StoreError> {
            if statements[0].sql.contains("INSERT") {
                Err(StoreError::Conflict)
            } else {
                self.0.batch(statements).await
            }
        }
    }
    let sqlite = Sqlite::new();
    let slower = store(&AlwaysSlower(sqlite.clone()));
    let result = block_on(slower.record(&mut WriterMemory::default(), &[event(1, 0)], START));
    assert_eq!(result, Err(StoreError::Conflict));
    assert_eq!(sqlite.count("segments"), 0);
}

#[test]
fn a_database_restored_to_an_earlier_state_gets_again_what_it_lost() {
    let (lost, restored) = (Sqlite::new(), Sqlite::new());
    let mut memory = WriterMemory::default();
    for n in 0..3 {
        block_on(deliver(&store(&lost), &mut memory, &[event(n, 0)]));
    }
    // The same writer goes on over a database that knows nothing of this.
    let again: Vec<Event> = (0..3).map(|n| event(n, 0)).collect();
    let recorded = block_on(store(&restored).record(&mut memory, &again, START)).unwrap();
    assert_eq!((recorded.stored, recorded.absorbed), (3, 0));
}

#[test]
fn a_repeat_across_a_window_edge_counts_once_in_either_order() {
    let repeat = |ms| {
        let mut repeat = event(1, ms);
        repeat.digest = Digest::of("192.0.2.1", "/api/test", "test-duplicate");
        repeat.idempotent_id = model::event::identity::IdempotentId::with_digest(
            repeat.timestamp - repeat.timestamp % 60_000,
            repeat.digest,
        )
        .unwrap();
        repeat
    };
    for order in [[59_500, 60_500], [60_500, 59_500]] {
        let sqlite = Sqlite::new();
        let store = store(&sqlite);
        let mut memory = WriterMemory::default();
        let stored: Vec<u64> =
            order.iter().map(|ms| block_on(store.record(&mut memory, &[repeat(*ms)], START)).unwrap().stored).collect();
        assert_eq!(stored, [1, 0]);
    }
}
