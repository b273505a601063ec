//! Passing a request to the upstream, untouched.
//!
//! Invariant: method, headers, body stream, redirects and upgrades pass as they are: the platform's own request and
//! response objects go through, unopened.

use std::cell::OnceCell;

use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, RequestInit, WorkerGlobalScope};
use worker::Env;
use worker::worker_sys::Fetcher;

use api::url::path_and_query;
use flow::config::Config;

/// Sends a request to the service binding `UPSTREAM`, else to `UPSTREAM_URL`, else to the zone's own origin.
///
/// # Errors
/// When it can't be sent. The promise itself fails with the platform's error when there is no answer.
pub fn pass(request: &Request, url: &str, env: &Env, config: &Config) -> Result<Promise, JsValue> {
    // A binding is the isolate's, and the same for all of its requests.
    thread_local! { static SERVICE: OnceCell<Option<Fetcher>> = const { OnceCell::new() }; }
    let bound = |service: worker::Fetcher| JsValue::from(service).unchecked_into();
    let sent = SERVICE.with(|service| {
        service.get_or_init(|| env.service("UPSTREAM").ok().map(bound)).as_ref().map(|service| service.fetch(request))
    });
    if let Some(sent) = sent {
        return sent;
    }
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    match &config.upstream_url {
        Some(origin) => Ok(scope.fetch_with_request(&readdressed(request, url, origin)?)),
        None if config.local_development => Err(NO_UPSTREAM.into()),
        None => Ok(scope.fetch_with_request(request)),
    }
}

/// Without an upstream a local Worker would call itself for ever.
const NO_UPSTREAM: &str = "no upstream is configured: set UPSTREAM_URL, or bind a service as UPSTREAM";

/// The same request for another origin. The request itself serves as its copy's settings, body stream included.
fn readdressed(request: &Request, url: &str, origin: &str) -> Result<Request, JsValue> {
    let target = format!("{origin}{}", path_and_query(url));
    Request::new_with_str_and_init(&target, request.unchecked_ref::<RequestInit>())
}
