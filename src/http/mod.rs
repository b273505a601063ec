//! The collector's own routes: the API under `/_collector/v1/` and `/_collector/ofrep/v1/`, and the pages for browsers.
//!
//! **Lives here:** reading requests, access, and the form of the answers. What is in them, `flow` computes.

mod access;
mod access_keys;
mod archive;
mod assets;
mod etag;
mod flag;
mod html;
pub mod ingest;
mod login;
mod ofrep;
mod page;
mod problem;
mod throttle;

use api::parameters::{DETAIL, FORMAT, ONE_ROUTE};
use api::problem::Problem;
use api::routes::{ApiRoute, ROUTES, Resource, Right, RouteMatch};
use api::url::{self, Query};
use flow::app::App;
use flow::flag::{orders, shown, status};
use flow::operating::{health, metrics, readiness, snapshot};
use flow::parity::reports;
use flow::reading::{events, paths, series, stats, trace};
use flow::{archive as days, letters};
use model::counting::rollup::fnv1a;
use model::operating::exposition;
use model::operating::health::HealthStatus;
use model::reading::selection::RouteSelection;
use serde::Serialize;
use web_sys::Request;
use worker::{Env, Response, Result};

use crate::body;
use crate::platform::failure;

/// Paths under this prefix are the collector's own: neither passed on nor counted.
pub const PREFIX: &str = "/_collector";

