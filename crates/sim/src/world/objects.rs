//! Objects: one of each name, made when it is first asked, and made anew when it is asked after it ended.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use flow::object::{Object, ObjectHost};
use flow::port::{Failure, Objects};
use store::sql::{Database, LocalFuture, StoreError};

use super::database::ObjectSql;
use super::isolate::{Isolate, LONGEST_MS, Platform};
use super::trouble::{Fault, Port};
use super::{Inner, PLATFORM, World, boxed};
use rig::Sqlite;

/// When the platform rings again after an alarm's work was cut off, in ms.
const RING_AGAIN_MS: u64 = 2_000;

/// All objects by name.
#[derive(Default)]
pub(super) struct Namespace(RefCell<BTreeMap<String, Rc<Hosted>>>);

impl Namespace {
    pub fn clear(&self) {
        for hosted in self.0.take().into_values() {
            // An instance holds the object that it is of.
            drop(hosted.instance.take());
        }
    }
}

/// An object: what is stored of it, and its instance, while there is one.
pub struct Hosted {
    name: String,
    pub sqlite: Sqlite,
    alarm: Cell<Option<u64>>,
    /// What it answers whatever it is asked, as one of another version may.
    says: RefCell<Option<Vec<u8>>>,
    instance: RefCell<Option<(Isolate, Rc<Object>)>>,
}

impl Hosted {
    /// When its alarm is to ring, in ms.
    pub const fn alarm_at(&self) -> Option<u64> {
        self.alarm.get()
    }

    /// Makes it answer this, whatever it is asked; it still does what it is asked.
    pub fn says(&self, answer: Option<Vec<u8>>) {
        self.says.replace(answer);
    }

    fn instance(self: &Rc<Self>, inner: &Rc<Inner>) -> (Isolate, Rc<Object>) {
        let is_alive = |(isolate, _): &(Isolate, _)| !inner.tasks.has_ended(isolate.id());
        if let Some(alive) = self.instance.borrow().as_ref().filter(|instance| is_alive(instance)) {
            return alive.clone();
        }
        let isolate = Isolate::born(inner, 0, 0);
        let home = Box::new(Place { inner: inner.clone(), hosted: self.clone() });
        let object = Rc::new(Object::new(isolate.app.clone(), home));
        self.instance.replace(Some((isolate.clone(), object.clone())));
        (isolate, object)
    }

    async fn ask(self: Rc<Self>, inner: Rc<Inner>, question: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let (isolate, object) = self.instance(&inner);
        let answer = inner.run_in(isolate.id(), LONGEST_MS, async move { object.fetch(&question).await }).await;
        let says = self.says.borrow().clone();
        says.or(answer).ok_or_else(|| "the object ended".into())
    }

    fn set_alarm(self: &Rc<Self>, inner: &Rc<Inner>, at_ms: u64) {
        self.alarm.set(Some(at_ms));
        let (hosted, inner) = (self.clone(), inner.clone());
        inner.clone().tasks.spawn(PLATFORM, async move {
            inner.time.sleep_until(at_ms).await;
            // Another one may have been set meanwhile; one that is lost still tells its time.
            if hosted.alarm.get() == Some(at_ms) && inner.fault(Port::Ring, &hosted.name).is_none() {
                hosted.ring(&inner).await;
            }
        });
    }

    async fn ring(self: Rc<Self>, inner: &Rc<Inner>) {
        self.alarm.set(None);
        let (isolate, object) = self.instance(inner);
        if inner.run_in(isolate.id(), LONGEST_MS, async move { object.ring().await }).await.is_none() {
            self.set_alarm(inner, inner.time.now_ms() + RING_AGAIN_MS);
        }
    }
}

impl Inner {
    fn hosted(&self, name: &str) -> Rc<Hosted> {
        let new = || {
            let (alarm, says, instance) = Default::default();
            Rc::new(Hosted { name: name.to_owned(), sqlite: Sqlite::empty(), alarm, says, instance })
        };
        self.objects.0.borrow_mut().entry(name.to_owned()).or_insert_with(new).clone()
    }
}

impl World {
    /// An object, whether or not anybody asked it yet.
    pub fn object(&self, name: &str) -> Rc<Hosted> {
        self.hosted(name)
    }

    pub fn object_names(&self) -> Vec<String> {
        self.objects.0.borrow().keys().cloned().collect()
    }

    /// Ends an object's instance where it stands; the next question finds another.
    pub fn restart(&self, name: &str) {
        if let Some((isolate, _)) = self.hosted(name).instance.take() {
            isolate.kill();
        }
    }

    /// Loses all alarms, as nobody promises that the platform doesn't.
    pub fn lose_alarms(&self) {
        self.objects.0.borrow().values().for_each(|hosted| hosted.alarm.set(None));
    }

    /// Leaves all alarms set in the past, where they never ring.
    pub fn pass_alarms_by(&self) {
        let past_ms = self.now_ms() - 3_600_000;
        self.objects.0.borrow().values().for_each(|hosted| hosted.alarm.set(Some(past_ms)));
    }

    /// Asks an object as it was packed.
    pub fn ask(&self, name: &str, question: &[u8]) -> Vec<u8> {
        self.run(self.hosted(name).ask(self.0.clone(), question.to_vec())).unwrap()
    }
}

impl Objects for Platform {
    fn ask<'a>(&'a self, name: &'a str, mut question: Vec<u8>) -> LocalFuture<'a, Result<Vec<u8>, Failure>> {
        if self.is_newer.get() && !self.inner.is_newer.get() {
            // The first byte is the version.
            question.iter_mut().take(1).for_each(|version| *version += 1);
        }
        let (hosted, inner) = (self.inner.hosted(name), self.inner.clone());
        boxed(self.inner.call(Port::Ask, name, async move || hosted.ask(inner, question).await))
    }
}

/// Where an object lives.
struct Place {
    inner: Rc<Inner>,
    hosted: Rc<Hosted>,
}

impl ObjectHost for Place {
    fn database(&self) -> Database {
        let (inner, name) = (self.inner.clone(), self.hosted.name.clone());
        ObjectSql { inner, name, sqlite: self.hosted.sqlite.clone() }.into()
    }

    fn script(&self, script: &str) -> Result<(), StoreError> {
        match self.inner.fault(Port::ObjectSql, &self.hosted.name) {
            None => self.hosted.sqlite.try_script(script),
            Some(Fault::FailsAfterPersisting | Fault::HangsAfterPersisting) => {
                self.hosted.sqlite.try_script(script).and(Err(StoreError::Unavailable("told to fail".to_owned())))
            }
            Some(_) => Err(StoreError::Unavailable("told to fail".to_owned())),
        }
    }

    fn bytes(&self) -> Option<u64> {
        Some(self.hosted.sqlite.bytes())
    }

    fn alarm(&self) -> LocalFuture<'_, Option<u64>> {
        boxed(async {
            self.inner.time.sleep_ms(0).await;
            self.hosted.alarm.get()
        })
    }

    fn set_alarm(&self, in_ms: u64) -> LocalFuture<'_, Result<(), Failure>> {
        boxed(async move {
            self.inner.time.sleep_ms(0).await;
            self.hosted.set_alarm(&self.inner, self.inner.time.now_ms() + in_ms);
            Ok(())
        })
    }

    fn erase(&self) -> LocalFuture<'_, Result<(), Failure>> {
        boxed(async {
            self.hosted.sqlite.restore(&Sqlite::empty());
            self.hosted.alarm.set(None);
            Ok(())
        })
    }
}
