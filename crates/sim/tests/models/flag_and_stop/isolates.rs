//! Who reads and changes the flag: routers, operators and cron, as isolates that run `flow`'s own code.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use api::object::{ObjectAnswer, unpack};
use flow::app::App;
use flow::flag::{admin, cache, places, stop};
use model::flag::Mode;
use model::flag::change::ChangeAuthor;
use model::flag::document::Document;
use model::flag::ramp_step::{self, Advance, Gate};
use model::flag::stop::{Latch, Stop, StopAct};
use rig::START;
use serde_json::Value;
use store::sql::LocalFuture;

use crate::databases::{Rewrite, replaced};
use crate::lives::{Answer, Desk, Kind};
use crate::platform::Platform;

pub const DISOBEYED: &str = "a router that saw a stop, and no release of it, does not obey it";
pub const REVIVED: &str = "a router obeys a stop although it saw its release";
pub const OLDER: &str = "a router obeys an older document than it was told of";
pub const TWO_DOCUMENTS: &str = "one version meant two documents to those who obey";

/// What changes start from: a ramp is due.
const FIRST: &str = r#"{"schema":1,"version":0,"mode":"dual-write","ramp":{"steps":[10,20],"everyMs":60000}}"#;

/// Numbers of stops are below this.
const STOPS: u8 = 8;

/// What an isolate is told to do. Stops and changes have numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// A router reads KV and the object.
    Read,
    /// A router reads KV, and the object only if KV fails.
    ReadNear,
    Stop(u8),
    Release(u8),
    /// A release that sets the old path alone.
    ReleaseDoOnly(u8),
    Change(u8),
    Rollback(u32),
    Repair,
    /// The repair, then a ramp's step.
    Cron,
}

impl Task {
    pub const fn is_of_router(self) -> bool {
        matches!(self, Self::Read | Self::ReadNear)
    }

    /// Whether it may change the flag's document.
    pub const fn changes(self) -> bool {
        matches!(self, Self::ReleaseDoOnly(_) | Self::Change(_) | Self::Rollback(_) | Self::Repair | Self::Cron)
    }

    /// The stop that it releases.
    pub const fn releases(self) -> Option<u8> {
        match self {
            Self::Release(number) | Self::ReleaseDoOnly(number) => Some(number),
            _ => None,
        }
    }
}

/// The flag and the stop as they are, and as they must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    AsItIs,
    StopIsAVersion,
    KvKeepsOneCopyAlone,
    MergeDropsReleases,
    MergeOverwritesReleases,
    ReleaseNamesNoStop,
    RouterForgetsStops,
    RouterForgetsItsDocument,
    D1AcknowledgesFirst,
    HistoryTakesAnyVersion,
}

impl Variant {
    /// What it does to statements.
    pub fn rewrite(self) -> Rewrite {
        match self {
            Self::MergeDropsReleases => {
                |sql| replaced(sql, "WHERE excluded.released_at IS NOT NULL AND", "WHERE 0 AND")
            }
            Self::MergeOverwritesReleases => |sql| {
                replaced(sql, "WHERE excluded.released_at IS NOT NULL AND", "WHERE excluded.released_at IS NULL OR")
            },
            Self::HistoryTakesAnyVersion => |sql| {
                let check = "WHERE ?1 > (SELECT coalesce(max(version), -1) FROM flags)";
                replaced(sql, check, "WHERE 1 ON CONFLICT (version) DO UPDATE SET document = excluded.document")
            },
            _ => |sql| sql,
        }
    }
}

fn id(number: u8) -> String {
    Stop::new([number; 4], act(0)).id
}

fn act(at: u64) -> StopAct {
    StopAct { at, by: "op".into(), reason: "a model".into() }
}

fn author(number: u8) -> ChangeAuthor {
    ChangeAuthor { by: "op".into(), reason: number.to_string(), at: "2024-11-07T05:20:00Z".into() }
}

/// The stops of a latch that hold, or that were released: a bit for each.
pub fn mask(latch: &Latch, holds: bool) -> u8 {
    let named = (0..STOPS).filter(|number| latch.of_id(&id(*number)).is_some_and(|stop| stop.holds() == holds));
    named.fold(0, |mask, number| mask | 1 << number)
}

/// An isolate.
pub struct Isolate {
    app: App,
    platform: Rc<Platform>,
    is_router: Cell<bool>,
}

impl Isolate {
    async fn run(&self, task: Task, variant: Variant) -> bool {
        let app = &self.app;
        let at = app.now_ms();
        match task {
            Task::Read | Task::ReadNear => {
                self.forget(variant);
                cache::current(app).await;
                true
            }
            Task::Stop(_) if variant == Variant::StopIsAVersion => admin::set_do_only(app, &act(at)).await.is_ok(),
            Task::Stop(_) => stop::stop(app, act(at)).await.is_ok(),
            Task::Release(number) if variant == Variant::ReleaseNamesNoStop => {
                let holding = places::known(app).await.union();
                let mut is_released = holding.of_id(&id(number)).is_some();
                for stop in holding.holding() {
                    is_released &= stop::release(app, &stop.id, act(at), false).await.is_ok();
                }
                is_released
            }
            Task::Release(number) => stop::release(app, &id(number), act(at), false).await.is_ok(),
            Task::ReleaseDoOnly(number) => stop::release(app, &id(number), act(at), true).await.is_ok(),
            Task::Change(number) => {
                let Some(known) = admin::known(app).await else { return false };
                let wanted = Document { queue_ppm: number.into(), ..Document::read(FIRST).unwrap() };
                admin::change(app, known.document.version, wanted, author(number)).await.is_ok()
            }
            Task::Rollback(version) => admin::rollback(app, version, author(99)).await.is_ok(),
            Task::Repair => admin::repair(app).await.is_ok(),
            Task::Cron => match admin::repair(app).await {
                Ok(stops) => self.step(&stops).await,
                Err(_) => false,
            },
        }
    }

