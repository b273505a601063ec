//! From an answered request to a recorded event. The response is on its way.
//!
//! Invariants: no failure leaves this module but as a log line and a counter. A request waits only for what it began
//! itself: what it leaves to others is plain data.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Headers, Request};
use worker::{Context, Env, console_error};

use model::event::address::{self, ClientIpHash, Keyed};
use model::event::identity::{Digest, IdempotentId, window_start};
use model::event::path::{self, Known, Place};
use model::event::{Event, MAX_METHOD_BYTES, ProducerId};
use model::flag::Flag;
use model::flag::route::route;

use crate::config::Config;
use crate::deliver::{self, Next};
use crate::{address_key, clock, counters, flag_cache, query, vitals};

/// Longest request ID and address that are looked at, in bytes; the platform's own are far shorter.
const MAX_HEADER_BYTES: usize = 128;

/// What the router saw of one request.
#[derive(Debug)]
pub struct Observed {
    /// The request; its body is gone.
    pub request: Request,
    /// Its URL.
    pub url: String,
    /// Response status.
    pub status: u16,
    /// When the request arrived, in ms.
    pub started_ms: u64,
    /// Time until the upstream's headers, in ms.
    pub response_time_ms: u32,
}

/// Records one request. Most often that is done when this returns: the event joined those that another request sends.
/// Only what has to wait for something is left to `waitUntil`, which costs as much as all the rest.
pub fn collect(env: Env, config: Rc<Config>, observed: Observed, now_ms: u64, context: &Context) {
    let ready = flag_cache::fresh(&config, now_ms).zip(key_if_known(&config, observed.started_ms, now_ms));
    if let Some((flag, key)) = ready {
        let next = record(&config, &flag, key.as_deref(), &observed, now_ms);
        if !matches!(next, Next::Follow) || vitals::is_due(now_ms) {
            context.wait_until(async move { finish(next, &env, &config, now_ms).await });
        }
        return;
    }
    context.wait_until(async move {
        // The flag and the key are read first: all that follows until the delivery is without a pause.
        let flag = flag_cache::current(&env, &config).await;
        let key = if config.plain_address_hash { None } else { Some(address_key::of(&env, observed.started_ms).await) };
        let next = record(&config, &flag, key.as_deref(), &observed, clock::now_ms());
        finish(next, &env, &config, now_ms).await;
    });
}

/// Does what is left to do when an event was handed over, under a `waitUntil` that began at `began_ms`.
async fn finish(next: Next, env: &Env, config: &Config, began_ms: u64) {
    deliver::finish(next, env, config, began_ms).await;
    vitals::report_if_due(env).await;
}

/// The key for addresses, which with plain hashes is none; nothing if it has to be asked for.
#[allow(clippy::option_option)] // whether it is known, and whether one is used
fn key_if_known(config: &Config, started_ms: u64, now_ms: u64) -> Option<Option<Rc<Keyed>>> {
    if config.plain_address_hash { Some(None) } else { address_key::known(started_ms, now_ms).map(Some) }
}

/// Makes an event of a request and hands it over.
fn record(config: &Config, flag: &Flag, key: Option<&Keyed>, observed: &Observed, now_ms: u64) -> Next {
    let headers = observed.request.headers();
    let address = header(&headers, Header::Address).unwrap_or_else(|| address::UNKNOWN.to_owned());
    let request_id = request_id(config, &observed.request, &headers).unwrap_or_else(random_id);
    let raw_path = query::path(&observed.url);
    let digest = Digest::of(&address, raw_path, &request_id);
    let window = window_start(observed.started_ms, config.window_ms);
    let idempotent_id = match IdempotentId::with_digest(window, digest) {
        Ok(id) => id,
        Err(error) => {
            counters::add("id_invalid", 1);
            console_error!("Not counted: {error}");
            return Next::Follow;
        }
    };
    let place = config.normalizer.place(raw_path);
    // Before the answer's status is looked at: what a request is counted under has no say in where it goes.
    let to = route(flag, &place, &idempotent_id);
    let path = counted(place, observed.status);
    let (producer, seq) = next_number();
    let mut method = observed.request.method();
    method.truncate(method.floor_char_boundary(MAX_METHOD_BYTES));
    let event = Event {
        idempotent_id,
        digest,
        timestamp: observed.started_ms,
        path,
        method,
        status: observed.status.clamp(100, 599),
        response_time: observed.response_time_ms,
        client_ip_hash: key.map_or_else(|| ClientIpHash::plain(&address), |key| key.hash(&address)),
        cohort: to.cohort,
        flag_version: flag.version,
        producer,
        seq,
        // Its flush is known when it is handed over.
        write: seq,
        fell_back: false,
    };
    deliver::add(event, to, now_ms, config)
}

/// The route that the request is counted under, one of a bounded number.
fn counted(place: Place<'_>, status: u16) -> String {
    thread_local! { static KNOWN: RefCell<Known> = RefCell::default(); }
    if let Err(error) = path::check(place.own) {
        counters::add("path_odd", 1);
        console_error!("Odd request: {error}");
    }
    let route = KNOWN.with_borrow_mut(|known| known.admit(place, status));
    counters::add("route_other", u64::from(route == path::OTHER));
    route
}

/// What tells the request apart: its ray, if it is its own. A request that has no `cf` did not come from the platform's
/// edge: another Worker made it, whose headers are those of the request that it serves.
fn request_id(config: &Config, request: &Request, headers: &Headers) -> Option<String> {
    let from_edge = || request.unchecked_ref::<PlatformRequest>().cf().is_object();
    if config.ray_is_unique && from_edge() { header(headers, Header::RequestId) } else { None }
}

/// A header that is read of each request.
#[derive(Clone, Copy)]
enum Header {
    Address,
    RequestId,
}

impl Header {
    const fn name(self) -> &'static str {
        match self {
            Self::Address => "CF-Connecting-IP",
            Self::RequestId => "CF-Ray",
        }
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(method, js_name = get)]
    fn get_named(this: &RequestHeaders, name: &JsValue) -> Option<String>;

    #[wasm_bindgen(extends = Headers, js_name = Headers)]
    type RequestHeaders;

    #[wasm_bindgen(extends = Request, js_name = Request)]
    type PlatformRequest;

    #[wasm_bindgen(method, getter)]
    fn cf(this: &PlatformRequest) -> JsValue;
}

/// A header's value, unless it is missing, empty or absurdly long.
fn header(headers: &Headers, header: Header) -> Option<String> {
    // The names as the platform has strings: to make one costs as much as to look up a header.
    thread_local! { static NAMES: [JsValue; 2] = [Header::Address, Header::RequestId].map(|header| header.name().into()); }
    let headers: &RequestHeaders = headers.unchecked_ref();
    let value = NAMES.with(|[address, request_id]| {
        headers.get_named(match header {
            Header::Address => address,
            Header::RequestId => request_id,
        })
    });
    let value = value.filter(|value| !value.is_empty())?;
    if value.len() > MAX_HEADER_BYTES {
        counters::add("header_too_long", 1);
        let (name, length) = (header.name(), value.len());
        console_error!("Header {name}: {length} bytes exceed the limit of {MAX_HEADER_BYTES}; it is ignored");
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
