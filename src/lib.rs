//! Path Collector counts an API gateway's traffic on Cloudflare Workers, and moves its write path from a synchronous
//! Durable Object to an asynchronous Queue under a flag, with proof that nothing was lost or counted twice.
//!
//! This crate is the Worker: everything that touches the runtime. Values and decisions are in `model`, SQL in `store`.
//! This file holds the platform's entry points and nothing else; a panic in one of them would end every request of the
//! isolate, so none returns an error that the platform turns into one.
//!
//! Life of a request: [`router`] passes it to the [`upstream`]; afterwards [`flow::collecting`] makes an event of it and
//! writes it to an object ([`platform::object`], old path), to the queue ([`flow::consuming`] reads it, new path), or
//! both. [`http`] shows what came of it.

pub mod body;
pub mod http;
mod observe;
pub mod platform;
pub mod router;
pub mod upstream;

use js_sys::Promise;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Env, ScheduleContext, ScheduledEvent, event, worker_sys};

/// A request. Not through `event`: the router hands on the upstream's promise, and needs no future of its own.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, context: worker_sys::Context) -> Promise {
    router::fetch(request, env, Context::new(context))
}

/// A batch of messages. Not through `event`: its messages don't tell how often they were delivered.
#[wasm_bindgen(wasm_bindgen_futures = worker::wasm_bindgen_futures)]
pub async fn queue(batch: worker_sys::MessageBatch, env: Env, _context: worker_sys::Context) {
    let (queue, messages) = platform::queue_batch::read(&batch, &env);
    flow::consuming::consumer::consume(&platform::app(&env), &queue, &messages).await;
}

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    flow::cron::scheduled(&platform::app(&env)).await;
}
