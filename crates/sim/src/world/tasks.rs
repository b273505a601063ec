//! The executor: one thread, on which one task at a time is polled, picked at random among those that can go on.
//!
//! A run is a function of its seed: there is no other clock, no other thread, and no other source of randomness.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use super::random::Random;
use super::time::Time;

/// Whose task it is: an isolate's number, or the platform itself.
pub type Owner = u64;

/// The platform: it never ends.
pub const PLATFORM: Owner = 0;

/// Number of the future that [`Tasks::run`] runs.
const MAIN: u64 = 0;

/// Tasks of all isolates.
pub struct Tasks {
    time: Rc<Time>,
    random: Random,
    all: RefCell<BTreeMap<u64, Task>>,
    woken: Arc<Mutex<Vec<u64>>>,
    next: std::cell::Cell<u64>,
    ended: RefCell<BTreeSet<Owner>>,
}

struct Task {
    owner: Owner,
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Waker,
}

struct Alarm {
    task: u64,
    woken: Arc<Mutex<Vec<u64>>>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        let mut woken = self.woken.lock().unwrap();
        if !woken.contains(&self.task) {
            woken.push(self.task);
        }
    }
}

impl Tasks {
    pub fn new(time: Rc<Time>, random: Random) -> Self {
        let (all, woken, ended) = Default::default();
        Self { time, random, all, woken, next: std::cell::Cell::new(MAIN + 1), ended }
    }

    fn waker(&self, task: u64) -> Waker {
        Waker::from(Arc::new(Alarm { task, woken: self.woken.clone() }))
    }

    /// Begins a task, which goes on beside all others.
    pub fn spawn(&self, owner: Owner, future: impl Future<Output = ()> + 'static) {
        if self.has_ended(owner) {
            return;
        }
        let number = self.next.get();
        self.next.set(number + 1);
        let waker = self.waker(number);
        waker.wake_by_ref();
        self.all.borrow_mut().insert(number, Task { owner, future: Box::pin(future), waker });
    }

    /// Runs a future, and all tasks beside it, until it ends.
    ///
    /// # Panics
    /// Nothing can go on any more.
    pub fn run<T>(&self, main: impl Future<Output = T>) -> T {
        let mut main = pin!(main);
        let waker = self.waker(MAIN);
        waker.wake_by_ref();
        loop {
            while let Some(number) = self.pick() {
                if number != MAIN {
                    self.poll(number);
                } else if let Poll::Ready(output) = main.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return output;
                }
            }
            assert!(self.time.advance(), "everything waits, and nothing will ever come");
        }
    }

    fn pick(&self) -> Option<u64> {
        let mut woken = self.woken.lock().unwrap();
        let at = usize::try_from(self.random.below(woken.len() as u64)).unwrap();
        (!woken.is_empty()).then(|| woken.swap_remove(at))
    }

    fn poll(&self, number: u64) {
        // Taken out: the task may begin and end others, itself among them.
        let Some(mut task) = self.all.borrow_mut().remove(&number) else { return };
        let waker = task.waker.clone();
        if task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() && !self.has_ended(task.owner) {
            self.all.borrow_mut().insert(number, task);
        }
    }

    pub fn has_ended(&self, owner: Owner) -> bool {
        self.ended.borrow().contains(&owner)
    }

    /// Ends all tasks of an isolate where they stand, and lets it begin no more.
    pub fn end(&self, owner: Owner) {
        self.ended.borrow_mut().insert(owner);
        let ended: Vec<Task> =
            self.all.borrow_mut().extract_if(.., |_, task| task.owner == owner).map(|(_, task)| task).collect();
        drop(ended);
    }

    /// Drops all tasks.
    pub fn clear(&self) {
        drop(self.all.take());
    }
}
