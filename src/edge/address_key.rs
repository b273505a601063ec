//! The day's key for address hashes, in this isolate's memory; and randomness.
//!
//! Invariant: counting never waits on a missing key for long, and never falls back to a hash that can be inverted: an
//! isolate that can't get the day's key uses one of its own, so that addresses are counted anew rather than exposed.

use std::cell::Cell;

use wasm_bindgen::JsCast;
use web_sys::WorkerGlobalScope;
use worker::{Env, console_error};

use crate::domain::address::DailyKey;
use crate::domain::grain::DAY_MS;

use super::{clock, collector_client, counters};

/// How long the object may take to tell the key, in ms.
const DEADLINE_MS: u64 = 2_000;

/// How long a key of the isolate's own is used before the day's is asked for again, in ms.
const RETRY_MS: u64 = 30_000;

#[derive(Clone, Copy)]
struct Cached {
    day: u64,
    key: DailyKey,
    /// When to ask again, in ms; none for the day's true key.
    retry_at_ms: Option<u64>,
}

/// The key for addresses seen at `timestamp_ms`.
pub async fn of(env: &Env, timestamp_ms: u64) -> DailyKey {
    thread_local! { static CACHE: Cell<Option<Cached>> = const { Cell::new(None) }; }
    let day = timestamp_ms / DAY_MS;
    let now_ms = clock::now_ms();
    if let Some(cached) = CACHE.get().filter(|cached| cached.day == day)
        && cached.retry_at_ms.is_none_or(|at| now_ms < at)
    {
        return cached.key;
    }
    let answer = clock::within_ms(DEADLINE_MS, collector_client::address_key(env, day)).await;
    let cached = match answer.unwrap_or_else(|| Err(format!("no answer within {DEADLINE_MS} ms"))) {
        Ok(key) => Cached { day, key, retry_at_ms: None },
        Err(error) => {
            counters::add("address_key_unavailable", 1);
            console_error!("Address key: {error}; addresses count anew in this isolate until it can be read");
            Cached { day, key: DailyKey(random_bytes()), retry_at_ms: Some(now_ms + RETRY_MS) }
        }
    };
    CACHE.set(Some(cached));
    cached.key
}

/// Random bytes from the platform.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let filled = scope.crypto().and_then(|crypto| crypto.get_random_values_with_u8_array(&mut bytes));
    if let Err(error) = filled {
        // Not seen on any platform; an ID without randomness would absorb other requests, so say it loudly.
        counters::add("randomness_unavailable", 1);
        console_error!("Random bytes: {error:?}");
    }
    bytes
}
