//! The collector's own routes: the API under `/_collector/v1/` and `/_collector/ofrep/v1/`, and the pages for browsers.
//!
//! **Lives here:** reading requests, access, and the answers; one file to a resource.
//! **Never:** a figure that is computed here: `domain` does that.

use serde::Serialize;
use web_sys::Request;
use worker::{Env, Response, Result};

use crate::config::Config;
use crate::problem::Problem;
use crate::{failure, query, snapshot};
use model::counting::rollup::fnv1a;
use model::error::InputError;
use model::operating::health::Status;
use model::reading::selection::Routes;

mod accept;
mod access;
mod access_keys;
mod archive;
mod assets;
mod dead_letters;
mod etag;
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
mod routes;
mod series;
mod stats;
mod summary;
mod throttle;
mod trace;

use access::Right;
use routes::{Asked, ROUTES, Resource, Route, check_query};

/// Paths under this prefix are the collector's own: neither passed on nor counted.
pub const PREFIX: &str = "/_collector";

/// Answers a request under the reserved prefix.
///
/// # Errors
/// The platform's, if no response can be made.
pub async fn respond(request: &Request, url: &str, env: &Env, config: &Config) -> Result<web_sys::Response> {
    let path = query::path(url).strip_prefix(PREFIX).unwrap_or_default();
    if page::is_for_browsers(path) {
        return Box::pin(page::respond(path, request, env, config)).await;
    }
    let mut response = match Box::pin(answer(path, request, url, env, config)).await {
        Ok(response) => response,
        Err(problem) => problem.response()?,
    };
    response.headers_mut().set("X-Content-Type-Options", "nosniff")?;
    let response = response.into();
    if request.method() == "HEAD" { page::without_body(&response).map_err(Into::into) } else { Ok(response) }
}

async fn answer(
    path: &str,
    request: &Request,
    url: &str,
    env: &Env,
    config: &Config,
) -> std::result::Result<Response, Problem> {
    let method = request.method();
    let asked = Asked::of(&method, path);
    let stops = matches!(&asked, Asked::Known(route, _) if matches!(route.resource, Resource::StopFlag | Resource::ReleaseFlag));
    let client = throttle::client(request, stops);
    access::admit(asked.right(&method), client, request, env, config).await?;
    let (route, segments) = match asked {
        Asked::Known(route, segments) => (route, segments),
        Asked::OtherMethod(allowed) => return not_allowed(&method, &allowed),
        Asked::Nothing => return Err(unknown(&method, url)),
    };
    if route.method != "GET" && route.right == Right::Change {
        throttle::admit_change(client)?;
    }
    check_query(route, url)?;
    let segments = segments.iter().map(|segment| decoded(segment)).collect::<std::result::Result<Vec<_>, _>>()?;
    let first = segments.first().map_or("", String::as_str);
    match route.resource {
        Resource::Probe => probe(env, config).await,
        Resource::Metrics => metrics::respond(request, env, config).await,
        Resource::ArchiveDay | Resource::ArchivePart => {
            archive::file(first, segments.get(1).map(String::as_str), env, config).await
        }
        Resource::EvaluateFlags => ofrep::all(request, env, config).await,
        Resource::EvaluateFlag => ofrep::one(first, request, env, config).await,
        _ if route.method == "GET" => show(route.resource, first, url, env, config).await?.response(request),
        resource => order(resource, request, env, config).await,
    }
}

/// The dashboard's first paint, as JSON.
pub use summary::text as summary;

/// For probes: 503 only where something fails that a restart or a person must mend.
async fn probe(env: &Env, config: &Config) -> std::result::Result<Response, Problem> {
    let health = health::read(env, config).await;
    json_as(if health.status == Status::Failing { 503 } else { 200 }, &health)
}

