//! The collector's own routes: the API under `/_collector/v1/` and `/_collector/ofrep/v1/`, and the pages for browsers.
//!
//! **Lives here:** reading requests, access, and the answers; one file to a resource.
//! **Never:** a figure that is computed here: `domain` does that.

use serde::Serialize;
use web_sys::Request;
use worker::{Env, Response, Result};

use super::config::Config;
use super::problem::Problem;
use super::{query, snapshot};
use crate::domain::health::Status;
use crate::domain::rollup::fnv1a;
use crate::domain::selection::Routes;

mod access;
mod access_keys;
mod archive;
mod assets;
mod dead_letters;
mod events;
mod flag;
mod flag_status;
mod health;
mod login;
mod merged;
mod metrics;
mod ofrep;
mod page;
mod parity;
mod paths;
mod range;
mod readiness;
mod series;
mod stats;
mod summary;
mod throttle;
mod trace;

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
    // What is in a dead letter is as its sender wrote it, whatever that is.
    let closed = path.starts_with("/v1/dead-letters/");
    let right = if reads && !closed { access::Right::Read } else { access::Right::Change };
    let client = throttle::client(request, matches!(path, "/v1/flag/stop" | "/v1/flag/release"));
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
    if method == "GET" && path == "/health" {
        return probe(env, config).await;
    }
    if method == "GET" && path == "/metrics" {
        return metrics::respond(request, env, config).await;
    }
    let route = path.strip_prefix("/v1/").unwrap_or_default();
    if let ("GET", Some(file)) = (method.as_str(), route.strip_prefix("archive/")) {
        return archive::file(file, env, config).await;
    }
    if method == "GET" {
        show(route, url, env, config).await?.response(request)
    } else {
        order(&method, route, request, env, config).await
    }
}

/// The dashboard's first paint, as JSON.
pub use summary::text as summary;

/// For probes: 503 only where something fails that a restart or a person must mend.
async fn probe(env: &Env, config: &Config) -> std::result::Result<Response, Problem> {
    let health = health::read(env, config).await;
    json_as(if health.status == Status::Failing { 503 } else { 200 }, &health)
}

/// What is read.
async fn show(route: &str, url: &str, env: &Env, config: &Config) -> std::result::Result<Shown, Problem> {
    match route.split_once('/').unwrap_or((route, "")) {
        ("stats", "") if query::parameter(url, "detail").as_deref() == Some("total") => {
            Shown::json(&stats::total(url, env, config).await?)
        }
        ("stats", "") => Shown::json(&stats::read(url, env, config).await?),
        ("series", "") => {
            let routes = query::parameter(url, "path").map_or(Routes::Together, Routes::One);
            Shown::json(&series::read(routes, url, env, config).await?)
        }
        ("paths", "") if query::parameter(url, "format").as_deref() == Some("csv") => {
            Ok(csv(paths::csv(url, env, config).await?))
        }
        ("paths", "") => Shown::json(&paths::table(url, env, config).await?),
        ("paths", rest) => match rest.split_once('/') {
            None => Shown::json(&paths::route(decoded(rest)?, url, env, config).await?),
            Some((path, "series")) => Shown::json(&series::read(Routes::One(decoded(path)?), url, env, config).await?),
            Some(_) => Err(unknown(url)),
        },
        ("exemplars", "") => Shown::json(&paths::exemplars(url, env, config).await?),
        ("ids", "") => Shown::json(&events::read(url, env, config).await?),
        ("trace", id) if !id.is_empty() => Shown::json(&trace::read(&decoded(id)?, env, config).await?),
        ("flag", "") => Shown::json(&flag::read(env, config).await),
        ("flag", "document") => {
            let newest = flag::document(env, config).await?;
            let etag = Some(format!("\"{}\"", newest.version()));
            Ok(Shown { etag, ..Shown::json(&newest)? })
        }
        ("flag", "history") => Shown::json(&flag::history(env, config).await?),
        ("flag", "status") => Shown::json(&flag_status::read(url, env, config).await?),
        ("parity", "") => Shown::json(&parity::list(url, env, config).await?),
        ("parity", window) => Shown::json(&parity::read(&decoded(window)?, env, config).await?),
        ("snapshot", "") => {
            let text = snapshot::text(env, config).await.map_err(stats::unreadable)?;
            Ok(Shown { text, content_type: "application/json", etag: None })
        }
        ("readiness", "") => Shown::json(&readiness::read(env, config).await),
        ("health", "") => Shown::json(&health::read(env, config).await),
        ("archive", "") => Shown::json(&archive::list(url, env, config).await?),
        ("dead-letters", "") => Shown::json(&dead_letters::list(url, env, config).await?),
        ("dead-letters", id) => Shown::json(&dead_letters::show(&decoded(id)?, env, config).await?),
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
        ("POST", "flag/release") => json(&flag::release(request, env).await?),
        ("POST", "dead-letters/redrive") => json(&dead_letters::redrive(request, env, config).await?),
        ("POST", "dead-letters/purge") => json(&dead_letters::purge(request, env).await?),
        ("POST", "parity/run") => json(&parity::run(&request.url(), env, config).await?),
        ("POST", "parity/selftest") => json(&parity::selftest(env, config).await?),
        _ => Err(not_allowed(method)),
    }
}

