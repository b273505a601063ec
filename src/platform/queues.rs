//! The queues. The bindings don't know that the platform tells how much waits in one.

use flow::port::{Failure, Queues};
use js_sys::futures::JsFuture;
use js_sys::{Date, Function, Promise, Reflect};
use model::delivery::retry::Lane;
use model::operating::health::Backlog;
use store::sql::LocalFuture;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, Queue, QueueContentType, RawMessageBuilder};

use super::{Bindings, failure};

/// Producer binding of the main queue.
const MAIN: &str = "TRAFFIC_QUEUE";

/// Producer binding of the slow lane. Nothing is sent by it; the platform tells of a queue through a binding alone.
const SLOW_LANE: &str = "SLOW_LANE";

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

    fn backlog(&self, lane: Lane, now_ms: u64) -> LocalFuture<'_, Result<Backlog, Failure>> {
        Box::pin(async move {
            let metrics = metrics(&self.env, binding(lane)).await.ok_or("the platform doesn't tell")?;
            Ok(backlog(&metrics, now_ms))
        })
    }
}

/// The producer binding of a lane's queue.
const fn binding(lane: Lane) -> &'static str {
    match lane {
        Lane::Main => MAIN,
        Lane::Slow => SLOW_LANE,
    }
}

/// What a queue tells of itself, where the platform has that.
async fn metrics(env: &Env, binding: &str) -> Option<JsValue> {
    let queue = Reflect::get(env, &binding.into()).ok()?;
    let metrics: Function = Reflect::get(&queue, &"metrics".into()).ok()?.dyn_into().ok()?;
    let promise: Promise = metrics.call0(&queue).ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok()
}

/// What waits in a queue, as far as it tells.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts and times far below 2^53
fn backlog(metrics: &JsValue, now_ms: u64) -> Backlog {
    let number = |name: &str| Reflect::get(metrics, &name.into()).ok();
    let oldest = number("oldestMessageTimestamp")
        .and_then(|time| time.as_f64().or_else(|| time.dyn_ref::<Date>().map(Date::get_time)))
        .filter(|ms| *ms > 0.0);
    let backlog = number("backlogCount").and_then(|count| count.as_f64());
    let whole = |number: f64| number as u64;
    Backlog { backlog: backlog.map(whole), oldest_ms: oldest.map(|ms| now_ms.saturating_sub(whole(ms))) }
}
