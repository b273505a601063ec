//! The `PathCollector` object: the old path.
//!
//! Invariant: the truth is in its database; memory holds only what was read from there and may be lost.
//!
//! Its alarm folds, then deletes what has had its time. A crash leaves what is not done to the next alarm:
//!
//! | after | is stored | the next alarm |
//! |---|---|---|
//! | a fold | the rollups of its segments, and that they are folded | folds what came since |
//! | a step of deletion | less | deletes the rest |
//! | the key, the vital signs | as before, or without what was too old | does it again |

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use api::object::{ObjectAnswer, ObjectRequest, pack, unpack};
use model::counting::grain::DAY_MS;
use model::delivery::alarm;
use model::event::message;
use model::parity::selftest;
use model::reading::answers::LogState;
use store::events::details::Details;
use store::events::event_store::{EventStore, WriterMemory};
use store::flag::copy;
use store::keeper::address_keys::AddressKeys;
use store::keeper::layout::Layouts;
use store::keeper::snapshot;
use store::keeper::vitals::VitalSigns;
use store::parity::side::ParityStore;
use store::schema;
use store::sql::{Database, LocalFuture, StoreError};

use crate::app::App;
use crate::archive;
use crate::port::Failure;

/// How long recorded events wait to be folded, in ms: long enough for a fold to have company, short enough for reads
/// to find little unfolded.
pub const FOLD_AFTER_MS: u64 = 15_000;

/// How often an idle object looks for what has had its time, in ms.
const CLEAN_EVERY_MS: u64 = 60 * 60 * 1000;

/// Steps of deletion in one alarm: nobody waits longer for the object.
const MAX_STEPS: usize = 4;

/// What an object needs of its platform.
pub trait ObjectHost {
    /// Its database. It answers without a pause, so that no other call runs in between.
    fn database(&self) -> Database;

    /// Runs a script of statements that have no parameters, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    fn script(&self, script: &str) -> Result<(), StoreError>;

    /// Size of the database in bytes, where the platform tells it.
    fn bytes(&self) -> Option<u64>;

    /// When the alarm rings, in ms, if one is set.
    fn alarm(&self) -> LocalFuture<'_, Option<u64>>;

    /// Sets the alarm to ring after `in_ms` ms.
    fn set_alarm(&self, in_ms: u64) -> LocalFuture<'_, Result<(), Failure>>;

    /// Deletes all that is stored.
    fn erase(&self) -> LocalFuture<'_, Result<(), Failure>>;
}

/// One object: a shard of the old path.
pub struct Object {
    app: Rc<App>,
    home: Box<dyn ObjectHost>,
    events: EventStore,
    memory: RefCell<WriterMemory>,
    ready: Cell<bool>,
    /// When the alarm rings that this object knows to be set, in ms.
    alarm: Cell<Option<u64>>,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").finish_non_exhaustive()
    }
}

impl Object {
    /// The object on this platform.
    pub fn new(app: Rc<App>, home: Box<dyn ObjectHost>) -> Self {
        let events = EventStore::new(home.database(), app.config.window_ms, app.config.retention);
        Self { app, home, events, memory: RefCell::default(), ready: Cell::new(false), alarm: Cell::new(None) }
    }

    /// Answers a packed question with a packed answer.
    pub async fn fetch(&self, question: &[u8]) -> Vec<u8> {
        let answer = match unpack(question) {
            Ok(request) => self.answer(request).await.unwrap_or_else(|error| {
                self.app.error(format_args!("PathCollector: {error}"));
                ObjectAnswer::Failed(error.to_string())
            }),
            Err(error) => ObjectAnswer::Failed(format!("the question can't be read: {error}")),
        };
        pack(&answer).unwrap_or_default()
    }

    /// Handles the alarm.
    pub async fn ring(&self) {
        if let Err(error) = self.clean().await {
            self.app.error(format_args!("PathCollector alarm: {error}; it comes again"));
            self.wake_within(FOLD_AFTER_MS).await;
        }
    }

    async fn answer(&self, request: ObjectRequest) -> Result<ObjectAnswer, StoreError> {
        self.prepare().await?;
        // Whoever asks sees to it that deletion goes on, should the platform have lost the alarm.
        self.wake_within(CLEAN_EVERY_MS).await;
        match request {
            ObjectRequest::Record(text) => self.record(&text).await,
            ObjectRequest::StoreAgain(text) => self.store_again(&text).await,
            ObjectRequest::Erase => self.erase().await,
            ObjectRequest::Rollups(selection, known) => {
                Ok(ObjectAnswer::Rollups(self.events.find(&selection, known.as_ref()).await?))
            }
            ObjectRequest::Parity(ask) => Ok(ObjectAnswer::Parity(self.events.ask(&ask).await?)),
            ObjectRequest::Events { from, to } => {
                let (events, more) = self.events.events(from, to).await?;
                Ok(ObjectAnswer::Events(events, more))
            }
            ObjectRequest::Trace(id) => Ok(ObjectAnswer::Trace(self.events.trace(id).await?)),
            ObjectRequest::State => {
                let state = self.events.state(self.app.now_ms()).await?;
                Ok(ObjectAnswer::State(LogState { bytes: self.home.bytes(), ..state }))
            }
            ObjectRequest::Windows { from, to, most } => {
                let windows = self.events.windows(from, to, most).await?;
                Ok(ObjectAnswer::Windows(windows.counts.into_tuple_vec(), windows.until))
            }
            ObjectRequest::Details(cut) => Ok(ObjectAnswer::Details(self.events.events_in(cut).await?)),
            ObjectRequest::Digests { from, to } => Ok(ObjectAnswer::Digests(self.events.digests(from, to).await?)),
            kept => self.keep(kept).await,
        }
    }

