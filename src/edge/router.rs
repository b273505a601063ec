//! The gateway: what to do with a request.
//!
//! Invariant: the client gets what the upstream gave, at once. Whatever goes wrong in counting, it never learns.

use wasm_bindgen::JsValue;
use web_sys::{Request, Response, ResponseInit};
use worker::{Context, Env, Result, console_error};

use super::collect::{self, Observed};
use super::config::Config;
use super::{api, clock, counters, query, upstream};

/// Handles one request.
///
/// # Errors
/// Only when not even a response can be made.
pub async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    // Should this Worker ever break, the platform asks the origin instead.
    context.pass_through_on_exception();
    let config = Config::of(&env);
    let started_ms = clock::now_ms();
    let url = request.url();
    let path = query::path(&url);
    if path.strip_prefix(api::PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return api::respond(&request, &url, &env, &config).await;
    }
    let response = match upstream::pass(&request, &env, &config).await {
        Ok(response) => response,
        Err(error) => unreachable_upstream(&error)?,
    };
    let observed = Observed {
        path: path.to_owned(),
        method: request.method(),
        status: response.status(),
        started_ms,
        response_time_ms: u32::try_from(clock::now_ms().saturating_sub(started_ms)).unwrap_or(u32::MAX),
        headers: request.headers(),
    };
    context.wait_until(async move { collect::collect(&env, &config, observed).await });
    Ok(response)
}

/// The answer when the upstream gave none.
fn unreachable_upstream(error: &JsValue) -> Result<Response> {
    console_error!("Upstream gave no answer: {error:?}");
    counters::add("upstream_unreachable", 1);
    let init = ResponseInit::new();
    init.set_status(502);
    let body = "502 Bad Gateway: the upstream of this gateway gave no answer.\n";
    Response::new_with_opt_str_and_init(Some(body), &init).map_err(Into::into)
}
