//! What the event store gives back, and what it forgets.

use std::cell::Cell;
use std::rc::Rc;

use model::counting::grain::{Grain, Retention};
use model::counting::rollup::Rollups;
use model::event::Event;
use model::reading::answers::Sighting;
use model::reading::selection::{RollupParts, RouteSelection, Selection, Span};
use rig::{START, Sqlite, block_on, deliver, event, figures, rollups, store};
use store::events::event_store::WriterMemory;
use store::events::retention::MIN_SEGMENT_AGE_MS;
use store::keeper::address_keys::AddressKeys;
use store::letters::dead_letters::{DeadLetters, Filter};
use store::sql::{Row, Sql, Statement, StoreError, Value};

fn requests(rollups: &Rollups) -> u64 {
    rollups.values().map(|rollup| rollup.requests).sum()
}

#[test]
fn a_range_gives_its_minutes_folded_or_not() {
    let sqlite = Sqlite::new();
    let store = store(&sqlite);
    let events: Vec<Event> = (0..600).map(|n| event(n, n * 1_000)).collect();
    block_on(deliver(&store, &mut WriterMemory::default(), &events));
    let count = |from: u64, to: u64| {
        let spans = vec![Span::around(Grain::Minute, START + from, START + to)];
        let selection =
            |routes| Selection { spans: spans.clone(), routes, parts: RollupParts::Counts, dual: RollupParts::Counts };
        let together = requests(&block_on(store.rollups(&selection(RouteSelection::Together))).unwrap());
        assert_eq!(requests(&block_on(store.rollups(&selection(RouteSelection::Each))).unwrap()), together);
        together
    };
    let counts = || [count(0, 600_000), count(60_000, 120_000), count(61_000, 119_000), count(600_000, 700_000)];
    assert_eq!(counts(), [600, 60, 60, 0]);
    let (before, waiting) = (figures(&store), block_on(store.state(START)).unwrap());
    assert_eq!((waiting.events, waiting.unfolded), (600, 10));
    assert_eq!(block_on(store.fold(START)).unwrap(), 0);
    assert_eq!(counts(), [600, 60, 60, 0]);
    assert_eq!(figures(&store), before);
    assert_eq!(block_on(store.state(START)).unwrap().unfolded, 0);
}

#[test]
fn many_small_segments_fold_in_bounded_steps() {
    let sqlite = Sqlite::new();
    let store = store(&sqlite);
    let mut memory = WriterMemory::default();
    for n in 0..1_300 {
        let recorded = block_on(store.record(&mut memory, &[event(n, n)], START)).unwrap();
        assert_eq!((recorded.stored, recorded.unfolded), (1, n + 1));
    }
    let before = figures(&store);
    let steps: Vec<u64> = std::iter::from_fn(|| Some(block_on(store.fold(START)).unwrap())).take(4).collect();
    assert_eq!(steps, [788, 276, 0, 0]);
    assert_eq!(figures(&store), before);
}

/// A database that notes how many bytes it gave at most for one call.
#[derive(Clone)]
struct Weighed(Sqlite, Rc<Cell<usize>>);

impl Sql for Weighed {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let results = self.0.batch(statements).await?;
        let bytes = |value: &Value| if let Value::Text(text) = value { text.len() } else { 0 };
        let sum = results.iter().flatten().flat_map(Row::values).map(bytes).sum();
        self.1.set(self.1.get().max(sum));
        Ok(results)
    }
}

#[test]
fn a_fold_of_many_events_has_few_of_them_in_memory_and_writes_each_row_once() {
    let largest = |segments: u64| {
        let sqlite = Sqlite::new();
        let weighed = Weighed(sqlite.clone(), Rc::default());
        let (recording, folding) = (store(&sqlite), store(&weighed));
        for segment in 0..segments {
            let events: Vec<Event> = (0..4_000).map(|n| event(segment * 4_000 + n, n)).collect();
            block_on(recording.record(&mut WriterMemory::default(), &events, START)).unwrap();
        }
        let before = figures(&recording);
        assert_eq!(block_on(folding.fold(START)).unwrap(), 0);
        assert_eq!((figures(&recording), sqlite.count("folds")), (before, 1));
        weighed.1.get()
    };
    // Three segments pass the bound of 10,000 events; larger numbers of events take a few more bytes.
    let (few, many) = (largest(3), largest(7));
    assert!(many < few * 11 / 10, "{many} bytes for 7 segments, {few} for 3");
}

/// A database on which another records an event at each of the first eight pauses.
#[derive(Clone)]
struct Shared(Sqlite, Rc<Cell<u64>>);

impl Sql for Shared {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        self.0.batch(statements).await
    }

    async fn pause(&self) {
        let n = self.1.get();
        if n == 8 {
            return;
        }
        self.1.set(n + 1);
        deliver(&store(&self.0), &mut WriterMemory::default(), &[event(n, n)]).await;
    }
}

