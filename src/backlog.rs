//! How much waits in the queues. The bindings don't know that the platform tells it.

use futures_util::future::join;
use js_sys::{Date, Function, Promise, Reflect};
use wasm_bindgen::JsCast;
use worker::Env;
use worker::wasm_bindgen_futures::JsFuture;

use model::operating::health::Backlog;

use crate::clock;
use crate::deliver::QUEUE;

/// How long the queue may take to tell what waits in it, in ms.
const DEADLINE_MS: u64 = 2_000;

/// Producer binding of the slow lane. Nothing is sent by it; the platform tells of a queue through a binding alone.
pub const SLOW_LANE: &str = "SLOW_LANE";

/// What waits in the main queue, and in the slow lane, where the platform tells it.
pub async fn read_both(env: &Env, now_ms: u64) -> (Backlog, Backlog) {
    join(read(env, QUEUE, now_ms), read(env, SLOW_LANE, now_ms)).await
}

/// What waits in a queue, where the platform tells it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts and times far below 2^53
async fn read(env: &Env, binding: &str, now_ms: u64) -> Backlog {
    let asked = async {
        let queue = Reflect::get(env, &binding.into()).ok()?;
        let metrics: Function = Reflect::get(&queue, &"metrics".into()).ok()?.dyn_into().ok()?;
        let promise: Promise = metrics.call0(&queue).ok()?.dyn_into().ok()?;
        let metrics = JsFuture::from(promise).await.ok()?;
        let number = |name: &str| Reflect::get(&metrics, &name.into()).ok();
        let time = number("oldestMessageTimestamp")
            .map(|time| time.as_f64().or_else(|| time.dyn_ref::<Date>().map(Date::get_time)).filter(|ms| *ms > 0.0));
        let backlog = number("backlogCount").and_then(|count| count.as_f64());
        Some((backlog, time.flatten()))
    };
    let (backlog, oldest) = clock::within_ms(DEADLINE_MS, asked).await.flatten().unwrap_or_default();
    let whole = |number: f64| number as u64;
    Backlog { backlog: backlog.map(whole), oldest_ms: oldest.map(|ms| now_ms.saturating_sub(whole(ms))) }
}