    /// A router of some variants forgets a part of what it knows.
    fn forget(&self, variant: Variant) {
        let obeyed = &mut self.app.isolate.flag.borrow_mut().obeyed;
        match variant {
            Variant::RouterForgetsStops => drop(std::mem::take(obeyed)),
            Variant::RouterForgetsItsDocument => {
                let latch = std::mem::take(obeyed).latch().cloned().unwrap_or_default();
                obeyed.learn(latch);
            }
            _ => {}
        }
    }

    /// Stands for `flow::flag::ramp::advance` behind a gate that lets every step pass.
    async fn step(&self, stops: &Latch) -> bool {
        let Ok(current) = admin::current(&self.app).await else { return false };
        let document = ramp_step::after_release(current, stops.released_at());
        match ramp_step::advance(&document, self.app.now_ms(), "", &Gate::Pass) {
            Advance::Step(next) if !stops.holds() => admin::publish(&self.app, &document, *next).await.is_ok(),
            _ => true,
        }
    }
}

/// What a router was told, and obeyed.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// Stops that it saw hold: a bit for each.
    held: u8,
    /// Stops whose release it saw.
    released: u8,
    /// Documents that it obeyed, by version.
    pub documents: BTreeMap<u32, String>,
    /// The newest version that it was told of.
    pub newest: u32,
    /// Whether it obeys a stop.
    pub is_stopped: bool,
    pub broken: Option<&'static str>,
}

impl Notes {
    /// Notes the stops in a text, however they are written there, and the document's version.
    fn hear(&mut self, text: &str) {
        let Ok(value) = serde_json::from_str::<Value>(text) else { return };
        if let Some(document) = value.get("document").and_then(Value::as_str) {
            self.hear(document);
        }
        let version = value.get("version").and_then(Value::as_u64).unwrap_or_default();
        self.newest = self.newest.max(u32::try_from(version).unwrap());
        let stops = value.get("latch").unwrap_or(&value).get("stops").and_then(Value::as_array).cloned();
        for stop in stops.unwrap_or_default() {
            let bit = (0..STOPS).filter(|number| stop["id"] == id(*number)).fold(0, |mask, number| mask | 1 << number);
            if stop["released"].is_null() {
                self.held |= bit;
            } else {
                self.released |= bit;
            }
        }
    }

    /// Notes what is obeyed.
    fn look(&mut self, app: &App) {
        let memory = app.isolate.flag.borrow();
        let flag = memory.obeyed.in_force().cloned().unwrap_or_default();
        if self.held & !self.released != 0 && flag.rule.mode != Mode::DoOnly {
            self.broken = Some(DISOBEYED);
        }
        let released = (0..STOPS).filter(|number| self.released & 1 << number != 0).map(id);
        if released.into_iter().any(|id| flag.stop.as_ref().is_some_and(|stop| stop.id == id)) {
            self.broken = Some(REVIVED);
        }
        if memory.obeyed.version() < self.newest {
            self.broken = Some(OLDER);
        }
        self.is_stopped = flag.stop.is_some();
        if memory.obeyed.in_force().is_some() && flag.stop.is_none() {
            let text = format!("{flag:?}");
            if self.documents.insert(flag.version, text.clone()).is_some_and(|known| known != text) {
                self.broken = Some(TWO_DOCUMENTS);
            }
        }
    }
}

/// Isolates of a variant.
pub struct Isolates(pub Variant);

impl Kind for Isolates {
    type Task = Task;
    type Life = Isolate;
    type Notes = Notes;

    fn born(&self, desk: &Rc<Desk>) -> Isolate {
        desk.now_ms.set(START);
        let platform = Platform::new(desk);
        Isolate { app: App::new(&|_| None, platform.ports()), platform, is_router: Cell::new(false) }
    }

    fn begin(&self, life: &Rc<Isolate>, desk: &Rc<Desk>, task: Task) -> LocalFuture<'static, bool> {
        // A router asks the object every 15 s.
        desk.now_ms.set(desk.now_ms.get() + if task == Task::ReadNear { 6_000 } else { 60_000 });
        life.is_router.set(task.is_of_router());
        if let Task::Stop(number) = task {
            life.platform.random.set(number);
        }
        let (life, variant) = (life.clone(), self.0);
        Box::pin(async move { life.run(task, variant).await })
    }

    fn memory(&self, life: &Isolate) -> String {
        let memory = life.app.isolate.flag.borrow();
        format!("{} {:?}", life.app.now_ms(), memory)
    }

    fn note(&self, life: &Isolate, notes: &mut Notes, answer: Option<&Answer>) {
        if !life.is_router.get() {
            return;
        }
        match answer {
            Some(Answer::Text(Some(text))) => notes.hear(text),
            Some(Answer::Bytes(bytes)) => {
                if let Ok(ObjectAnswer::Flag(text)) = unpack(bytes) {
                    notes.hear(&text);
                }
            }
            Some(_) => {}
            None => notes.look(&life.app),
        }
    }
}
