//! A world for the order of work of `flow`: isolates, objects, D1, KV, queues, a bucket and a clock, all in one thread.
//!
//! It runs `flow` itself over real SQLite; only the platform is made up. A run is a function of its seed and of what the
//! test does: the clock moves when nothing can go on ([`time`]), tasks go on in an order that chance decides
//! ([`tasks`]), and what goes wrong is a list of values ([`trouble`]). Each call of the platform takes some milliseconds.
//! What a caller gives up waiting for may still take effect, as on the platform.
//!
//! | what | as on the platform | differs |
//! |---|---|---|
//! | isolates | die at any await, by [`Isolate::kill`]; have a clock and a place of their own | work after a response ends after 30 s, and that is counted |
//! | objects | one instance by name, made when it is asked; alarms ring at least once | an instance has an isolate of its own |
//! | D1 | one batch is one transaction | has no size |
//! | KV | a place sees what it saw for a minute; one write a second and key; a daily quota | |
//! | queues | batches, attempts, delays, dead-letter queue, retention, repeats | one consumer at a time |

mod bucket;
mod database;
mod isolate;
mod kv;
mod objects;
mod queue;
pub mod random;
pub mod tasks;
pub mod time;
pub mod trace;
pub mod trouble;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;

use flow::port::Failure;
use futures_channel::oneshot;
use model::delivery::retry::Lane;
use store::sql::LocalFuture;

use rig::{START, Sqlite};

pub use isolate::{Isolate, Line};
pub use kv::KvLaws;
pub use objects::Hosted;
pub use queue::{Body, QueueLaws, Waiting};

use bucket::Files;
use isolate::Born;
use kv::KvState;
use objects::Namespace;
use queue::QueueState;
use random::Random;
use tasks::{Owner, PLATFORM, Tasks};
use time::Time;
use trace::Trace;
use trouble::{Fault, Port, Trouble};

/// Everything there is.
pub struct Inner {
    pub time: Rc<Time>,
    pub tasks: Tasks,
    /// Of how long calls take, and what befalls them.
    random: Random,
    /// Of what `flow` itself draws.
    chance: Random,
    /// What goes wrong.
    pub troubles: RefCell<Vec<Trouble>>,
    /// Variables of the deployment, as an isolate reads them when it begins.
    pub settings: RefCell<BTreeMap<String, String>>,
    pub log: RefCell<Vec<Line>>,
    isolates: RefCell<Vec<Born>>,
    kv: RefCell<KvState>,
    main: QueueState,
    slow: QueueState,
    objects: Namespace,
    d1: Sqlite,
    /// None where no bucket is bound.
    files: RefCell<Option<Files>>,
    /// What happened, as it can be compared with another run.
    pub trace: Trace,
    /// Bytes of the longest message, and statements of the longest batch of D1.
    pub longest_message: Cell<usize>,
    pub longest_batch: Cell<usize>,
    /// Messages of the main queue that it took and lost.
    pub lost: RefCell<Vec<String>>,
    /// Whether the consumer and the objects are of the next version.
    is_newer: Cell<bool>,
    /// Events and batches that the platform had to end because they took too long.
    overran: Cell<u64>,
}

/// A world, and what a test does in it.
pub struct World(Rc<Inner>);

impl Drop for World {
    fn drop(&mut self) {
        // Tasks hold the world, and objects hold isolates that do.
        self.0.tasks.clear();
        self.0.objects.clear();
        self.0.isolates.take();
    }
}

impl std::ops::Deref for World {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl World {
    /// A quiet one, at [`START`]. No bucket is bound, and single events are not logged.
    pub fn new(seed: u64) -> Self {
        let time = Time::starting_at(START);
        Self(Rc::new(Inner {
            tasks: Tasks::new(time.clone(), Random::of(seed, 1)),
            time,
            random: Random::of(seed, 2),
            chance: Random::of(seed, 3),
            troubles: RefCell::default(),
            settings: RefCell::new([("LOG_EVENTS".to_owned(), "false".to_owned())].into()),
            log: RefCell::default(),
            isolates: RefCell::default(),
            kv: RefCell::default(),
            main: QueueState::new(Lane::Main),
            slow: QueueState::new(Lane::Slow),
            objects: Namespace::default(),
            d1: Sqlite::new(),
            files: RefCell::default(),
            trace: Trace::default(),
            longest_message: Cell::new(0),
            longest_batch: Cell::new(0),
            lost: RefCell::default(),
            is_newer: Cell::new(false),
            overran: Cell::new(0),
        }))
    }

    /// The same with settings.
    pub fn with(seed: u64, settings: &[(&str, &str)]) -> Self {
        let world = Self::new(seed);
        world.settings.borrow_mut().extend(settings.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        world
    }

    /// An isolate that answers requests, with the right time, where all others are.
    pub fn isolate(&self) -> Isolate {
        self.isolate_at(0, 0)
    }

    /// An isolate whose clock is so many ms ahead, at another place.
    pub fn isolate_at(&self, ahead_ms: i64, place: u64) -> Isolate {
        Isolate::born(&self.0, ahead_ms, place)
    }

    /// Runs a future, and everything else beside it, until it ends.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.tasks.run(future)
    }

