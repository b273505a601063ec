//! Path Collector counts an API gateway's traffic on Cloudflare Workers, and moves its write path from a synchronous
//! Durable Object to an asynchronous Queue under a flag, with proof that nothing was lost or counted twice.
//!
//! The house:
//! - [`domain`]: values and decisions. Pure functions; knows no platform and no database.
//! - [`store`]: SQL and its meaning, over a one-method port. Knows `domain`.
//! - `edge`: the platform. Knows both; alone imports `worker`.
//!
//! Data flows one way: edge → domain → store. This file holds the platform's entry points and nothing else; a panic
//! in one of them would end every request of the isolate, so none returns an error that the platform turns into one.

pub mod domain;
pub mod store;

#[cfg(feature = "edge")]
pub mod edge;

#[cfg(feature = "edge")]
mod entry {
    use js_sys::Promise;
    use wasm_bindgen::prelude::wasm_bindgen;
    use worker::{Context, Env, ScheduleContext, ScheduledEvent, event, worker_sys};

    use crate::edge;

    /// A request. Not through `event`: the router hands on the upstream's promise, and needs no future of its own.
    #[wasm_bindgen]
    pub fn fetch(request: web_sys::Request, env: Env, context: worker_sys::Context) -> Promise {
        edge::router::fetch(request, env, Context::new(context))
    }

    /// A batch of messages. Not through `event`: its messages don't tell how often they were delivered.
    #[wasm_bindgen(wasm_bindgen_futures = worker::wasm_bindgen_futures)]
    pub async fn queue(batch: worker_sys::MessageBatch, env: Env, _context: worker_sys::Context) {
        edge::consumer::queue(&edge::queue_batch::Delivered::of(&batch), &env).await;
    }

    #[event(scheduled)]
    async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
        edge::cron::scheduled(&env).await;
    }
}
