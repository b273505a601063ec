//! From an answered request to a recorded event. The response is on its way.
//!
//! Invariants: no failure leaves this module but as a log line and a counter. A request waits only for what it began
//! itself: what it leaves to others is plain data.

use std::borrow::Cow;
use std::rc::Rc;

use model::error::InputError;
use model::event::address::{self, AddressHashing};
use model::event::identity::{Digest, IdempotentId, window_start};
use model::event::path::{self, RequestPath};
use model::event::{Event, MAX_METHOD_BYTES};
use model::flag::Flag;
use model::flag::route::route;
use store::sql::LocalFuture;

use super::address_key;
use super::deliver::{self, DeliveryStep};
use crate::app::App;
use crate::flag::cache;
use crate::operating::vitals;

/// What the router observed of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedRequest {
    /// The client's address, if it is known.
    pub address: Option<String>,
    /// What identifies the request, if anything: its ray, unless that belongs to another request.
    pub request_id: Option<String>,
    /// Method.
    pub method: String,
    /// Path as it arrived, without its query.
    pub path: String,
    /// Response status.
    pub status: u16,
    /// When the request arrived, in ms.
    pub started_ms: u64,
    /// Time until the upstream's headers, in ms.
    pub response_time_ms: u32,
}

/// Who a request is, for dedup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    /// Its ID.
    pub id: IdempotentId,
    /// The hash that dedup goes by.
    pub digest: Digest,
}

/// Records one request. Usually it is done when this returns, because another request sends the event together with its
/// own. If something is left to wait for, it is returned as a future for `waitUntil`, which costs as much as all the
/// rest.
pub fn collect(app: &Rc<App>, observed: ObservedRequest, now_ms: u64) -> Option<LocalFuture<'static, ()>> {
    let ready = cache::fresh(app, now_ms).zip(address_key::known(app, observed.started_ms, now_ms));
    if let Some((flag, hashing)) = ready {
        let next = record(app, &flag, &hashing, observed, now_ms);
        if matches!(next, DeliveryStep::Follow) && !vitals::is_due(app, now_ms) {
            return None;
        }
        let app = app.clone();
        return Some(Box::pin(async move { finish(next, &app, now_ms).await }));
    }
    let app = app.clone();
    Some(Box::pin(async move {
        // The flag and the key are read first: all that follows until the delivery is without a pause.
        let flag = cache::current(&app).await;
        let hashing = address_key::of(&app, observed.started_ms).await;
        let next = record(&app, &flag, &hashing, observed, app.now_ms());
        finish(next, &app, now_ms).await;
    }))
}

/// Does what is left to do when an event was handed over, under a `waitUntil` that began at `began_ms`.
pub(super) async fn finish(next: DeliveryStep, app: &App, began_ms: u64) {
    deliver::finish(next, app, began_ms).await;
    // Cut off by the platform, a report would be left for a minute: another request has time for it.
    if deliver::left_ms(app, began_ms) > vitals::DEADLINE_MS {
        vitals::report_if_due(app).await;
    }
}

/// Makes an event of a request and hands it over.
fn record(app: &App, flag: &Flag, hashing: &AddressHashing, observed: ObservedRequest, now_ms: u64) -> DeliveryStep {
    match identify(app, &observed) {
        Ok(identity) => record_as(app, flag, hashing, observed, identity, now_ms),
        Err(error) => {
            app.count("id_invalid", 1);
            app.error(format_args!("Not counted: {error}"));
            DeliveryStep::Follow
        }
    }
}

/// Who the request is, for dedup.
pub(super) fn identify(app: &App, observed: &ObservedRequest) -> Result<Identity, InputError> {
    let address = observed.address.as_deref().unwrap_or(address::UNKNOWN);
    // 128 random bits, where a version 4 UUID has 122.
    let random = || Cow::Owned(hex::encode(app.unique::<16>()));
    let request_id = observed.request_id.as_deref().map_or_else(random, Cow::Borrowed);
    let digest = Digest::of(address, &observed.path, &request_id);
    let window = window_start(observed.started_ms, app.config.window_ms);
    Ok(Identity { id: IdempotentId::with_digest(window, digest)?, digest })
}

/// Makes an event of a request that was identified and hands it over.
pub(super) fn record_as(
    app: &App,
    flag: &Flag,
    hashing: &AddressHashing,
    observed: ObservedRequest,
    Identity { id: idempotent_id, digest }: Identity,
    now_ms: u64,
) -> DeliveryStep {
    let ObservedRequest { address, mut method, path: raw_path, status, started_ms, response_time_ms, .. } = observed;
    let address = address.as_deref().unwrap_or(address::UNKNOWN);
    let place = app.config.normalizer.place(&raw_path);
    // Before the answer's status is looked at: what a request is counted under has no say in where it goes.
    let to = route(flag, &place, &idempotent_id);
    let path = counted(app, place, status);
    let seq = app.isolate.next_seq.get();
    app.isolate.next_seq.set(seq.wrapping_add(1));
    method.truncate(method.floor_char_boundary(MAX_METHOD_BYTES));
    let event = Event {
        idempotent_id,
        digest,
        timestamp: started_ms,
        path,
        method,
        status: status.clamp(100, 599),
        response_time: response_time_ms,
        client_ip_hash: hashing.hash(address),
        cohort: to.cohort,
        flag_version: flag.version,
        producer: app.isolate.name,
        seq,
        // Its flush is known when it is handed over.
        write: seq,
        fell_back: false,
    };
    deliver::add(app, event, to, now_ms)
}

/// The route that the request is counted under, one of a bounded number.
fn counted(app: &App, place: RequestPath<'_>, status: u16) -> String {
    if let Err(error) = path::check(place.own) {
        app.count("path_odd", 1);
        app.error(format_args!("Odd request: {error}"));
    }
    let route = app.isolate.routes.borrow_mut().admit(place, status);
    app.count("route_other", u64::from(route == path::OTHER));
    route
}