    /// Lets time pass.
    pub fn pass_ms(&self, ms: u64) {
        self.run(self.time.sleep_ms(ms));
    }

    pub fn now_ms(&self) -> u64 {
        self.time.now_ms()
    }

    /// Makes calls go wrong from now on.
    pub fn trouble(&self, trouble: Trouble) {
        self.troubles.borrow_mut().push(trouble);
    }

    /// Makes every call of some ports go wrong so from now on.
    pub fn break_all(&self, ports: &[Port], fault: Fault) {
        for port in ports {
            self.trouble(Trouble::new(*port, fault));
        }
    }

    /// Ends all trouble.
    pub fn calm(&self) {
        self.troubles.borrow_mut().clear();
    }

    /// Runs cron's jobs once, in the isolate that consumes and runs cron.
    pub fn cron(&self) {
        let worker = Isolate::at_work(&self.0);
        self.run(flow::cron::scheduled(&worker.app));
    }

    /// Runs cron's jobs every minute from the next one on.
    pub fn start_cron(&self) {
        let inner = self.0.clone();
        self.tasks.spawn(PLATFORM, async move {
            loop {
                inner.time.sleep_until((inner.time.now_ms() + 1).next_multiple_of(60_000)).await;
                let worker = Isolate::at_work(&inner);
                let app = worker.app.clone();
                worker.spawn_long(async move { flow::cron::scheduled(&app).await });
            }
        });
    }

    /// The isolate that consumes and runs cron; another one once that has ended.
    pub fn worker(&self) -> Isolate {
        Isolate::at_work(&self.0)
    }

    /// The new path's database.
    pub fn d1(&self) -> &Sqlite {
        &self.d1
    }

    /// Ends a deployment: consumer and objects are of the next version, too, and can read what that wrote.
    pub fn deploy(&self) {
        self.is_newer.set(true);
        // What waits in the main queue and the slow lane is read as it is delivered, and letters as they are kept.
        self.d1.script(&format!(
            "UPDATE dead_letters SET payload = replace(payload, '{}', '{}')",
            queue::NEXT_VERSION,
            queue::VERSION
        ));
        self.worker().kill();
        for name in self.object_names() {
            self.restart(&name);
        }
    }

    pub fn overran(&self) -> u64 {
        self.overran.get()
    }
}

impl Inner {
    fn fault(&self, port: Port, name: &str) -> Option<Fault> {
        trouble::fault(&self.troubles.borrow(), port, name, self.time.now_ms(), &self.random)
    }

    /// Calls the platform: in a while, unless something befalls the call. The caller may give up waiting for it.
    async fn call<T: 'static, E: From<Failure> + 'static>(
        self: &Rc<Self>,
        port: Port,
        name: &str,
        act: impl AsyncFnOnce() -> Result<T, E> + 'static,
    ) -> Result<T, E> {
        let fault = self.fault(port, name);
        let (answer, answered) = oneshot::channel();
        let (inner, name) = (self.clone(), name.to_owned());
        self.tasks.spawn(PLATFORM, async move {
            inner.time.sleep_ms(inner.random.between(1..8)).await;
            let outcome = match fault {
                None => act().await,
                Some(Fault::Fails) => Err(told(port, &name)),
                Some(Fault::FailsAfterPersisting) => act().await.and(Err(told(port, &name))),
                Some(Fault::Hangs) => std::future::pending().await,
                Some(Fault::HangsAfterPersisting) => {
                    drop(act().await);
                    std::future::pending().await
                }
                Some(Fault::Slow(ms)) => {
                    inner.time.sleep_ms(ms).await;
                    act().await
                }
            };
            inner.trace.note(inner.time.now_ms(), || {
                let fault = fault.map(|fault| format!(", {fault:?}")).unwrap_or_default();
                format!("{port:?} {name} {}{fault}", if outcome.is_ok() { "works" } else { "fails" })
            });
            drop(answer.send(outcome));
        });
        answered.await.unwrap_or_else(|_| Err(Failure("the connection was lost".to_owned()).into()))
    }

    /// Runs a future as an isolate's own; none if the isolate ends before it, or it takes longer than it may.
    async fn run_in<T: 'static>(
        self: &Rc<Self>,
        isolate: Owner,
        most_ms: u64,
        future: impl Future<Output = T> + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let inner = self.clone();
        self.tasks.spawn(isolate, async move {
            let limit = inner.time.sleep_ms(most_ms);
            match futures_util::future::select(Box::pin(future), limit).await {
                futures_util::future::Either::Left((output, _)) => drop(answer.send(output)),
                futures_util::future::Either::Right(_) => inner.overran.set(inner.overran.get() + 1),
            }
        });
        answered.await.ok()
    }
}

/// What a call that was told to fail says.
fn told<E: From<Failure>>(port: Port, name: &str) -> E {
    Failure(format!("{port:?} {name}: told to fail")).into()
}

/// A call that needs no time of its own.
fn at_once<T: 'static>(act: impl FnOnce() -> T + 'static) -> impl AsyncFnOnce() -> T + 'static {
    async move || act()
}

/// A call as a port returns it.
fn boxed<'a, T>(future: impl Future<Output = T> + 'a) -> LocalFuture<'a, T> {
    Box::pin(future)
}
