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
use js_sys::Object;
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

thread_local! {
    /// What the newest event ran on. Bindings are the isolate's, so that the next one most likely runs on it, too.
    static NEWEST: RefCell<Option<(Env, Rc<App>)>> = const { RefCell::new(None) };
}

/// What everything runs on, for an event that has these bindings.
pub fn app(env: &Env) -> Rc<App> {
    NEWEST.with_borrow_mut(|newest| {
        let app = match newest {
            Some((of, app)) if Object::is(of, env) => return app.clone(),
            Some((_, app)) => Rc::new(app.with(ports(env))),
            None => Rc::new(App::new(&|name| env.var(name).ok().map(|value| value.to_string()), ports(env))),
        };
        *newest = Some((env.clone(), app.clone()));
        app
    })
}

fn ports(env: &Env) -> Ports {
    let bindings = Rc::new(Bindings { env: env.clone(), d1_bytes: Rc::default() });
    Ports {
        clock: Rc::new(clock::RuntimeClock),
        log: Rc::new(Lines),
        kv: bindings.clone(),
        queues: bindings.clone(),
        objects: bindings.clone(),
        new_store: bindings.clone(),
        buckets: bindings,
    }
}
