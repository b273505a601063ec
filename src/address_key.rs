//! The day's key for address hashes, in this isolate's memory; and randomness.
//!
//! Invariant: counting never waits on a missing key for long, and never falls back to a hash that can be inverted: an
//! isolate that can't get the day's key uses one of its own, so that addresses are counted anew rather than exposed.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::WorkerGlobalScope;
use worker::{Env, console_error};

use model::counting::grain::DAY_MS;
use model::event::address::{DailyKey, Keyed};

use crate::config::Config;
use crate::{clock, collector_client, counters, failure, layout};

/// How long the object may take to tell the key, in ms.
const DEADLINE_MS: u64 = 2_000;

/// How long a key of the isolate's own is used before the day's is asked for again, in ms.
const RETRY_MS: u64 = 30_000;

struct Cached {
    day: u64,
    key: Rc<Keyed>,
    /// When to ask again, in ms; none for the day's true key.
    retry_at_ms: Option<u64>,
}

thread_local! { static CACHE: RefCell<Option<Cached>> = const { RefCell::new(None) }; }

/// The key for addresses seen at `timestamp_ms`, unless it is to be asked for.
pub fn known(timestamp_ms: u64, now_ms: u64) -> Option<Rc<Keyed>> {
    CACHE.with_borrow(|cached| {
        let cached = cached.as_ref().filter(|cached| cached.day == timestamp_ms / DAY_MS)?;
        cached.retry_at_ms.is_none_or(|at| now_ms < at).then(|| cached.key.clone())
    })
}

/// The key for addresses seen at `timestamp_ms`.
pub async fn of(env: &Env, timestamp_ms: u64) -> Rc<Keyed> {
    let day = timestamp_ms / DAY_MS;
    let now_ms = clock::now_ms();
    if let Some(key) = known(timestamp_ms, now_ms) {
        return key;
    }
    let config = Config::of(env);
    let answer = clock::within_ms(DEADLINE_MS, collector_client::address_key(env, &config, day)).await;
    let (key, retry_at_ms) = match answer.unwrap_or_else(|| Err(format!("no answer within {DEADLINE_MS} ms"))) {
        Ok((key, layout)) => {
            layout::adopt(layout, &config);
            (key, None)
        }
        Err(error) => {
            counters::add("address_key_unavailable", 1);
            console_error!("Address key: {error}; addresses count anew in this isolate until it can be read");
            (DailyKey(random_bytes()), Some(now_ms + RETRY_MS))
        }
    };
    let key = Rc::new(Keyed::new(&key));
    CACHE.set(Some(Cached { day, key: key.clone(), retry_at_ms }));
    key
}

/// Random bytes from the platform.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let filled = scope.crypto().and_then(|crypto| crypto.get_random_values_with_u8_array(&mut bytes));
    if let Err(error) = filled {
        // Not seen on any platform; an ID without randomness would absorb other requests, so say it loudly.
        counters::add("randomness_unavailable", 1);
        console_error!("Random bytes: {}", failure::thrown(&error));
    }
    bytes
}