    /// What there is once, and one object keeps.
    async fn keep(&self, request: ObjectRequest) -> Result<ObjectAnswer, StoreError> {
        let (database, now_ms) = (self.home.database(), self.app.now_ms());
        match request {
            ObjectRequest::Layout { setting, record: true } => {
                Ok(ObjectAnswer::Layout(Layouts::new(database).record(setting).await?))
            }
            ObjectRequest::Layout { setting, record: false } => {
                Ok(ObjectAnswer::Layout(Layouts::new(database).read(setting).await?))
            }
            ObjectRequest::AddressKey { day, setting } => {
                let random = self.app.secret().ok();
                let key = AddressKeys::new(database.clone()).of_day(day, random).await?;
                Ok(ObjectAnswer::AddressKey(key.0, Layouts::new(database).record(setting).await?))
            }
            ObjectRequest::Flag(text) => Ok(ObjectAnswer::Flag(copy::hold(database, &text, now_ms).await?)),
            ObjectRequest::Report(report) => {
                VitalSigns::new(database).report(&report, now_ms).await?;
                Ok(ObjectAnswer::Done)
            }
            ObjectRequest::Vitals => Ok(ObjectAnswer::Vitals(VitalSigns::new(database).read(now_ms).await?)),
            ObjectRequest::KeepSnapshot(text) => {
                snapshot::write(database, text).await?;
                Ok(ObjectAnswer::Done)
            }
            ObjectRequest::Snapshot => Ok(ObjectAnswer::Snapshot(snapshot::read(database).await?)),
            other => Ok(ObjectAnswer::Failed(format!("{other:?} is not for an object to keep"))),
        }
    }

    /// Brings the tables up to date.
    async fn prepare(&self) -> Result<(), StoreError> {
        if !self.ready.get() {
            self.home.script(schema::NOTE)?;
            for script in schema::scripts_due(&self.home.database()).await? {
                self.home.script(&script)?;
            }
            self.ready.set(true);
        }
        Ok(())
    }

    async fn record(&self, text: &str) -> Result<ObjectAnswer, StoreError> {
        let now_ms = self.app.now_ms();
        let parsed = message::parse(text, now_ms);
        let rejected: Vec<String> = parsed.rejected.iter().map(|rejected| rejected.error.to_string()).collect();
        for reason in &rejected {
            self.app.error(format_args!("PathCollector rejected an event: {reason}"));
        }
        // The object's own database answers without a pause, so no other call runs in between; should one ever, it
        // finds an empty memory and reads.
        let mut memory = self.memory.take();
        let recorded = self.events.record(&mut memory, &parsed.events, now_ms).await;
        self.memory.replace(memory);
        let recorded = recorded?;
        self.wake_within(FOLD_AFTER_MS).await;
        Ok(ObjectAnswer::Recorded { stored: recorded.stored, absorbed: recorded.absorbed, rejected })
    }

    /// Stores events of a self-test past dedup; no others.
    async fn store_again(&self, text: &str) -> Result<ObjectAnswer, StoreError> {
        let now_ms = self.app.now_ms();
        let events = message::parse(text, now_ms).events;
        if !selftest::are_own(&events) {
            return Ok(ObjectAnswer::Failed("only a self-test stores its events past dedup".to_owned()));
        }
        self.events.store_again(&events, now_ms).await?;
        Ok(ObjectAnswer::Done)
    }

    async fn erase(&self) -> Result<ObjectAnswer, StoreError> {
        self.home.erase().await?;
        self.ready.set(false);
        self.alarm.set(None);
        self.memory.take();
        Ok(ObjectAnswer::Done)
    }

    /// Sees to it that an alarm rings within `ms`; an earlier one that is set already stays. A failure is not the
    /// caller's: the next call tries again.
    async fn wake_within(&self, ms: u64) {
        let now_ms = self.app.now_ms();
        let due = now_ms + ms;
        if alarm::is_set(self.alarm.get(), due, now_ms) {
            return;
        }
        let known = self.home.alarm().await;
        if alarm::is_set(known, due, now_ms) {
            return self.alarm.set(known);
        }
        match self.home.set_alarm(ms).await {
            Ok(()) => self.alarm.set(Some(due)),
            Err(error) => self.app.error(format_args!("PathCollector: no alarm could be set: {error}")),
        }
    }

    /// Folds, deletes what has had its time, and asks to be woken again. Each step is a transaction of its own.
    async fn clean(&self) -> Result<(), StoreError> {
        self.alarm.set(None);
        self.prepare().await?;
        let now_ms = self.app.now_ms();
        let events = self.events.clone().counting(self.app.routes());
        while events.fold(now_ms).await? > 0 {}
        // Details that are not archived yet are kept; what can't be told now is left for the next time.
        let archived = archive::details_until(&self.app).await.unwrap_or_else(|error| {
            self.app.error(format_args!("PathCollector deletes no details: the archive's state: {error}"));
            0
        });
        let mut more = true;
        for _ in 0..MAX_STEPS {
            more = more && self.events.prune(now_ms, archived).await?;
        }
        AddressKeys::new(self.home.database()).expire(now_ms / DAY_MS).await?;
        VitalSigns::new(self.home.database()).retire(now_ms).await?;
        // What is left to delete waits until others had their turn.
        self.wake_within(if more { FOLD_AFTER_MS } else { CLEAN_EVERY_MS }).await;
        Ok(())
    }
}
