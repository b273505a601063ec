//! The queues. The bindings don't know that the platform tells how much waits in one.

use flow::port::{Failure, Queues};
use futures_util::future::{Either, join, select};
use js_sys::futures::JsFuture;
use js_sys::{Date, Function, Promise, Reflect};
use model::operating::health::Backlog;
use std::pin::pin;
use store::sql::LocalFuture;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, Queue, QueueContentType, RawMessageBuilder};

use super::{Bindings, clock, failure};

/// Producer binding of the main queue.
const MAIN: &str = "TRAFFIC_QUEUE";

/// Producer binding of the slow lane. Nothing is sent by it; the platform tells of a queue through a binding alone.
const SLOW_LANE: &str = "SLOW_LANE";

/// How long a queue may take to tell what waits in it, in ms.
const BACKLOG_MS: u64 = 2_000;

/// Sends a body to the main queue.
///
/// # Errors
/// Why it may not be there.
pub async fn send(queue: &Queue, body: &JsValue) -> Result<(), Failure> {
    let kind = if body.is_string() { QueueContentType::Text } else { QueueContentType::V8 };
    let message = RawMessageBuilder::new(body.clone()).build_with_content_type(kind);
    queue.send_raw(message).await.map_err(failure::reason)
}

/// The main queue of this deployment.
///
/// # Errors
/// When it is not bound.
pub fn main(env: &Env) -> Result<Queue, Failure> {
    env.queue(MAIN).map_err(failure::reason)
}

impl Queues for Bindings {
    fn send<'a>(&'a self, text: &'a str) -> LocalFuture<'a, Result<(), Failure>> {
        Box::pin(async move { send(&main(&self.env)?, &JsValue::from_str(text)).await })
    }

    fn backlogs(&self, now_ms: u64) -> LocalFuture<'_, (Backlog, Backlog)> {
        Box::pin(join(backlog(&self.env, MAIN, now_ms), backlog(&self.env, SLOW_LANE, now_ms)))
    }
}

/// What waits in a queue, where the platform tells it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts and times far below 2^53
async fn backlog(env: &Env, binding: &str, now_ms: u64) -> Backlog {
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
    let told = match select(pin!(asked), pin!(clock::sleep_ms(BACKLOG_MS))).await {
        Either::Left((told, _)) => told,
        Either::Right(_) => None,
    };
    let (backlog, oldest) = told.unwrap_or_default();
    let whole = |number: f64| number as u64;
    Backlog { backlog: backlog.map(whole), oldest_ms: oldest.map(|ms| now_ms.saturating_sub(whole(ms))) }
}
