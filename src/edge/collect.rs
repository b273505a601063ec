//! From an answered request to a recorded event. Runs in `waitUntil`: the response is on its way.
//!
//! Invariant: no failure leaves this module but as a log line and a counter.

use std::cell::{Cell, RefCell};

use web_sys::Headers;
use worker::{Env, console_error};

use crate::domain::address::{self, ClientIpHash};
use crate::domain::event::{Event, MAX_METHOD_BYTES, ProducerId};
use crate::domain::identity::{Digest, IdempotentId, window_start};
use crate::domain::path::{self, Known};
use crate::domain::route::{Destinations, route};

use super::config::Config;
use super::{address_key, counters, deliver, flag_cache, vitals};

/// Longest request ID and address that are looked at, in bytes; the platform's own are far shorter.
const MAX_HEADER_BYTES: usize = 128;

/// What the router saw of one request.
#[derive(Debug)]
pub struct Observed {
    /// Path as it arrived, without query.
    pub path: String,
    /// Request method.
    pub method: String,
    /// Response status.
    pub status: u16,
    /// When the request arrived, in ms.
    pub started_ms: u64,
    /// Time until the upstream's headers, in ms.
    pub response_time_ms: u32,
    /// Request headers.
    pub headers: Headers,
}

/// Records one request.
pub async fn collect(env: &Env, config: &Config, observed: Observed) {
    // The flag and the key are read first: all that follows until the delivery is without a pause.
    let flag = flag_cache::current(env, config).await;
    let key = if config.plain_address_hash { None } else { Some(address_key::of(env, observed.started_ms).await) };
    let address = header(&observed.headers, "CF-Connecting-IP").unwrap_or_else(|| address::UNKNOWN.to_owned());
    let request_id = header(&observed.headers, "CF-Ray").unwrap_or_else(random_id);
    let digest = Digest::of(&address, &observed.path, &request_id);
    let window = window_start(observed.started_ms, config.window_ms);
    let idempotent_id = match IdempotentId::with_digest(window, digest) {
        Ok(id) => id,
        Err(error) => {
            counters::add("id_invalid", 1);
            return console_error!("Not counted: {error}");
        }
    };
    let path = normalized(config, &observed);
    let Destinations { collector, queue, cohort } = route(&flag, &path, &idempotent_id);
    let (producer, seq) = next_number();
    let mut method = observed.method;
    method.truncate(method.floor_char_boundary(MAX_METHOD_BYTES));
    let event = Event {
        idempotent_id,
        digest,
        timestamp: observed.started_ms,
        path,
        method,
        status: observed.status.clamp(100, 599),
        response_time: observed.response_time_ms,
        client_ip_hash: key.map_or_else(|| ClientIpHash::plain(&address), |key| ClientIpHash::keyed(&key, &address)),
        cohort,
        flag_version: flag.version,
        producer,
        seq,
    };
    deliver_to(env, config, event, collector, queue).await;
    vitals::report_if_due(env).await;
}

async fn deliver_to(env: &Env, config: &Config, event: Event, collector: bool, queue: bool) {
    // An event for both goes to both at once: a slow one doesn't hold up the other.
    match (collector, queue) {
        (true, true) => {
            futures_util::future::join(
                deliver::to(deliver::WritePath::Old, env, config, event.clone()),
                deliver::to(deliver::WritePath::New, env, config, event),
            )
            .await;
        }
        (true, false) => deliver::to(deliver::WritePath::Old, env, config, event).await,
        (false, _) => deliver::to(deliver::WritePath::New, env, config, event).await,
    }
}

/// The request's route, one of a bounded number.
fn normalized(config: &Config, observed: &Observed) -> String {
    thread_local! { static KNOWN: RefCell<Known> = RefCell::default(); }
    if let Err(error) = path::check(&observed.path) {
        counters::add("path_odd", 1);
        console_error!("Odd request: {error}");
    }
    let route = config.normalizer.normalize(&observed.path, observed.status);
    let route = KNOWN.with_borrow_mut(|known| known.admit(route));
    counters::add("route_other", u64::from(route == path::OTHER));
    route
}

/// A header's value, unless it is missing, empty or absurdly long.
fn header(headers: &Headers, name: &str) -> Option<String> {
    let value = headers.get(name).ok().flatten().filter(|value| !value.is_empty())?;
    if value.len() > MAX_HEADER_BYTES {
        counters::add("header_too_long", 1);
        console_error!("Header {name}: {} bytes exceed the limit of {MAX_HEADER_BYTES}; it is ignored", value.len());
        return None;
    }
    Some(value)
}

/// A random request ID for a request that has none: a version 4 UUID's 122 bits are as good as these 128.
fn random_id() -> String {
    hex::encode(address_key::random_bytes::<16>())
}

/// This isolate's name, and the next number in it.
fn next_number() -> (ProducerId, u32) {
    thread_local! { static NEXT: Cell<u32> = const { Cell::new(0) }; }
    let seq = NEXT.get();
    NEXT.set(seq.wrapping_add(1));
    (vitals::isolate(), seq)
}
