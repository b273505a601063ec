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
    use wasm_bindgen::JsValue;
    use wasm_bindgen::prelude::wasm_bindgen;
    use worker::{Context, Env, MessageBatch, Result, ScheduleContext, ScheduledEvent, event, worker_sys};

    use crate::edge;

    /// A request. Not through `event`: the router hands on the upstream's promise, and needs no future of its own.
    #[wasm_bindgen]
    pub fn fetch(request: web_sys::Request, env: Env, context: worker_sys::Context) -> Promise {
        edge::router::fetch(request, env, Context::new(context))
    }

    #[event(queue)]
    async fn queue(batch: MessageBatch<JsValue>, env: Env, _context: Context) -> Result<()> {
        edge::consumer::queue(&batch, &env).await;
        Ok(())
    }

    #[event(scheduled)]
    async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
        edge::cron::scheduled(&env).await;
    }
}
