//! Writing events: to the object, to the queue, and to the other one if that fails.
//!
//! Invariant: an event that was handed over here is written on the path that was meant, or as `fallback` on the other,
//! or else is logged whole and counted as lost. A failure proves nothing: both copies have the same ID.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsValue;
use worker::{Env, QueueContentType, RawMessageBuilder, console_error, console_log};

use crate::domain::coalesce::{self, Buffer};
use crate::domain::event::{Cohort, Event};
use crate::domain::message::{self, Written};

use super::config::Config;
use super::{clock, collector_client, counters};

/// Producer binding.
pub const QUEUE: &str = "TRAFFIC_QUEUE";

/// One of the two ways to record an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WritePath {
    /// Old: the object.
    Old,
    /// New: the queue.
    New,
}

impl WritePath {
    const fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
        }
    }

    const fn tried(self) -> &'static str {
        match self {
            Self::Old => "do_record_tried",
            Self::New => "queue_send_tried",
        }
    }

    const fn sent(self) -> &'static str {
        match self {
            Self::Old => "DO recorded",
            Self::New => "Queue sent",
        }
    }

    const fn failed(self) -> &'static str {
        match self {
            Self::Old => "DO record failed",
            Self::New => "Queue send failed",
        }
    }

    const fn fallback(self) -> &'static str {
        match self {
            Self::Old => "Fallback to DO",
            Self::New => "Fallback to queue",
        }
    }
}

thread_local! {
    static COLLECTOR_BUFFER: RefCell<Buffer<Rc<Written>>> = const { RefCell::new(Buffer::new()) };
    static QUEUE_BUFFER: RefCell<Buffer<Rc<Written>>> = const { RefCell::new(Buffer::new()) };
}

fn with_buffer<T>(path: WritePath, act: impl FnOnce(&mut Buffer<Rc<Written>>) -> T) -> T {
    match path {
        WritePath::Old => COLLECTOR_BUFFER.with_borrow_mut(act),
        WritePath::New => QUEUE_BUFFER.with_borrow_mut(act),
    }
}

/// What is left to do for an event that was handed over.
pub type Next = coalesce::Next<Rc<Written>>;

/// Hands over one event, to be recorded by one path together with others of this isolate. What it gives is to be
/// [`finish`]ed by the same request.
pub fn add(path: WritePath, event: Rc<Written>, now_ms: u64, config: &Config) -> Next {
    with_buffer(path, |buffer| buffer.add(event, now_ms, config.limits))
}

/// Does what is left to do for an event.
pub async fn finish(path: WritePath, next: Next, env: &Env, config: &Config) {
    let events = match next {
        Next::Follow => return,
        Next::Send(events) => events,
        Next::Lead => {
            clock::sleep_ms(config.limits.linger_ms).await;
            with_buffer(path, Buffer::take)
        }
    };
    flush(path, env, config, events).await;
}

/// Writes events, and by the other path what fails.
async fn flush(path: WritePath, env: &Env, config: &Config, events: Vec<Rc<Written>>) {
    counters::raise("buffer_peak", events.len() as u64);
    counters::add("flushes", u64::from(!events.is_empty()));
    counters::add("flushed_events", events.len() as u64);
    for (failed, error) in write(path, env, config, events).await {
        counters::add(
            if path == WritePath::New { "queue_send_failed" } else { "do_record_failed" },
            failed.len() as u64,
        );
        for event in failed.iter().map(|written| written.event()) {
            console_error!("{}: {} | {error}", path.failed(), event.idempotent_id);
        }
        let other = path.other();
        let again: Vec<Rc<Written>> = failed.iter().filter_map(|written| fall_back(other, written.event())).collect();
        counters::add("fallback", again.len() as u64);
        for (lost, error) in write(other, env, config, again).await {
            counters::add("lost", lost.len() as u64);
            for written in &lost {
                let (id, whole) = (written.event().idempotent_id, written.text());
                console_error!("{} too, event lost: {id} | {error} | {whole}", other.failed());
            }
        }
    }
}

/// An event for the other path than was meant.
fn fall_back(other: WritePath, event: &Event) -> Option<Rc<Written>> {
    console_log!("{}: {}", other.fallback(), event.idempotent_id);
    written(Event { cohort: Cohort::Fallback, ..event.clone() })
}

/// Writes an event down; one of which that fails, which none does, is lost.
pub fn written(event: Event) -> Option<Rc<Written>> {
    let id = event.idempotent_id;
    let failed = |error| {
        counters::add("lost", 1);
        console_error!("Event lost: {id} | {error}");
    };
    Written::of(event).map(Rc::new).map_err(failed).ok()
}

/// Writes events by one path; gives those that failed, with the reason.
async fn write(
    path: WritePath,
    env: &Env,
    config: &Config,
    events: Vec<Rc<Written>>,
) -> Vec<(Vec<Rc<Written>>, String)> {
    let mut failed = Vec::new();
    counters::add(path.tried(), events.len() as u64);
    for (part, text) in parts(path, config, events) {
        let write = async {
            match path {
                WritePath::Old => collector_client::record(env, config, &part, text).await,
                WritePath::New => send(env, &text).await,
            }
        };
        let deadline_ms = config.send_deadline_ms;
        match clock::within_ms(deadline_ms, write).await {
            Some(Ok(())) if config.log_events => {
                for Event { idempotent_id, path: route, status, .. } in part.iter().map(|written| written.event()) {
                    console_log!("{}: {idempotent_id} | Path: {route} | Status: {status}", path.sent());
                }
            }
            Some(Ok(())) => {}
            Some(Err(error)) => failed.push((part, error)),
            None => failed.push((part, format!("no answer within {deadline_ms} ms"))),
        }
    }
    failed
}

/// Splits events into what one write carries, by shard of the object and by the size of a message, with its text.
fn parts(path: WritePath, config: &Config, events: Vec<Rc<Written>>) -> Vec<(Vec<Rc<Written>>, String)> {
    let groups = match path {
        WritePath::Old => collector_client::by_shard(events, config.shards),
        WritePath::New => vec![events],
    };
    groups.into_iter().flat_map(message::pack).collect()
}

async fn send(env: &Env, text: &str) -> Result<(), String> {
    let queue = env.queue(QUEUE).map_err(|error| error.to_string())?;
    let message = RawMessageBuilder::new(JsValue::from_str(text)).build_with_content_type(QueueContentType::Text);
    queue.send_raw(message).await.map_err(|error| error.to_string())
}
