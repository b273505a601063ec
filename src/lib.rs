//! Path Collector counts an API gateway's traffic on Cloudflare Workers, and moves its write path from a synchronous
//! Durable Object to an asynchronous Queue under a flag, with proof that nothing was lost or counted twice.
//!
//! This crate is the Worker: everything that touches the runtime. Values and decisions are in `model`, SQL in `store`.
//! This file holds the platform's entry points and nothing else; a panic in one of them would end every request of the
//! isolate, so none returns an error that the platform turns into one.
//!
//! Life of a request: [`router`] passes it to the [`upstream`]; [`collect`] makes an event of it afterwards and
//! [`deliver`] writes it, in the order of [`flush`], to [`collector`] (old path), to the queue (new path; [`consumer`]
//! reads it), or both. [`api`] reads what came of it.

pub mod address_key;
pub mod api;
pub mod archive;
pub mod backlog;
pub mod body;
pub mod clock;
pub mod collect;
pub mod collector;
pub mod collector_client;
pub mod config;
pub mod consumer;
pub mod counters;
pub mod cron;
pub mod deadline;
pub mod deliver;
pub mod failure;
pub mod flag_admin;
pub mod flag_cache;
pub mod flag_kv;
pub mod flag_stop;
pub mod flush;
pub mod layout;
pub mod parity;
pub mod parity_selftest;
pub mod problem;
pub mod query;
pub mod queue_batch;
pub mod ramp;
pub mod ramp_gate;
pub mod router;
pub mod slow_lane;
pub mod snapshot;
pub mod sql_d1;
pub mod sql_object;
pub mod sql_values;
pub mod stores;
pub mod upstream;
pub mod vitals;
pub mod write_path;

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
    consumer::queue(&queue_batch::Delivered::of(&batch), &env).await;
}

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    cron::scheduled(&env).await;
}
