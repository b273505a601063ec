//! The floor in Rust: passes requests on and does nothing else, in the way the gateway does.

use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, Response};
use worker::{Context, Env, Fetcher, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let upstream: Fetcher = env.service("UPSTREAM")?;
    let upstream = JsValue::from(upstream);
    let promise = upstream.unchecked_into::<worker::worker_sys::Fetcher>().fetch(&request)?;
    Ok(JsFuture::from(promise).await?.dyn_into()?)
}