#[test]
fn a_fold_pauses_and_what_is_recorded_meanwhile_is_the_next_ones() {
    let (sqlite, never_folded) = (Sqlite::new(), Sqlite::new());
    let events: Vec<Event> = (1_000..5_000).map(|n| event(n, n)).collect();
    block_on(store(&sqlite).record(&mut WriterMemory::default(), &events, START)).unwrap();
    let others = Rc::new(Cell::new(0));
    let folding = store(&Shared(sqlite, others.clone()));
    for unfolded in [8, 0] {
        assert_eq!(block_on(folding.fold(START)).unwrap(), 0);
        assert_eq!((others.get(), block_on(folding.state(START)).unwrap().unfolded), (8, unfolded));
    }
    let all: Vec<Event> = (0..8).chain(1_000..5_000).map(|n| event(n, n)).collect();
    block_on(store(&never_folded).record(&mut WriterMemory::default(), &all, START)).unwrap();
    assert_eq!(figures(&folding), figures(&store(&never_folded)));
}

#[test]
fn events_come_back_as_they_were() {
    let sqlite = Sqlite::new();
    let store = store(&sqlite);
    let events: Vec<Event> = (0..100).map(|n| event(n, n * 2_000)).collect();
    block_on(deliver(&store, &mut WriterMemory::default(), &events));
    assert_eq!(block_on(store.events(START, START + 200_000)).unwrap(), (events.clone(), false));
    assert_eq!(block_on(store.events(START + 50_000, START + 70_000)).unwrap().0, events[25..35]);
    let trace = |event: &Event| block_on(store.trace(event.idempotent_id)).unwrap();
    let once = Sighting { stored: vec![(events[7].clone(), START)], absorbed: vec![] };
    assert_eq!(trace(&events[7]), once);
    assert_eq!(trace(&event(999, 0)), Sighting::default());
    for _ in 0..2 {
        block_on(deliver(&store, &mut WriterMemory::default(), &events[7..9]));
    }
    let repeats = vec![(events[7].clone(), START); 2];
    assert_eq!(trace(&events[7]), Sighting { absorbed: repeats, ..once }, "repeats are told from what is counted");
}

#[test]
fn an_empty_call_does_nothing() {
    let sqlite = Sqlite::new();
    let store = store(&sqlite);
    assert_eq!(block_on(store.record(&mut WriterMemory::default(), &[], START)).unwrap().stored, 0);
    assert_eq!(block_on(store.fold(START)).unwrap(), 0);
    assert_eq!(sqlite.count("segments"), 0);
}

#[test]
fn only_what_is_folded_and_can_not_come_again_is_deleted() {
    let sqlite = Sqlite::new();
    let store = store(&sqlite);
    let mut memory = WriterMemory::default();
    block_on(deliver(&store, &mut memory, &[event(1, 0)]));
    let late = START + MIN_SEGMENT_AGE_MS + 1;
    assert!(!block_on(store.prune(late, u64::MAX)).unwrap());
    assert_eq!(sqlite.count("segments"), 1, "it waits to be folded");
    block_on(store.fold(START)).unwrap();
    block_on(store.prune(late - 1, u64::MAX)).unwrap();
    assert_eq!(sqlite.count("segments"), 1, "it might come again");
    block_on(store.prune(late, START)).unwrap();
    assert_eq!(sqlite.count("segments"), 1, "it is not archived");
    block_on(store.prune(late, u64::MAX)).unwrap();
    assert_eq!((sqlite.count("segments"), requests(&rollups(&store, Grain::Day, RouteSelection::Each))), (0, 1));
    // The log goes on behind what was deleted, also for a writer who remembers nothing.
    block_on(deliver(&store, &mut WriterMemory::default(), &[event(2, 0)]));
    block_on(store.fold(START)).unwrap();
    assert_eq!(requests(&rollups(&store, Grain::Day, RouteSelection::Each)), 2);
    block_on(store.prune(late, u64::MAX)).unwrap();
    assert_eq!(sqlite.count("folds"), 1, "only the newest fold is needed");
}

#[test]
fn much_is_deleted_in_steps() {
    let sqlite = Sqlite::new();
    let store = store(&sqlite);
    let mut memory = WriterMemory::default();
    for n in 0..1_001 {
        block_on(deliver(&store, &mut memory, &[event(n, 0)]));
    }
    while block_on(store.fold(START)).unwrap() > 0 {}
    let late = START + MIN_SEGMENT_AGE_MS + 1;
    let steps: Vec<bool> = (0..3).map(|_| block_on(store.prune(late, u64::MAX)).unwrap()).collect();
    assert_eq!((steps, sqlite.count("segments")), (vec![true, true, false], 0));
}

