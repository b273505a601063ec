//! Writing events: to the object, to the queue, and to the other one if that fails.
//!
//! Invariant: an event that was handed over here is written on the path that was meant, or as `fallback` on the other,
//! or else is logged whole and counted as lost. A failure proves nothing: both copies have the same ID.

use std::cell::RefCell;

use wasm_bindgen::JsValue;
use worker::{Env, QueueContentType, RawMessageBuilder, console_error, console_log};

use crate::domain::coalesce::{Buffer, Next};
use crate::domain::error::InputError;
use crate::domain::event::{Cohort, Event};
use crate::domain::message;

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
    static COLLECTOR_BUFFER: RefCell<Buffer> = const { RefCell::new(Buffer::new()) };
    static QUEUE_BUFFER: RefCell<Buffer> = const { RefCell::new(Buffer::new()) };
}

fn with_buffer<T>(path: WritePath, act: impl FnOnce(&mut Buffer) -> T) -> T {
    match path {
        WritePath::Old => COLLECTOR_BUFFER.with_borrow_mut(act),
        WritePath::New => QUEUE_BUFFER.with_borrow_mut(act),
    }
}

/// Hands over one event, to be recorded by one path together with others of this isolate. What it gives is to be
/// [`finish`]ed by the same request.
pub fn add(path: WritePath, event: Event, now_ms: u64, config: &Config) -> Next {
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
async fn flush(path: WritePath, env: &Env, config: &Config, events: Vec<Event>) {
    counters::raise("buffer_peak", events.len() as u64);
    counters::add("flushes", u64::from(!events.is_empty()));
    counters::add("flushed_events", events.len() as u64);
    for (events, error) in write(path, env, config, events).await {
        counters::add(
            if path == WritePath::New { "queue_send_failed" } else { "do_record_failed" },
            events.len() as u64,
        );
        for event in &events {
            console_error!("{}: {} | {error}", path.failed(), event.idempotent_id);
        }
        let other = path.other();
        let events: Vec<Event> = events.into_iter().map(|e| Event { cohort: Cohort::Fallback, ..e }).collect();
        for event in &events {
            console_log!("{}: {}", other.fallback(), event.idempotent_id);
        }
        counters::add("fallback", events.len() as u64);
        for (lost, error) in write(other, env, config, events).await {
            counters::add("lost", lost.len() as u64);
            for event in &lost {
                let whole = serde_json::to_string(event).unwrap_or_default();
                console_error!("{} too, event lost: {} | {error} | {whole}", other.failed(), event.idempotent_id);
            }
        }
    }
}

/// Writes events by one path; gives those that failed, with the reason.
async fn write(path: WritePath, env: &Env, config: &Config, events: Vec<Event>) -> Vec<(Vec<Event>, String)> {
    let mut failed = Vec::new();
    counters::add(path.tried(), events.len() as u64);
    for (part, text) in parts(path, config, events) {
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                failed.push((part, error.to_string()));
                continue;
            }
        };
        let write = async {
            match path {
                WritePath::Old => collector_client::record(env, config, &part, text).await,
                WritePath::New => send(env, &text).await,
            }
        };
        let deadline_ms = config.send_deadline_ms;
        match clock::within_ms(deadline_ms, write).await {
            Some(Ok(())) if config.log_events => {
                for event in &part {
                    console_log!(
                        "{}: {} | Path: {} | Status: {}",
                        path.sent(),
                        event.idempotent_id,
                        event.path,
                        event.status
                    );
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
fn parts(path: WritePath, config: &Config, events: Vec<Event>) -> Vec<(Vec<Event>, Result<String, InputError>)> {
    let groups = match path {
        WritePath::Old => collector_client::by_shard(events, config.shards),
        WritePath::New => vec![events],
    };
    groups.into_iter().flat_map(message::write).collect()
}

async fn send(env: &Env, text: &str) -> Result<(), String> {
    let queue = env.queue(QUEUE).map_err(|error| error.to_string())?;
    let message = RawMessageBuilder::new(JsValue::from_str(text)).build_with_content_type(QueueContentType::Text);
    queue.send_raw(message).await.map_err(|error| error.to_string())
}
