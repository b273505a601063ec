//! How much waits in the queue. The bindings don't know that the platform tells it.

use js_sys::{Date, Function, Promise, Reflect};
use wasm_bindgen::JsCast;
use worker::Env;
use worker::wasm_bindgen_futures::JsFuture;

use crate::domain::health::Backlog;

use super::clock;
use super::deliver::QUEUE;

/// How long the queue may take to tell what waits in it, in ms.
const DEADLINE_MS: u64 = 2_000;

/// What waits in the queue, where the platform tells it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts and times far below 2^53
pub async fn read(env: &Env, now_ms: u64) -> Backlog {
    let asked = async {
        let queue = Reflect::get(env, &QUEUE.into()).ok()?;
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
