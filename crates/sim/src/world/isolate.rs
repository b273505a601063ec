//! Isolates: each is an `App` with the world as its platform.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;

use flow::app::App;
use flow::collecting::collect::{ObservedRequest, collect};
use flow::port::{Clock, Failure, Log, Ports};
use store::sql::LocalFuture;

use super::database::D1;
use super::tasks::Owner;
use super::trouble::Port;
use super::{Inner, World, boxed};

/// How long the platform lets work go on after a response, in ms.
const WAIT_UNTIL_MS: u64 = 30_000;

/// How long scheduled and queued work, and a call of an object, may take, in ms.
pub(super) const LONGEST_MS: u64 = 15 * 60 * 1000;

/// A line that somebody logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub at_ms: u64,
    /// The isolate's number.
    pub isolate: Owner,
    pub is_error: bool,
    pub text: String,
}

/// An isolate that began at some time, and may have ended.
pub(super) struct Born {
    id: Owner,
    app: Rc<App>,
    platform: Rc<Platform>,
    /// What it had counted when it ended: what is dropped then counts nothing on the platform.
    counts: Option<BTreeMap<String, u64>>,
    /// Whether it consumes and runs cron.
    works: bool,
}

/// An isolate.
#[derive(Clone)]
pub struct Isolate {
    pub app: Rc<App>,
    id: Owner,
    inner: Rc<Inner>,
    platform: Rc<Platform>,
}

impl Isolate {
    pub(super) fn born(inner: &Rc<Inner>, ahead_ms: i64, place: u64) -> Self {
        let id = inner.isolates.borrow().len() as Owner + 1;
        let (ahead_ms, is_newer) = (Cell::new(ahead_ms), Cell::new(false));
        let platform = Rc::new(Platform { inner: inner.clone(), id, ahead_ms, place, is_newer });
        let ports = Ports {
            clock: platform.clone(),
            log: platform.clone(),
            kv: platform.clone(),
            queues: platform.clone(),
            objects: platform.clone(),
            new_store: Rc::new(D1::new(inner)),
            buckets: platform.clone(),
        };
        let setting = |name: &str| inner.settings.borrow().get(name).cloned();
        let app = Rc::new(App::new(&setting, ports));
        let born = Born { id, app: app.clone(), platform: platform.clone(), counts: None, works: false };
        inner.isolates.borrow_mut().push(born);
        Self { app, id, inner: inner.clone(), platform }
    }

    /// The one that consumes and runs cron.
    pub(super) fn at_work(inner: &Rc<Inner>) -> Self {
        let known = inner.isolates.borrow().iter().find(|born| born.works && born.counts.is_none()).map(|born| Self {
            app: born.app.clone(),
            id: born.id,
            inner: inner.clone(),
            platform: born.platform.clone(),
        });
        known.unwrap_or_else(|| {
            let isolate = Self::born(inner, 0, 0);
            inner.isolates.borrow_mut().last_mut().unwrap().works = true;
            isolate
        })
    }

    pub const fn id(&self) -> Owner {
        self.id
    }

    /// Sets its clock, in ms ahead of the true time.
    pub fn set_clock(&self, ahead_ms: i64) {
        self.platform.ahead_ms.set(ahead_ms);
    }

    /// Makes it one of the next version, whose messages and questions the present one can't read.
    pub fn upgrade(&self) {
        self.platform.is_newer.set(true);
    }

    /// Counts a request, as the router does once it was answered.
    pub fn serve(&self, observed: ObservedRequest) {
        if let Some(rest) = collect(&self.app, observed, self.app.now_ms()) {
            self.spawn(rest);
        }
    }

    /// Begins work that may go on for as long as the platform lets it after a response.
    pub fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        self.begin(WAIT_UNTIL_MS, work);
    }

    /// Begins what somebody waits for, or what is scheduled.
    pub fn spawn_long(&self, work: impl Future<Output = ()> + 'static) {
        self.begin(LONGEST_MS, work);
    }

    fn begin(&self, most_ms: u64, work: impl Future<Output = ()> + 'static) {
        let (inner, id) = (self.inner.clone(), self.id);
        self.inner.tasks.spawn(super::PLATFORM, async move {
            inner.run_in(id, most_ms, work).await;
        });
    }

    /// Ends it where it stands, as the platform may at any time.
    pub fn kill(&self) {
        if let Some(born) = self.inner.isolates.borrow_mut().iter_mut().find(|born| born.id == self.id) {
            born.counts.get_or_insert_with(|| born.app.counts());
        }
        self.inner.tasks.end(self.id);
    }
}

impl World {
    /// What all isolates counted, those that have ended too; of a peak the largest.
    pub fn counted(&self, name: &str) -> u64 {
        let isolates = self.isolates.borrow();
        let counts = isolates.iter().map(|born| born.counts.clone().unwrap_or_else(|| born.app.counts()));
        counts.filter_map(|counts| counts.get(name).copied()).sum()
    }

    /// Lines that hold a text.
    pub fn lines(&self, text: &str) -> Vec<String> {
        let log = self.log.borrow();
        log.iter().filter(|line| line.text.contains(text)).map(|line| line.text.clone()).collect()
    }
}

/// What an isolate's ports stand on.
pub(super) struct Platform {
    pub inner: Rc<Inner>,
    pub id: Owner,
    pub ahead_ms: Cell<i64>,
    pub place: u64,
    /// Whether what it sends is of the next version.
    pub is_newer: Cell<bool>,
}

impl Platform {
    fn log(&self, is_error: bool, text: &str) {
        // What is dropped when an isolate ends says nothing on the platform.
        if !self.inner.tasks.has_ended(self.id) {
            self.inner.trace.note(self.inner.time.now_ms(), || format!("isolate {}: {text}", self.id));
            let line = Line { at_ms: self.inner.time.now_ms(), isolate: self.id, is_error, text: text.to_owned() };
            self.inner.log.borrow_mut().push(line);
        }
    }
}

impl Log for Platform {
    fn note(&self, line: &str) {
        self.log(false, line);
    }

    fn error(&self, line: &str) {
        self.log(true, line);
    }
}

impl Clock for Platform {
    fn now_ms(&self) -> u64 {
        self.inner.time.now_ms().saturating_add_signed(self.ahead_ms.get())
    }

    fn sleep_ms(&self, ms: u64) -> LocalFuture<'static, ()> {
        boxed(self.inner.time.sleep_ms(ms))
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        if self.inner.fault(Port::Randomness, "").is_some() {
            return Err("told to fail".into());
        }
        bytes
            .chunks_mut(8)
            .for_each(|some| some.copy_from_slice(&self.inner.chance.bits().to_le_bytes()[..some.len()]));
        Ok(())
    }
}
