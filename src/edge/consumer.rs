//! The queues' consumer: the new path into D1, and dead letters.
//!
//! Invariants: a message is acked only after the transaction that holds its events has committed, or it is stored as a
//! dead letter; else it is retried, which is harmless. The handler returns no error: the platform would panic.

use std::cell::RefCell;

use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, MessageBatch, MessageExt, QueueRetryOptionsBuilder, RawMessage, console_error, console_log};

use crate::domain::event::Event;
use crate::domain::message;
use crate::domain::pace::Pace;
use crate::domain::retry::delay_seconds;
use crate::store::dead_letters::{DeadLetter, DeadLetters, MAX_LETTERS};
use crate::store::events::{EventStore, Memory, Recorded};
use crate::store::sql::StoreError;

use super::config::Config;
use super::sql_d1::D1Sql;
use super::{clock, counters, vitals};

/// Ending of the dead-letter queues' names.
const DEAD_LETTER_SUFFIX: &str = "-dlq";

/// Segments that wait before the consumer folds: a reader adds at most this many to the rollups.
const FOLD_SEGMENTS: u64 = 64;

thread_local! { static MEMORY: RefCell<Memory> = RefCell::default(); }

/// Handles one batch of either queue.
pub async fn queue(batch: &MessageBatch<JsValue>, env: &Env) {
    handle(batch, env).await;
    vitals::report_if_due(env).await;
}

async fn handle(batch: &MessageBatch<JsValue>, env: &Env) {
    let config = Config::of(env);
    let messages: Vec<RawMessage> = batch.raw_iter().collect();
    console_log!("Received {} messages", messages.len());
    let now_ms = clock::now_ms();
    let handled = if batch.queue().ends_with(DEAD_LETTER_SUFFIX) {
        bury(&messages, env, now_ms).await
    } else {
        apply(&messages, env, &config, now_ms).await
    };
    match handled {
        Ok(()) => {
            counters::add("consumer_acked", messages.len() as u64);
            for message in &messages {
                message.ack();
            }
        }
        Err(error) => {
            counters::add("consumer_retried", messages.len() as u64);
            console_error!("Batch of {} messages is retried: {error}", messages.len());
            for message in &messages {
                let delay = delay_seconds(now_ms.saturating_sub(message.timestamp().as_millis()));
                message.retry_with_options(&QueueRetryOptionsBuilder::new().with_delay_seconds(delay).build());
            }
        }
    }
}

/// Applies the good events of a batch in one transaction, and stores the bad ones as dead letters.
async fn apply(messages: &[RawMessage], env: &Env, config: &Config, now_ms: u64) -> Result<(), StoreError> {
    let (mut events, mut letters, mut pace) = (Vec::new(), Vec::new(), Pace::default());
    for message in messages {
        let parsed = match text_of(&message.body()) {
            Ok(text) => message::parse(&text, now_ms),
            Err(bytes) => message::not_text(&hex::encode(bytes)),
        };
        let pause = pace.is_due(parsed.events.len());
        events.extend(parsed.events);
        letters.extend((0..).zip(parsed.rejected).map(|(position, rejected): (u64, _)| DeadLetter {
            id: format!("{}/{position}", message.id()),
            received_at: now_ms,
            sent_at: Some(message.timestamp().as_millis()),
            source: "consumer".into(),
            reason: rejected.error.to_string(),
            payload: rejected.payload,
        }));
        if pause {
            clock::pause().await;
        }
    }
    // 1. A crash here: nothing is acked, and the retry's events are absorbed or stored.
    let store = EventStore::new(D1Sql::of(env)?, config.window_ms, config.retention);
    let recorded = record(&store, &events, now_ms).await?;
    // 2. A crash here: the retry's events are absorbed, the letters stored, each once.
    keep(&letters, env).await?;
    report(config, &events, &letters, recorded, now_ms);
    if recorded.unfolded >= FOLD_SEGMENTS {
        // 3. A crash here: the retry's events are absorbed; folding begins where it stood.
        fold(&store, now_ms).await;
    }
    Ok(())
}

/// A body as text, whatever content type it was sent with; bytes that are not UTF-8 come back as they are.
fn text_of(body: &JsValue) -> Result<String, Vec<u8>> {
    if let Some(text) = body.as_string() {
        return Ok(text);
    }
    if body.is_instance_of::<js_sys::ArrayBuffer>() || body.is_instance_of::<js_sys::Uint8Array>() {
        return String::from_utf8(js_sys::Uint8Array::new(body).to_vec())
            .map_err(std::string::FromUtf8Error::into_bytes);
    }
    let json = js_sys::JSON::stringify(body).ok().and_then(|text| text.as_string());
    Ok(json.unwrap_or_else(|| format!("{body:?}")))
}

/// Records with this isolate's memory. Another batch in the same isolate finds it empty and reads for itself.
async fn record(store: &EventStore, events: &[Event], now_ms: u64) -> Result<Recorded, StoreError> {
    let mut memory = MEMORY.take();
    let recorded = store.record(&mut memory, events, now_ms).await;
    MEMORY.set(memory);
    recorded
}

/// Folds what waits; another that folds at the same time is as good.
pub async fn fold(store: &EventStore, now_ms: u64) {
    loop {
        match store.fold(now_ms).await {
            Ok(0) | Err(StoreError::Conflict) => return,
            Ok(_) => {}
            Err(error) => return console_error!("Folding is left for later: {error}"),
        }
    }
}

fn report(config: &Config, events: &[Event], letters: &[DeadLetter], recorded: Recorded, now_ms: u64) {
    counters::add("consumer_stored", recorded.stored);
    counters::add("consumer_absorbed", recorded.absorbed);
    counters::add("dead_letters", letters.len() as u64);
    if config.log_events {
        for event in events {
            console_log!(
                "Consumed: {} | Path: {} | Status: {} | Time: {}",
                event.idempotent_id,
                event.path,
                event.status,
                event.timestamp
            );
        }
    }
    for letter in letters {
        console_error!("Dead letter {}: {}", letter.id, letter.reason);
    }
    console_log!(
        "Stored {} events, absorbed {}, in {} ms",
        recorded.stored,
        recorded.absorbed,
        clock::now_ms().saturating_sub(now_ms)
    );
}

/// Stores messages whose retries are exhausted.
async fn bury(messages: &[RawMessage], env: &Env, now_ms: u64) -> Result<(), StoreError> {
    let letter = |message: &RawMessage| DeadLetter {
        id: message.id(),
        received_at: now_ms,
        sent_at: Some(message.timestamp().as_millis()),
        source: "dlq".into(),
        reason: "its retries are exhausted".into(),
        payload: text_of(&message.body()).unwrap_or_else(hex::encode),
    };
    let letters: Vec<DeadLetter> = messages.iter().map(letter).collect();
    counters::add("dead_letters", letters.len() as u64);
    // 1. A crash here: nothing is acked, and the retry's letters are stored once.
    keep(&letters, env).await
}

/// Stores letters; tells of those that had to make room.
async fn keep(letters: &[DeadLetter], env: &Env) -> Result<(), StoreError> {
    if letters.is_empty() {
        return Ok(());
    }
    let dropped = DeadLetters::new(D1Sql::of(env)?).store(letters).await?;
    if dropped > 0 {
        counters::add("dead_letters_dropped", dropped);
        console_error!("Dead letters are full ({MAX_LETTERS}): {dropped} were dropped; redrive or purge them");
    }
    Ok(())
}