#[test]
fn a_day_has_one_key_and_keys_expire() {
    let sqlite = Sqlite::new();
    let keys = AddressKeys::new(sqlite.clone());
    let first = block_on(keys.of_day(100, Some([1; 32]))).unwrap();
    assert_eq!(block_on(keys.of_day(100, Some([2; 32]))).unwrap(), first);
    assert!(block_on(keys.of_day(101, Some([2; 32]))).unwrap() != first);
    let unmade = block_on(keys.of_day(102, None)).unwrap_err();
    assert!(matches!(unmade, StoreError::Unavailable(_)), "{unmade:?}");
    assert_eq!(block_on(keys.of_day(100, None)).unwrap(), first, "one that is stored needs no randomness");
    block_on(keys.expire(101)).unwrap();
    assert_eq!(sqlite.count("address_keys"), 2);
    block_on(keys.expire(102)).unwrap();
    assert_eq!(sqlite.count("address_keys"), 1);
}

/// A database that answers with something else than was stored.
struct Nonsense(Vec<Vec<Row>>);

impl Sql for Nonsense {
    async fn batch(&self, _: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        Ok(self.0.clone())
    }
}

#[test]
fn what_was_not_stored_so_is_reported_and_never_panics() {
    let text = |text: &str| Value::Text(text.into());
    let numbers =
        "absorbed attempts bytes changed_from dropped events folded_at folded_mark from_seq is_continued letters
        mark oldest_at received_at seq sent_at stored_at unfolded window_start";
    let texts = "absorbed_body absorbed_digests body digests id key payload reason refused rollup";
    let sound = || {
        let numbers = numbers.split_whitespace().map(|name| (name, Value::Integer(1)));
        numbers
            .chain(texts.split(' ').map(|name| (name, text("00"))))
            .chain([("folded_seq", Value::Integer(0)), ("source", text("dlq"))])
    };
    let nonsense = [None, Some(Value::Null), Some(Value::Integer(-1)), Some(Value::Integer(9)), Some(text("xyz"))];
    for (column, value) in sound().flat_map(|(column, _)| nonsense.each_ref().map(|value| (column, value))) {
        let others = sound().filter(|(name, _)| *name != column);
        let (names, values): (Vec<&str>, Vec<Value>) =
            others.chain(value.iter().map(|value| (column, value.clone()))).unzip();
        let row = Row::new(&names.into_iter().map(Box::from).collect(), values);
        for results in [vec![], vec![vec![row]; 5]] {
            let store =
                store::events::event_store::EventStore::new(Nonsense(results.clone()), 60_000, Retention::default());
            let corrupt = |result: Result<(), StoreError>| match result {
                Ok(()) | Err(StoreError::Corrupt(_) | StoreError::Conflict) => {}
                Err(other) => panic!("{other}"),
            };
            corrupt(block_on(store.record(&mut WriterMemory::default(), &[event(1, 0)], 0)).map(drop));
            corrupt(block_on(store.fold(0)).map(drop));
            let selection = |routes| Selection {
                spans: vec![Span::around(Grain::Minute, 0, 1)],
                routes,
                parts: RollupParts::All,
                dual: RollupParts::All,
            };
            corrupt(block_on(store.rollups(&selection(RouteSelection::Each))).map(drop));
            corrupt(block_on(store.rollups(&selection(RouteSelection::Together))).map(drop));
            corrupt(block_on(store.prune(1, 1)).map(drop));
            corrupt(block_on(store.events(0, 1)).map(drop));
            corrupt(block_on(store.trace(event(1, 0).idempotent_id)).map(drop));
            corrupt(block_on(store.state(START)).map(drop));
            let letters = DeadLetters::new(Nonsense(results.clone()));
            corrupt(block_on(letters.newest(&Filter::default(), None, 1)).map(drop));
            corrupt(block_on(letters.redrive(&store, &Filter::default(), None, START)).map(drop));
            corrupt(block_on(letters.gauge()).map(drop));
            corrupt(block_on(letters.purge(&Filter::default())).map(drop));
            corrupt(block_on(AddressKeys::new(Nonsense(results)).of_day(1, Some([0; 32]))).map(drop));
        }
    }
}

#[test]
fn a_writer_that_remembers_reads_only_what_is_new() {
    use std::cell::RefCell;
    use std::rc::Rc;

    /// Counts the rows that reads give.
    #[derive(Clone)]
    struct Counting(Sqlite, Rc<RefCell<usize>>);
    impl Sql for Counting {
        async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
            let results = self.0.batch(statements).await?;
            *self.1.borrow_mut() += results.iter().map(Vec::len).sum::<usize>();
            Ok(results)
        }
    }
    let rows = Rc::new(RefCell::new(0));
    let store = store(&Counting(Sqlite::new(), rows.clone()));
    let mut memory = WriterMemory::default();
    for n in 0..500 {
        block_on(deliver(&store, &mut memory, &[event(n, n)]));
    }
    // At each call one row for the head, and one for the segment that the call before it wrote.
    assert!(*rows.borrow() <= 2 * 500, "{} rows", rows.borrow());
}
