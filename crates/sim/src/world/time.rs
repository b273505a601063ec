//! The clock. It moves when nothing is left to do at the present moment, and then to the next one at which something is.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What all clocks of a world tell, each with its own error.
#[derive(Debug)]
pub struct Time {
    now_ms: Cell<u64>,
    /// Who waits, by when and by number.
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
    next: Cell<u64>,
}

impl Time {
    pub fn starting_at(now_ms: u64) -> Rc<Self> {
        Rc::new(Self { now_ms: Cell::new(now_ms), timers: RefCell::default(), next: Cell::new(0) })
    }

    pub const fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// Waits; with 0 ms, until everyone else has had a turn.
    pub fn sleep_ms(self: &Rc<Self>, ms: u64) -> Sleep {
        self.sleep_until(self.now_ms() + ms)
    }

    pub fn sleep_until(self: &Rc<Self>, at_ms: u64) -> Sleep {
        Sleep { time: self.clone(), at_ms, timer: None }
    }

    /// Moves to the next moment that somebody waits for, and wakes them; false if nobody waits.
    pub fn advance(&self) -> bool {
        let mut timers = self.timers.borrow_mut();
        let Some((&(next, _), _)) = timers.first_key_value() else { return false };
        self.now_ms.set(self.now_ms().max(next));
        let later = timers.split_off(&(self.now_ms() + 1, 0));
        let due = std::mem::replace(&mut *timers, later);
        drop(timers);
        due.into_values().for_each(Waker::wake);
        true
    }
}

/// A wait.
pub struct Sleep {
    time: Rc<Time>,
    at_ms: u64,
    timer: Option<(u64, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let timer = match self.timer {
            // Even a wait of no length lets others go first.
            Some(timer) if !self.time.timers.borrow().contains_key(&timer) => {
                self.timer = None;
                return Poll::Ready(());
            }
            Some(timer) => timer,
            None => {
                let number = self.time.next.get();
                self.time.next.set(number + 1);
                (self.at_ms.max(self.time.now_ms()), number)
            }
        };
        self.timer = Some(timer);
        self.time.timers.borrow_mut().insert(timer, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.time.timers.borrow_mut().remove(&timer);
        }
    }
}