fn not_allowed(method: &str) -> Problem {
    let detail = format!(
        "{method} is not allowed here; use GET, or PUT flag, POST flag/preview, POST flag/rollback, POST flag/stop, POST flag/release, \
         POST parity/run, POST parity/selftest, POST dead-letters/redrive, POST dead-letters/purge, \
         POST {PREFIX}{OFREP}/{{key}}"
    );
    Problem { status: 405, title: "Method not allowed", detail }
}

fn unknown(url: &str) -> Problem {
    Problem::not_found(format!(
        "there is no {}; try {PREFIX}/v1/ followed by stats, series, paths, paths/{{path}}, paths/{{path}}/series, \
         exemplars, ids, trace/{{id}}, flag, flag/document, flag/history, flag/status, parity, parity/{{window}}, \
         readiness, snapshot, health, dead-letters, dead-letters/{{id}}, archive, archive/{{day}} or \
         archive/{{day}}/{{part}}",
        query::path(url)
    ))
}

/// A segment of a path, unescaped.
fn decoded(segment: &str) -> std::result::Result<String, Problem> {
    let text = percent_encoding::percent_decode_str(segment).decode_utf8();
    text.map(std::borrow::Cow::into_owned)
        .map_err(|_| Problem::bad_request(format!("`{segment}` is not UTF-8; write it as encodeURIComponent does")))
}

/// The table as a file.
fn csv(text: String) -> Shown {
    Shown { text, content_type: "text/csv; charset=utf-8", etag: None }
}

/// What a read gives.
struct Shown {
    text: String,
    content_type: &'static str,
    /// Where it isn't made from the text.
    etag: Option<String>,
}

impl Shown {
    fn json(value: &impl Serialize) -> std::result::Result<Self, Problem> {
        Ok(Self { text: text(value)?, content_type: "application/json", etag: None })
    }

    /// With its entity tag, and without its body for a reader who has that already.
    fn response(self, request: &Request) -> std::result::Result<Response, Problem> {
        let etag = self.etag.unwrap_or_else(|| format!("W/\"{:016x}\"", fnv1a(self.text.as_bytes())));
        let known = request.headers().get("If-None-Match").ok().flatten().is_some_and(|known| known == etag);
        let (status, body) = if known { (304, None) } else { (200, Some(self.text)) };
        respond_with(status, body, self.content_type, Some(&etag))
    }
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
    respond_with(status, text, "application/json", etag)
}

fn respond_with(
    status: u16,
    text: Option<String>,
    content_type: &str,
    etag: Option<&str>,
) -> std::result::Result<Response, Problem> {
    let respond = || {
        let mut response = text.map_or_else(Response::empty, Response::ok)?.with_status(status);
        let headers = response.headers_mut();
        headers.set("Content-Type", content_type)?;
        headers.set("Cache-Control", "no-store")?;
        if let Some(etag) = etag {
            headers.set("ETag", etag)?;
        }
        Ok(response)
    };
    respond().map_err(|error: worker::Error| Problem::unavailable(error.to_string()))
}
