//! What writes to the log: isolates with memories, which record, fold and delete by the store's own code.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use model::counting::grain::{DAY_MS, Retention};
use model::event::Event;
use model::event::identity::{DEFAULT_WINDOW_MS, IdempotentId, window_start};
use rig::{START, event};
use store::events::event_store::{EventStore, WriterMemory};
use store::events::retention::MIN_SEGMENT_AGE_MS;
use store::schema::MIGRATIONS;
use store::sql::{LocalFuture, StoreError};

use crate::databases::{Rewrite, replaced};
use crate::lives::{Answer, Desk, Kind};
use crate::platform::D1;

/// When old events are deleted, in ms.
const LATER: u64 = START + MIN_SEGMENT_AGE_MS + 10 * DEFAULT_WINDOW_MS;

/// Events of each message: a number, and when, in ms after [`START`]. Messages 0 and 1 share one, with its repeat in the
/// next ID window.
pub const MESSAGES: [&[(u8, u64)]; 3] = [&[(0, 0), (1, 1_000)], &[(1, 61_000), (2, 62_000)], &[(3, 8 * DAY_MS)]];

/// The message that no deletion comes near.
pub const NEVER_OLD: u8 = 2;

/// Events in all.
pub const EVENTS: u8 = 4;

/// An event.
pub fn at(number: u8, ms: u64) -> Event {
    let event = event(number.into(), ms);
    let window = window_start(event.timestamp, DEFAULT_WINDOW_MS);
    Event { idempotent_id: IdempotentId::with_digest(window, event.digest).unwrap(), ..event }
}

fn message(number: u8) -> Vec<Event> {
    MESSAGES[usize::from(number)].iter().map(|(number, ms)| at(*number, *ms)).collect()
}

/// What an isolate is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// Records a message.
    Record(u8),
    Fold,
    Delete,
}

impl Task {
    /// Whether it is about events that are deleted some day.
    pub const fn is_of_old(self) -> bool {
        matches!(self, Self::Record(number) if number != NEVER_OLD)
    }
}

/// The log as it is, and as it must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    AsItIs,
    NumberIsCheckedButNotUnique,
    MarkIsNotChecked,
    ReaderTrustsItsMemory,
    MemoryIsAheadOfTheCommit,
    NoAnswerIsSuccess,
    DigestsAreNotRead,
    FoldIsTwoTransactions,
    FoldIsDoneTwice,
    DeletionIsAheadOfTheFold,
}

impl Variant {
    /// What it does to the tables.
    pub fn schema(self) -> String {
        let without_key = |table: &str, key: &str| {
            let with = format!("{key} INTEGER PRIMARY KEY");
            format!("DROP TABLE {table}; {}", MIGRATIONS[0].replace(&with, &format!("{key} INTEGER NOT NULL")))
        };
        match self {
            Self::NumberIsCheckedButNotUnique => without_key("segments", "seq"),
            Self::FoldIsDoneTwice => without_key("folds", "from_seq"),
            _ => String::new(),
        }
    }

    /// What it does to statements.
    pub fn rewrite(self) -> Rewrite {
        match self {
            Self::MarkIsNotChecked => |sql| replaced(sql, "iif(?12 =", "iif(1 OR ?12 ="),
            Self::ReaderTrustsItsMemory => |sql| replaced(sql, "?2 = coalesce(", "1 OR ?2 = coalesce("),
            Self::FoldIsDoneTwice => |sql| replaced(sql, "AND ?5 = coalesce(", "AND ?5 >= 0 * coalesce("),
            Self::DeletionIsAheadOfTheFold => |sql| replaced(sql, "AND seq <= coalesce(", "AND seq >= 0 * coalesce("),
            _ => |sql| sql,
        }
    }
}

/// An isolate.
pub struct Isolate {
    store: EventStore,
    memory: RefCell<WriterMemory>,
    /// Events that it began to write, for the variant that believes in that.
    begun: RefCell<BTreeSet<u64>>,
}

impl Isolate {
    async fn record(&self, mut events: Vec<Event>, variant: Variant) -> Result<(), StoreError> {
        if variant == Variant::DigestsAreNotRead {
            return self.store.store_again(&events, START).await;
        }
        if variant == Variant::MemoryIsAheadOfTheCommit {
            events.retain(|event| self.begun.borrow_mut().insert(event.digest.0));
        }
        let mut memory = self.memory.take();
        let recorded = self.store.record(&mut memory, &events, START).await;
        self.memory.replace(memory);
        match recorded {
            Err(StoreError::Unavailable(_)) if variant == Variant::NoAnswerIsSuccess => Ok(()),
            recorded => recorded.map(drop),
        }
    }
}

/// Isolates of a variant.
pub struct Isolates(pub Variant);

impl Kind for Isolates {
    type Task = Task;
    type Life = Isolate;
    type Notes = ();

    fn born(&self, desk: &Rc<Desk>) -> Isolate {
        let store = EventStore::new(D1(desk.clone()), DEFAULT_WINDOW_MS, Retention::default());
        Isolate { store, memory: RefCell::default(), begun: RefCell::default() }
    }

    fn begin(&self, life: &Rc<Isolate>, _: &Rc<Desk>, task: Task) -> LocalFuture<'static, bool> {
        let (life, variant) = (life.clone(), self.0);
        Box::pin(async move {
            match task {
                Task::Record(number) => life.record(message(number), variant).await.is_ok(),
                Task::Fold => life.store.fold(START).await.is_ok(),
                Task::Delete => life.store.prune(LATER, u64::MAX).await.is_ok(),
            }
        })
    }

    fn memory(&self, life: &Isolate) -> String {
        format!("{:?} {:?}", life.memory.borrow(), life.begun.borrow())
    }

    fn note(&self, _: &Isolate, (): &mut (), _: Option<&Answer>) {}
}
