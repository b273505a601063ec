//! Settings, ports and memory: the context in which every event of an isolate is handled.

use std::fmt::{self, Display};
use std::future::Future;
use std::rc::Rc;

use model::counting::admission::RouteLimit;
use model::operating::health::CounterValues;
use sha2::{Digest as _, Sha256};
use store::events::event_store::EventStore;
use store::events::read::EventReader;
use store::sql::{Database, LocalFuture, StoreError};

use crate::config::Config;
use crate::deadline::{Deadline, TimedDatabase, within_ms};
use crate::isolate::IsolateMemory;
use crate::port::{Failure, Ports};

/// The context of one event.
pub struct App {
    /// Settings.
    pub config: Rc<Config>,
    /// What this isolate remembers.
    pub isolate: Rc<IsolateMemory>,
    /// The platform.
    pub ports: Ports,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("config", &self.config).finish_non_exhaustive()
    }
}

impl App {
    /// The context of an isolate's first event. Reads settings with `get`, and logs what is wrong with them.
    pub fn new(get: &dyn Fn(&str) -> Option<String>, ports: Ports) -> Self {
        let (config, errors) = Config::read(get);
        let (name, unnamed) = unique(&ports, 0, 0);
        let isolate = IsolateMemory::new(u64::from_be_bytes(name));
        let app = Self { config: Rc::new(config), isolate: Rc::new(isolate), ports };
        if let Some(failure) = unnamed {
            app.note_no_randomness(&failure);
        }
        for error in &errors {
            app.error(format_args!("Setting {error}"));
        }
        app.count("setting_invalid", errors.len() as u64);
        app
    }

    /// The context of another event in the same isolate. Each event has its own bindings.
    #[must_use]
    pub fn with(&self, ports: Ports) -> Self {
        Self { config: self.config.clone(), isolate: self.isolate.clone(), ports }
    }

    /// The time, in ms since 1970.
    pub fn now_ms(&self) -> u64 {
        self.ports.clock.now_ms()
    }

    /// Waits.
    pub fn sleep_ms(&self, ms: u64) -> LocalFuture<'static, ()> {
        self.ports.clock.sleep_ms(ms)
    }

    /// Gives other work on this thread a turn.
    pub fn pause(&self) -> LocalFuture<'static, ()> {
        self.sleep_ms(0)
    }

    /// The future's output, or None after `ms`. Work that timed out may still take effect.
    pub async fn within_ms<F: Future>(&self, ms: u64, future: F) -> Option<F::Output> {
        within_ms(&*self.ports.clock, ms, future).await
    }

    /// Bytes that nobody can guess.
    ///
    /// # Errors
    /// The platform has no randomness. There is no substitute: whoever needs a secret goes without.
    pub fn secret<const N: usize>(&self) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        let filled = self.ports.clock.fill(&mut bytes);
        filled.inspect_err(|failure| self.note_no_randomness(failure)).map(|()| bytes)
    }

    /// Bytes that nothing else has, for names, which need not be secret. Random, or else made of the time and of what
    /// tells this isolate from others, so that an ID without randomness doesn't absorb other requests.
    pub fn unique<const N: usize>(&self) -> [u8; N] {
        let made = self.isolate.substitutes.get();
        self.isolate.substitutes.set(made.wrapping_add(1));
        let (bytes, failure) = unique(&self.ports, self.isolate.name.0, made);
        if let Some(failure) = failure {
            self.note_no_randomness(&failure);
        }
        bytes
    }

    /// Not seen on any platform: said loudly.
    fn note_no_randomness(&self, failure: &Failure) {
        self.count("randomness_unavailable", 1);
        self.error(format_args!("Random bytes: {failure}"));
    }

    /// Adds to a counter.
    pub fn count(&self, name: &'static str, count: u64) {
        self.isolate.counters.add(name, count);
    }

    /// What this isolate counted since it started.
    pub fn counts(&self) -> CounterValues {
        self.isolate.counters.all()
    }

    /// Logs something that went as it should.
    pub fn note(&self, line: impl Display) {
        self.ports.log.note(&line.to_string());
    }

    /// Logs a failure.
    pub fn error(&self, line: impl Display) {
        self.ports.log.error(&line.to_string());
    }

    /// The new path's database, for scheduled work, queued work and changes.
    ///
    /// # Errors
    /// When it is not bound.
    pub fn new_store(&self) -> Result<Database, StoreError> {
        self.new_store_until(Deadline::BACKGROUND)
    }

    /// The new path's database, with this deadline for its answers.
    ///
    /// # Errors
    /// When it is not bound.
    pub fn new_store_until(&self, deadline: Deadline) -> Result<Database, StoreError> {
        let database = self.ports.new_store.database()?;
        Ok(TimedDatabase { database, deadline, clock: self.ports.clock.clone() }.into())
    }

    /// The new path's event store.
    ///
    /// # Errors
    /// When its database is not bound.
    pub fn event_store(&self) -> Result<EventStore, StoreError> {
        let store = EventStore::new(self.new_store()?, self.config.window_ms, self.config.retention);
        Ok(store.counting(self.routes()))
    }

    /// Which routes are counted separately: also those that overrides name, as far as this isolate knows the flag.
    pub fn routes(&self) -> RouteLimit {
        let mut routes = self.config.routes.clone();
        let flag = self.isolate.flag.borrow().obeyed.in_force().cloned();
        let overrides = flag.iter().flat_map(|flag| &flag.overrides).map(|(template, _)| template.as_str());
        for route in overrides {
            if !routes.always.contains(route) {
                Rc::make_mut(&mut routes.always).insert(route.to_owned());
            }
        }
        routes
    }

    /// The new path's event store, for reading only.
    ///
    /// # Errors
    /// When its database is not bound.
    pub fn event_reader(&self, deadline: Deadline) -> Result<EventReader, StoreError> {
        self.new_store_until(deadline).map(EventReader::new)
    }

    /// The deadline this many ms from now.
    pub fn deadline(&self, ms: u64) -> Deadline {
        Deadline::at(self.now_ms(), ms)
    }

    /// The deadline for an answer that somebody waits for: `READ_DEADLINE_MS` from now.
    pub fn read_deadline(&self) -> Deadline {
        self.deadline(self.config.read_deadline_ms)
    }

    /// The answer to a question, if it arrives before the deadline.
    ///
    /// # Errors
    /// The question's own error, or [`StoreError::Late`].
    pub async fn until<T>(
        &self,
        deadline: Deadline,
        question: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        deadline.within(&*self.ports.clock, question).await
    }
}

/// Random bytes; or else, with the failure, a hash of the time, the isolate's name and a number of its own.
fn unique<const N: usize>(ports: &Ports, isolate: u64, number: u64) -> ([u8; N], Option<Failure>) {
    let mut bytes = [0; N];
    let Err(failure) = ports.clock.fill(&mut bytes) else { return (bytes, None) };
    let hash = Sha256::new().chain_update(ports.clock.now_ms().to_be_bytes()).chain_update(isolate.to_be_bytes());
    let hash = hash.chain_update(number.to_be_bytes()).finalize();
    bytes.iter_mut().zip(hash).for_each(|(place, byte)| *place = byte);
    (bytes, Some(failure))
}
