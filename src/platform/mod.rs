//! The platform: each port of `flow`, over the runtime.

pub mod clock;
pub mod d1;
pub mod failure;
pub mod kv;
pub mod object;
pub mod objects;
pub mod queue_batch;
pub mod queues;
pub mod r2;
pub mod sql_object;
mod sql_values;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use flow::app::App;
use flow::port::{Log, Ports};
use worker::{Env, console_error, console_log};

/// The bindings of one event.
#[derive(Debug)]
pub struct Bindings {
    env: Env,
    /// Size of D1 in bytes, as its last answer told it.
    d1_bytes: Rc<Cell<Option<u64>>>,
}

/// Workers Logs.
struct Lines;

impl Log for Lines {
    fn note(&self, line: &str) {
        console_log!("{line}");
    }

    fn error(&self, line: &str) {
        console_error!("{line}");
    }
}

/// What everything runs on, for one event.
pub fn app(env: Env) -> Rc<App> {
    thread_local! { static FIRST: RefCell<Option<Rc<App>>> = const { RefCell::new(None) }; }
    let bindings = Rc::new(Bindings { env, d1_bytes: Rc::default() });
    let ports = Ports {
        clock: Rc::new(clock::Platform),
        log: Rc::new(Lines),
        kv: bindings.clone(),
        queues: bindings.clone(),
        objects: bindings.clone(),
        new_store: bindings.clone(),
        buckets: bindings.clone(),
    };
    if let Some(first) = FIRST.with_borrow(Clone::clone) {
        return Rc::new(first.with(ports));
    }
    let variable = |name: &str| bindings.env.var(name).ok().map(|value| value.to_string());
    let app = Rc::new(App::new(&variable, ports));
    FIRST.set(Some(app.clone()));
    app
}
