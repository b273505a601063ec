//! The collector's own routes: the API under `/_collector/v1/` and `/_collector/ofrep/v1/`, and the pages for browsers.
//!
//! **Lives here:** reading requests, access, and the answers; one file to a resource.
//! **Never:** a figure that is computed here: `domain` does that.

use serde::Serialize;
use web_sys::Request;
use worker::{Env, Response, Result};

use super::config::Config;
use super::problem::Problem;
use super::query;

mod access;
mod access_keys;
mod assets;
mod events;
mod flag;
mod flag_status;
mod health;
mod login;
mod merged;
mod ofrep;
mod page;
mod parity;
mod range;
mod readiness;
mod stats;
mod throttle;

/// Paths under this prefix are the collector's own: neither passed on nor counted.
pub const PREFIX: &str = "/_collector";

/// Where the flag is evaluated for others.
const OFREP: &str = "/ofrep/v1/evaluate/flags";

/// Answers a request under the reserved prefix.
///
/// # Errors
/// The platform's, if no response can be made.
pub async fn respond(request: &Request, url: &str, env: &Env, config: &Config) -> Result<web_sys::Response> {
    let path = query::path(url).strip_prefix(PREFIX).unwrap_or_default();
    if page::is_for_browsers(path) {
        return page::respond(path, request, env, config).await;
    }
    let response = match answer(path, request, url, env, config).await {
        Ok(response) => response,
        Err(problem) => problem.response()?,
    };
    Ok(response.into())
}

async fn answer(
    path: &str,
    request: &Request,
    url: &str,
    env: &Env,
    config: &Config,
) -> std::result::Result<Response, Problem> {
    let (method, remote) = (request.method(), path.strip_prefix(OFREP));
    // Evaluating changes nothing, though it is a POST.
    let reads = method == "GET" || (method == "POST" && remote.is_some());
    let right = if reads { access::Right::Read } else { access::Right::Change };
    let client = throttle::client(request, path == "/v1/flag/stop");
    access::admit(right, client, request, env, config).await?;
    if !reads {
        throttle::admit_change(client)?;
    }
    if let Some(rest) = remote {
        return match (method.as_str(), rest.strip_prefix('/')) {
            ("POST", None) if rest.is_empty() => ofrep::all(request, env, config).await,
            ("POST", Some(key)) => ofrep::one(key, request, env, config).await,
            _ => Err(not_allowed(&method)),
        };
    }
    let route = path.strip_prefix("/v1/").unwrap_or_default();
    if method == "GET" {
        show(route, url, env, config).await
    } else {
        order(&method, route, request, env, config).await
    }
}

/// What is read.
async fn show(route: &str, url: &str, env: &Env, config: &Config) -> std::result::Result<Response, Problem> {
    match route.split_once('/').unwrap_or((route, "")) {
        ("stats", "") => json(&stats::read(url, env, config).await?),
        ("ids", "") => json(&events::read(url, env, config).await?),
        ("trace", id) if !id.is_empty() => json(&events::trace(id, env, config).await?),
        ("flag", "") => json(&flag::read(env, config).await),
        ("flag", "document") => {
            let newest = flag::document(env).await?;
            json_text(200, Some(text(&newest)?), Some(&format!("\"{}\"", newest.version())))
        }
        ("flag", "history") => json(&flag::history(env).await?),
        ("flag", "status") => json(&flag_status::read(url, env, config).await?),
        ("parity", "") => json(&parity::list(url, env).await?),
        ("parity", window) => json(&parity::read(window, env).await?),
        ("readiness", "") => json(&readiness::read(env, config).await),
        ("health", "") => json(&health::read(env, config).await),
        ("dead-letters", "") => json(&health::dead_letters(env).await?),
        _ => Err(unknown(url)),
    }
}

/// What is changed, or asked as if it were.
async fn order(
    method: &str,
    route: &str,
    request: &Request,
    env: &Env,
    config: &Config,
) -> std::result::Result<Response, Problem> {
    match (method, route) {
        ("PUT", "flag") => json(&flag::change(request, env).await?),
        ("POST", "flag/preview") => json(&flag::preview(request, env, config).await?),
        ("POST", "flag/rollback") => json(&flag::rollback(request, env).await?),
        ("POST", "flag/stop") => json(&flag::stop(request, env).await?),
        ("POST", "parity/run") => json(&parity::run(&request.url(), env, config).await?),
        ("POST", "parity/selftest") => json(&parity::selftest(env, config).await?),
        _ => Err(not_allowed(method)),
    }
}

fn not_allowed(method: &str) -> Problem {
    let detail = format!(
        "{method} is not allowed here; use GET, or PUT flag, POST flag/preview, POST flag/rollback, POST flag/stop, \
         POST parity/run, POST parity/selftest, \
         POST {PREFIX}{OFREP}/{{key}}"
    );
    Problem { status: 405, title: "Method not allowed", detail }
}

fn unknown(url: &str) -> Problem {
    Problem::not_found(format!(
        "there is no {}; try {PREFIX}/v1/ followed by stats, ids, trace/{{id}}, flag, flag/document, flag/history, \
         flag/status, parity, parity/{{window}}, readiness, health or dead-letters",
        query::path(url)
    ))
}

fn json(value: &impl Serialize) -> std::result::Result<Response, Problem> {
    json_as(200, value)
}

fn json_as(status: u16, value: &impl Serialize) -> std::result::Result<Response, Problem> {
    json_text(status, Some(text(value)?), None)
}

fn text(value: &impl Serialize) -> std::result::Result<String, Problem> {
    serde_json::to_string(value).map_err(|error| Problem::unavailable(error.to_string()))
}

/// A response with this JSON text, or without a body.
fn json_text(status: u16, text: Option<String>, etag: Option<&str>) -> std::result::Result<Response, Problem> {
    let respond = || {
        let mut response = text.map_or_else(Response::empty, Response::ok)?.with_status(status);
        let headers = response.headers_mut();
        headers.set("Content-Type", "application/json")?;
        headers.set("Cache-Control", "no-store")?;
        if let Some(etag) = etag {
            headers.set("ETag", etag)?;
        }
        Ok(response)
    };
    respond().map_err(|error: worker::Error| Problem::unavailable(error.to_string()))
}
