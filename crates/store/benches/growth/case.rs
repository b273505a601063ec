//! A call that is timed, made ready before and checked after.

use crate::metered::{Metered, Traffic};

/// A call, made ready; what it takes is timed.
pub type Run = Box<dyn FnOnce() -> Done>;

/// A call that is over: checks what came of it, and gives what crossed the port.
pub type Done = Box<dyn FnOnce() -> Traffic>;

/// Makes calls ready, one after the other.
pub type Case = Box<dyn FnMut() -> Run>;

/// A call of an operation over a database, and a check of what it gave.
pub fn metered<T: 'static>(sql: &Metered, call: impl FnOnce() -> T + 'static, check: impl FnOnce(T) + 'static) -> Run {
    let sql = sql.clone();
    Box::new(move || {
        let before = sql.traffic();
        let given = call();
        let traffic = sql.traffic() - before;
        Box::new(move || {
            check(given);
            traffic
        })
    })
}
