//! The collector's own routes, under `/_collector/v1/`.
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
mod events;
mod flag;
mod health;
mod parity;
mod range;
mod stats;

/// Paths under this prefix are the collector's own: neither passed on nor counted.
pub const PREFIX: &str = "/_collector";

/// Answers a request under the reserved prefix.
///
/// # Errors
/// The platform's, if no response can be made.
pub async fn respond(request: &Request, url: &str, env: &Env, config: &Config) -> Result<web_sys::Response> {
    let response = match answer(request, url, env, config).await {
        Ok(response) => response,
        Err(problem) => problem.response()?,
    };
    Ok(response.into())
}

async fn answer(request: &Request, url: &str, env: &Env, config: &Config) -> std::result::Result<Response, Problem> {
    let route = query::path(url).strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix("/v1/")).unwrap_or_default();
    let (resource, rest) = route.split_once('/').unwrap_or((route, ""));
    match request.method().as_str() {
        "GET" => {
            access::check(access::Right::Read, request, env, config)?;
            match (resource, rest) {
                ("stats", "") => json(&stats::read(url, env, config).await?),
                ("ids", "") => json(&events::read(url, env, config).await?),
                ("trace", id) if !id.is_empty() => json(&events::trace(id, env, config).await?),
                ("flag", "") => json(&flag::read(env, config).await),
                ("flag", "history") => json(&flag::history(env).await?),
                ("parity", "") => json(&parity::list(url, env).await?),
                ("parity", window) => json(&parity::read(window, env).await?),
                ("health", "") => json(&health::read(env, config).await),
                ("dead-letters", "") => json(&health::dead_letters(env).await?),
                _ => Err(unknown(url)),
            }
        }
        method => {
            access::check(access::Right::Change, request, env, config)?;
            match (method, resource, rest) {
                ("PUT", "flag", "") => json(&flag::change(request, env).await?),
                ("POST", "flag", "rollback") => json(&flag::rollback(request, env).await?),
                ("POST", "parity", "run") => json(&parity::run(url, env, config).await?),
                ("POST", "parity", "selftest") => json(&parity::selftest(env, config).await?),
                ("POST", "flag", "stop") => json(&flag::stop(request, env).await?),
                _ => Err(Problem {
                    status: 405,
                    title: "Method not allowed",
                    detail: format!(
                        "{method} is not allowed here; use GET, or PUT flag, POST flag/rollback, POST flag/stop"
                    ),
                }),
            }
        }
    }
}

fn unknown(url: &str) -> Problem {
    Problem::not_found(format!(
        "there is no {}; try {PREFIX}/v1/ followed by stats, ids, trace/{{id}}, flag, flag/history, health or dead-letters",
        query::path(url)
    ))
}

fn json(value: &impl Serialize) -> std::result::Result<Response, Problem> {
    let text = serde_json::to_string(value).map_err(|error| Problem::unavailable(error.to_string()))?;
    let respond = || {
        let mut response = Response::ok(text)?;
        response.headers_mut().set("Content-Type", "application/json")?;
        response.headers_mut().set("Cache-Control", "no-store")?;
        Ok(response)
    };
    respond().map_err(|error: worker::Error| Problem::unavailable(error.to_string()))
}
