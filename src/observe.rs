//! What the collector takes from a request, as plain data.
//!
//! Invariant: the address stays in this isolate; what leaves it is a hash.

use api::url;
use flow::app::App;
use flow::collecting::collect::ObservedRequest;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Headers, Request};

/// Longest request ID and address that are looked at, in bytes; the platform's own are far shorter.
const MAX_HEADER_BYTES: usize = 128;

/// Observes a request that was answered with this status, `started_ms` to `now_ms`. Its body is gone.
pub fn observe(app: &App, request: &Request, url: &str, status: u16, started_ms: u64, now_ms: u64) -> ObservedRequest {
    let headers = request.headers();
    ObservedRequest {
        address: header(app, &headers, Header::Address),
        request_id: request_id(app, request, &headers),
        method: request.method(),
        path: url::path(url).to_owned(),
        status,
        started_ms,
        response_time_ms: u32::try_from(now_ms.saturating_sub(started_ms)).unwrap_or(u32::MAX),
    }
}

/// What tells the request apart: its ray, if it is its own. A request that has no `cf` did not come from the platform's
/// edge: another Worker made it, whose headers are those of the request that it serves.
fn request_id(app: &App, request: &Request, headers: &Headers) -> Option<String> {
    let from_edge = || request.unchecked_ref::<PlatformRequest>().cf().is_object();
    if app.config.ray_is_unique && from_edge() { header(app, headers, Header::RequestId) } else { None }
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
fn header(app: &App, headers: &Headers, header: Header) -> Option<String> {
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
        app.count("header_too_long", 1);
        let (name, length) = (header.name(), value.len());
        app.error(format_args!("Header {name}: {length} bytes exceed the limit of {MAX_HEADER_BYTES}; it is ignored"));
        return None;
    }
    Some(value)
}