/// Answers a request under the reserved prefix.
///
/// # Errors
/// The platform's, if no response can be made.
pub async fn respond(request: &Request, url: &str, env: &Env, app: &App) -> Result<web_sys::Response> {
    let path = url::path(url).strip_prefix(PREFIX).unwrap_or_default();
    if page::is_for_browsers(path) {
        return Box::pin(page::respond(path, request, env, app)).await;
    }
    let mut response = match Box::pin(answer(path, request, url, env, app)).await {
        Ok(response) => response,
        Err(problem) => problem::response(&problem)?,
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
    app: &App,
) -> std::result::Result<Response, Problem> {
    let method = request.method();
    let asked = RouteMatch::of(&method, path);
    let stops = |route: &ApiRoute| matches!(route.resource, Resource::StopFlag | Resource::ReleaseFlag);
    let stops = matches!(&asked, RouteMatch::Known(route, _) if stops(route));
    let client = throttle::client(app, request, stops);
    access::admit(asked.right(&method), client, request, env, app).await?;
    let (route, segments) = match asked {
        RouteMatch::Known(route, segments) => (route, segments),
        RouteMatch::OtherMethod(allowed) => return not_allowed(&method, &allowed),
        RouteMatch::Nothing => return Err(unknown(&method, url)),
    };
    if route.method != "GET" && route.right == Right::Change {
        throttle::admit_change(app, client)?;
    }
    let query = Query::of(url);
    route.check(&query)?;
    let segments = segments.iter().map(|segment| decoded(segment)).collect::<std::result::Result<Vec<_>, _>>()?;
    let first = segments.first().map_or("", String::as_str);
    match route.resource {
        Resource::Probe => probe(app).await,
        Resource::Metrics => respond_with(200, Some(metrics::text(app).await), exposition::TEXT, None),
        Resource::ArchiveDay | Resource::ArchivePart => {
            archive::file(first, segments.get(1).map(String::as_str), env, app).await
        }
        Resource::Ingest => ingest::written(request, app).await,
        Resource::EvaluateFlags => ofrep::all(request, app).await,
        Resource::EvaluateFlag => ofrep::one(first, request, app).await,
        _ if route.method == "GET" => show(route.resource, first, &query, app).await?.response(request),
        resource => order(resource, request, &query, app).await,
    }
}

/// For probes: 503 only where something fails that a restart or a person must mend.
async fn probe(app: &App) -> std::result::Result<Response, Problem> {
    let health = health::read(app).await;
    json_as(if health.status == HealthStatus::Failing { 503 } else { 200 }, &health)
}

/// What is read. `segment` is the part of the path that varies, if any.
async fn show(resource: Resource, segment: &str, query: &Query, app: &App) -> std::result::Result<Shown, Problem> {
    match resource {
        Resource::Stats if DETAIL.of(query)?.is_some() => Shown::json(&stats::total(query, app).await?),
        Resource::Stats => Shown::json(&stats::read(query, app).await?),
        Resource::Series => {
            let routes =
                ONE_ROUTE.of(query)?.map_or(RouteSelection::Together, |path| RouteSelection::One(path.to_owned()));
            Shown::json(&series::read(routes, query, app).await?)
        }
        Resource::Paths if FORMAT.of(query)?.is_some() => Ok(csv(paths::csv(query, app).await?)),
        Resource::Paths => Shown::json(&paths::table(query, app).await?),
        Resource::Path => Shown::json(&paths::route(segment.to_owned(), query, app).await?),
        Resource::PathSeries => Shown::json(&series::read(RouteSelection::One(segment.to_owned()), query, app).await?),
        Resource::Exemplars => Shown::json(&paths::exemplars(query, app).await?),
        Resource::Ids => Shown::json(&events::read(query, app).await?),
        Resource::Trace => Shown::json(&trace::read(segment, app).await?),
        Resource::Flag => Shown::json(&shown::read(app).await),
        Resource::FlagDocument => {
            let newest = shown::document(app).await?;
            let etag = Some(format!("\"{}\"", newest.document.version));
            Ok(Shown { etag, ..Shown::json(&newest)? })
        }
        Resource::FlagHistory => Shown::json(&shown::history(app).await?),
        Resource::FlagStatus => Shown::json(&status::read(query, app).await?),
        Resource::Parity => Shown::json(&reports::list(query, app).await?),
        Resource::ParityReport => Shown::json(&reports::read(segment, app).await?),
        Resource::Snapshot => {
            let text = snapshot::text(app).await.map_err(|error| app.unreadable(error))?;
            Ok(Shown { text, content_type: "application/json", etag: None })
        }
        Resource::Readiness => Shown::json(&readiness::read(app).await),
        Resource::Health => Shown::json(&health::read(app).await),
        Resource::Archive => Shown::json(&days::list(query, app).await?),
        Resource::DeadLetters => Shown::json(&letters::list(query, app).await?),
        Resource::DeadLetter => Shown::json(&letters::show(segment, app).await?),
        _ => Err(unknown("GET", "")),
    }
}

/// What is changed, or asked as if it were.
async fn order(
    resource: Resource,
    request: &Request,
    query: &Query,
    app: &App,
) -> std::result::Result<Response, Problem> {
    let flag_body = || body::text(request, orders::MAX_BODY_BYTES);
    let letters_body = || body::text(request, letters::MAX_BODY_BYTES);
    match resource {
        Resource::ChangeFlag => {
            let base = flag::base_version(request)?;
            json(&orders::change(app, base, &flag_body().await?).await?)
        }
        Resource::PreviewFlag => json(&orders::preview(app, &flag_body().await?).await?),
        Resource::RollbackFlag => json(&orders::rollback(app, &flag_body().await?).await?),
        Resource::StopFlag => json(&orders::stop(app, &flag_body().await?).await?),
        Resource::ReleaseFlag => json(&orders::release(app, &flag_body().await?).await?),
        Resource::RedriveLetters => json(&letters::redrive(&letters_body().await?, app).await?),
        Resource::PurgeLetters => json(&letters::purge(&letters_body().await?, app).await?),
        Resource::ParityRun => json(&reports::run(query, app).await?),
        Resource::ParitySelfTest => json(&reports::selftest(app).await?),
        _ => Err(unknown(&request.method(), &request.url())),
    }
}

fn not_allowed(method: &str, allowed: &[&str]) -> std::result::Result<Response, Problem> {
    let allowed = allowed.join(", ");
    let detail = format!("{method} is not allowed here; use {allowed}");
    let refused = || {
        let mut response = problem::response(&Problem::new(405, "Method not allowed", detail))?;
        response.headers_mut().set("Allow", &allowed)?;
        Ok(response)
    };
    refused().map_err(|error: worker::Error| Problem::unavailable(failure::reason(error).to_string()))
}

/// There is no such path. Says which there are: to read, or else to change.
fn unknown(method: &str, url: &str) -> Problem {
    let reads = matches!(method, "GET" | "HEAD");
    let name = |route: &ApiRoute| {
        if reads { route.pattern.to_owned() } else { format!("{} {}", route.method, route.pattern) }
    };
    let fitting = ROUTES.iter().filter(|route| (route.method == "GET") == reads);
    let list = fitting.map(name).collect::<Vec<_>>().join(", ");
    Problem::not_found(format!("there is no {}; {PREFIX} has {list}", url::path(url)))
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
    respond().map_err(|error: worker::Error| Problem::unavailable(failure::reason(error).to_string()))
}
