//! Handing over events, and writing them with the platform's means: to the object and to the queue.
//!
//! Invariant: an event that was handed over leaves the isolate's buffer once, in a [`flush`] that writes it or counts it as
//! lost.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use wasm_bindgen::JsValue;
use worker::{Env, QueueContentType, RawMessageBuilder, console_error, console_log};

use model::delivery::coalesce::{self, Buffer};
use model::event::Event;
use model::event::message::Written;
use model::flag::route::Destinations;

use crate::config::Config;
use crate::flush::{self, Bounds, FLUSH_MS, Handed, Platform};
use crate::write_path::WritePath;
use crate::{clock, collector_client, counters, failure, layout};

/// Producer binding.
pub const QUEUE: &str = "TRAFFIC_QUEUE";

/// How long the platform lets work under `waitUntil` go on, in ms, less a second for what is late in it.
const WAIT_UNTIL_MS: u64 = 29_000;

thread_local! {
    static BUFFER: RefCell<Buffer<Handed>> = const { RefCell::new(Buffer::new()) };
}

/// What is left to do for an event that was handed over.
pub type Next = coalesce::Next<Handed>;

/// Hands over one event, this isolate's next one by number: it is written together with others. What this returns is to
/// be [`finish`]ed by the same request.
pub fn add(mut event: Event, to: Destinations, now_ms: u64, config: &Config) -> Next {
    BUFFER.with_borrow_mut(|buffer| {
        let seq = event.seq;
        event.write = buffer.write_of(seq);
        let Some(event) = written(event) else { return Next::Follow };
        buffer.add(Handed { event, to }, seq, to, now_ms, config.limits)
    })
}

/// Serialises an event. This can't fail for our types; if it did, the event would be lost.
fn written(event: Event) -> Option<Rc<Written>> {
    let id = event.idempotent_id;
    let failed = |error| {
        counters::add("lost", 1);
        console_error!("Event lost: {id} | {error}");
    };
    Written::of(event).map(Rc::new).map_err(failed).ok()
}

/// Does what is left to do for an event, under a `waitUntil` that began at `began_ms`.
pub async fn finish(next: Next, env: &Env, config: &Config, began_ms: u64) {
    let events = match next {
        Next::Follow => return,
        Next::Send(events) => events,
        Next::Lead => {
            clock::sleep_ms(config.limits.linger_ms).await;
            BUFFER.with_borrow_mut(Buffer::take)
        }
    };
    if events.is_empty() {
        // Somebody else's event filled the buffer.
        return;
    }
    counters::raise("buffer_peak", events.len() as u64);
    counters::add("flushes", 1);
    counters::add("flushed_events", events.len() as u64);
    // Whoever can't tell an event's object must not guess it: a repeat would count again in another. The queue takes it.
    let shards = layout::to_write(env, config).await;
    // What was read before may have taken some of it. A clock that was set says nothing: a write and its fallback are
    // tried whatever it says.
    let left_ms = (began_ms + WAIT_UNTIL_MS).saturating_sub(clock::now_ms()).max(config.send_deadline_ms * 2);
    let bounds = Bounds {
        shards: shards.as_ref().copied().unwrap_or(1),
        write_ms: config.send_deadline_ms,
        flush_ms: FLUSH_MS.min(left_ms),
        log_events: config.log_events,
    };
    flush::flush(&Bindings { env, shards }, bounds, events).await;
}

/// The platform.
struct Bindings<'a> {
    env: &'a Env,
    /// How many objects there are, or why that can't be told.
    shards: Result<u64, String>,
}

impl Platform for Bindings<'_> {
    async fn write(&self, path: WritePath, events: &[Rc<Written>], message: String) -> Result<(), String> {
        match path {
            WritePath::Old => collector_client::record(self.env, self.shards.clone()?, events, message).await,
            WritePath::New => send(self.env, &message).await,
        }
    }

    fn sleep_ms(&self, ms: u64) -> impl Future<Output = ()> {
        clock::sleep_ms(ms)
    }

    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn count(&self, name: &'static str, events: usize) {
        counters::add(name, events as u64);
    }

    fn log(&self, line: &str) {
        console_log!("{line}");
    }

    fn log_error(&self, line: &str) {
        console_error!("{line}");
    }
}

async fn send(env: &Env, text: &str) -> Result<(), String> {
    let queue = env.queue(QUEUE).map_err(failure::reason)?;
    let message = RawMessageBuilder::new(JsValue::from_str(text)).build_with_content_type(QueueContentType::Text);
    queue.send_raw(message).await.map_err(failure::reason)
}