/// What is read. `segment` is the part of the path that varies, if any.
async fn show(
    resource: Resource,
    segment: &str,
    url: &str,
    env: &Env,
    config: &Config,
) -> std::result::Result<Shown, Problem> {
    match resource {
        Resource::Stats if choice(url, "detail", "total")? => Shown::json(&stats::total(url, env, config).await?),
        Resource::Stats => Shown::json(&stats::read(url, env, config).await?),
        Resource::Series => {
            let routes = query::parameter(url, "path").map_or(Routes::Together, Routes::One);
            Shown::json(&series::read(routes, url, env, config).await?)
        }
        Resource::Paths if choice(url, "format", "csv")? => Ok(csv(paths::csv(url, env, config).await?)),
        Resource::Paths => Shown::json(&paths::table(url, env, config).await?),
        Resource::Path => Shown::json(&paths::route(segment.to_owned(), url, env, config).await?),
        Resource::PathSeries => Shown::json(&series::read(Routes::One(segment.to_owned()), url, env, config).await?),
        Resource::Exemplars => Shown::json(&paths::exemplars(url, env, config).await?),
        Resource::Ids => Shown::json(&events::read(url, env, config).await?),
        Resource::Trace => Shown::json(&trace::read(segment, env, config).await?),
        Resource::Flag => Shown::json(&flag::read(env, config).await),
        Resource::FlagDocument => {
            let newest = flag::document(env, config).await?;
            let etag = Some(format!("\"{}\"", newest.version()));
            Ok(Shown { etag, ..Shown::json(&newest)? })
        }
        Resource::FlagHistory => Shown::json(&flag::history(env, config).await?),
        Resource::FlagStatus => Shown::json(&flag_status::read(url, env, config).await?),
        Resource::Parity => Shown::json(&parity::list(url, env, config).await?),
        Resource::ParityReport => Shown::json(&parity::read(segment, env, config).await?),
        Resource::Snapshot => {
            let text = snapshot::text(env, config).await.map_err(stats::unreadable)?;
            Ok(Shown { text, content_type: "application/json", etag: None })
        }
        Resource::Readiness => Shown::json(&readiness::read(env, config).await),
        Resource::Health => Shown::json(&health::read(env, config).await),
        Resource::Archive => Shown::json(&archive::list(url, env, config).await?),
        Resource::DeadLetters => Shown::json(&dead_letters::list(url, env, config).await?),
        Resource::DeadLetter => Shown::json(&dead_letters::show(segment, env, config).await?),
        _ => Err(unknown("GET", url)),
    }
}

/// Whether a parameter that has one value is given; any other value is refused.
fn choice(url: &str, name: &str, only: &str) -> std::result::Result<bool, Problem> {
    match query::parameter(url, name).as_deref() {
        None => Ok(false),
        Some(value) if value == only => Ok(true),
        Some(value) => {
            let remedy = format!("give {only}, or leave it out");
            Err(Problem::bad_request(InputError::field(name, value, remedy).to_string()))
        }
    }
}

/// What is changed, or asked as if it were.
async fn order(
    resource: Resource,
    request: &Request,
    env: &Env,
    config: &Config,
) -> std::result::Result<Response, Problem> {
    match resource {
        Resource::ChangeFlag => json(&flag::change(request, env).await?),
        Resource::PreviewFlag => json(&flag::preview(request, env, config).await?),
        Resource::RollbackFlag => json(&flag::rollback(request, env).await?),
        Resource::StopFlag => json(&flag::stop(request, env).await?),
        Resource::ReleaseFlag => json(&flag::release(request, env).await?),
        Resource::RedriveLetters => json(&dead_letters::redrive(request, env, config).await?),
        Resource::PurgeLetters => json(&dead_letters::purge(request, env).await?),
        Resource::ParityRun => json(&parity::run(&request.url(), env, config).await?),
        Resource::ParitySelfTest => json(&parity::selftest(env, config).await?),
        _ => Err(unknown(&request.method(), &request.url())),
    }
}

fn not_allowed(method: &str, allowed: &[&str]) -> std::result::Result<Response, Problem> {
    let allowed = allowed.join(", ");
    let detail = format!("{method} is not allowed here; use {allowed}");
    let refused = || {
        let mut response = Problem { status: 405, title: "Method not allowed", detail }.response()?;
        response.headers_mut().set("Allow", &allowed)?;
        Ok(response)
    };
    refused().map_err(|error: worker::Error| Problem::unavailable(failure::reason(error)))
}

/// There is no such path. Says which there are: to read, or else to change.
fn unknown(method: &str, url: &str) -> Problem {
    let reads = matches!(method, "GET" | "HEAD");
    let name = |route: &Route| {
        if reads { route.pattern.to_owned() } else { format!("{} {}", route.method, route.pattern) }
    };
    let fitting = ROUTES.iter().filter(|route| (route.method == "GET") == reads);
    let list = fitting.map(name).collect::<Vec<_>>().join(", ");
    Problem::not_found(format!("there is no {}; {PREFIX} has {list}", query::path(url)))
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
        let known = request.headers().get("If-None-Match").ok().flatten();
        let known = known.is_some_and(|known| etag::is_known(&known, &etag));
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
    respond().map_err(|error: worker::Error| Problem::unavailable(failure::reason(error)))
}
