//! Passing a request to the upstream, untouched.
//!
//! Invariant: method, headers, body stream, redirects and upgrades pass as they are: the platform's own request and
//! response objects go through, unopened.

use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, RequestInit, Response, WorkerGlobalScope};
use worker::{Env, Fetcher};

use super::config::Config;
use super::query::path_and_query;

/// Sends a request to the service binding `UPSTREAM`, else to `UPSTREAM_URL`, else to the zone's own origin.
///
/// # Errors
/// The platform's error when there is no answer.
pub async fn pass(request: &Request, env: &Env, config: &Config) -> Result<Response, JsValue> {
    let promise = if let Ok(service) = env.service("UPSTREAM") {
        JsValue::from(service as Fetcher).unchecked_into::<worker::worker_sys::Fetcher>().fetch(request)?
    } else {
        let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
        match &config.upstream_url {
            Some(origin) => scope.fetch_with_request(&readdressed(request, origin)?),
            None if config.local_development => return Err(NO_UPSTREAM.into()),
            None => scope.fetch_with_request(request),
        }
    };
    JsFuture::from(promise).await?.dyn_into()
}

/// Without an upstream a local Worker would call itself for ever.
const NO_UPSTREAM: &str = "no upstream is configured: set UPSTREAM_URL, or bind a service as UPSTREAM";

/// The same request for another origin. The request itself serves as its copy's settings, body stream included.
fn readdressed(request: &Request, origin: &str) -> Result<Request, JsValue> {
    let url = request.url();
    let target = format!("{origin}{}", path_and_query(&url));
    Request::new_with_str_and_init(&target, request.unchecked_ref::<RequestInit>())
}
