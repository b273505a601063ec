//! `flag`: what holds, what held, changes, and what one would do.

use futures_util::future::join;
use serde::{Deserialize, Serialize};
use web_sys::Request;
use worker::Env;

use crate::config::Config;
use crate::flag_admin::{self, Changed, Known, Source};
use crate::flag_stop::{self, Stopped};
use crate::problem::Problem;
use crate::{body, clock, flag_cache};
use model::flag::change::{Author, Difference};
use model::flag::document::{Document, MAX_BYTES};
use model::flag::preview::{self, PathPreview, Preview, Shares};
use model::flag::stop::{Act, Stop};
use model::reading::merge::{Merged, busiest};
use model::reading::missing::Missing;
use model::reading::selection::{self, Parts, Routes};
use store::flag::history::Change;

use super::merged;

/// Longest body: twice the longest document, for one may be written with more white space than is stored.
pub const MAX_BODY_BYTES: usize = 2 * MAX_BYTES;

/// What a look at the last day is based on, in ms.
const BASIS_MS: u64 = 24 * 60 * 60 * 1000;

/// Documents that one read of the history shows.
const SHOWN: u64 = 100;

/// The flag in force.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlagInForce {
    version: u32,
    mode: &'static str,
    sample_ppm: u32,
    queue_ppm: u32,
    overrides: usize,
    stop: Option<Stop>,
}

/// The history, newest first; and the stops, the newest first.
#[derive(Serialize)]
pub struct FlagHistory {
    history: Vec<Change>,
    stops: Vec<Stop>,
}

/// The document that a change starts from.
#[derive(Serialize)]
pub struct Newest {
    document: Document,
    source: Source,
    stop: Option<Stop>,
}

impl Newest {
    /// Its version.
    pub const fn version(&self) -> u32 {
        self.document.version
    }
}

/// What a change would do, and what that is told from.
#[derive(Serialize)]
pub struct Previewed {
    basis: Option<Basis>,
    base: u32,
    differences: Vec<Difference>,
    current: Shares,
    proposed: Shares,
    paths: Vec<PathPreview>,
    more: bool,
    warnings: Vec<String>,
}

/// The traffic that a preview is based on.
#[derive(Serialize)]
struct Basis {
    from: u64,
    to: u64,
    requests: u64,
    exact: bool,
    missing: Vec<Missing>,
}

/// Body of `rollback`, `stop` and `release`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    version: Option<u32>,
    id: Option<String>,
    #[serde(default)]
    do_only: bool,
    #[serde(default)]
    updated_by: String,
    #[serde(default)]
    reason: String,
}

impl Order {
    fn author(&self) -> Author {
        Author { by: self.updated_by.clone(), reason: self.reason.clone(), at: clock::now_rfc3339() }
    }

    fn act(self) -> Act {
        flag_stop::act(self.updated_by, self.reason)
    }
}

/// `GET flag`: as the next request of this isolate would obey it.
pub async fn read(env: &Env, config: &Config) -> FlagInForce {
    let flag = flag_cache::current(env, config).await;
    FlagInForce {
        version: flag.version,
        mode: flag.rule.mode.name(),
        sample_ppm: flag.rule.sample_ppm,
        queue_ppm: flag.rule.queue_ppm,
        overrides: flag.overrides.len(),
        stop: flag.stop.clone(),
    }
}

/// `GET flag/history`.
pub async fn history(env: &Env, config: &Config) -> Result<FlagHistory, Problem> {
    let read = join(flag_admin::newest(env, SHOWN), flag_stop::history(env));
    let Some((history, stops)) = clock::within_ms(config.read_deadline_ms, read).await else { return Err(unknown()) };
    Ok(FlagHistory { history: history?, stops: stops?.all().into_iter().cloned().collect() })
}

/// `GET flag/document`: what a change starts from.
pub async fn document(env: &Env, config: &Config) -> Result<Newest, Problem> {
    let (known, flag) = join(flag_admin::known(env), flag_cache::current(env, config)).await;
    let Known { document, source, .. } = known.ok_or_else(unknown)?;
    Ok(Newest { document, source, stop: flag.stop.clone() })
}

fn unknown() -> Problem {
    Problem::unavailable("neither the flag's history nor its copy can be read now; POST flag/stop works without them")
}

/// `POST flag/preview`: what the document in the body would do to the traffic of the last 24 hours. Changes nothing.
pub async fn preview(request: &Request, env: &Env, config: &Config) -> Result<Previewed, Problem> {
    let proposed = wanted(request).await?;
    let current = flag_admin::known(env).await.ok_or_else(unknown)?.document;
    let to = clock::now_ms();
    let from = to.saturating_sub(BASIS_MS);
    // Without the stores there still are the rules.
    let spans = selection::cover(from, to, to, &config.retention);
    let both = merged::read(env, config, spans, Routes::Each, Parts::Counts).await;
    let (merged, missing) = both.ok().map(|both| (both.merged(None), both.missing)).unzip();
    let by_route = merged.as_ref().map(Merged::by_route).unwrap_or_default();
    let traffic: Vec<(String, u64)> =
        busiest(&by_route).into_iter().map(|(path, rollup)| (path.to_owned(), rollup.requests)).collect();
    let requests = traffic.iter().map(|(_, requests)| requests).sum();
    let missing = missing.unwrap_or_default();
    let basis = merged.map(|merged| Basis { from, to, requests, exact: merged.exact, missing });
    let Preview { differences, current: before, proposed, paths, more, warnings } =
        preview::preview(&current, &proposed, &traffic);
    let stop = flag_cache::current(env, config).await.stop.as_ref().map(|stop| stop.id.clone());
    let stopped =
        stop.map(|id| format!("changes are refused while {id} holds: the old path alone is taken until its release"));
    let warnings = stopped.into_iter().chain(warnings).collect();
    Ok(Previewed { basis, base: current.version, differences, current: before, proposed, paths, more, warnings })
}

/// `PUT flag`: the document in the body follows the version in `If-Match`.
pub async fn change(request: &Request, env: &Env) -> Result<Changed, Problem> {
    let base = base_version(request)?;
    let wanted = wanted(request).await?;
    let by = wanted.updated_by.clone();
    let author = Author { by, reason: wanted.reason.clone(), at: clock::now_rfc3339() };
    flag_admin::change(env, base, wanted, author).await
}

/// `POST flag/rollback`: `{"version":N,"updatedBy":…,"reason":…}`.
pub async fn rollback(request: &Request, env: &Env) -> Result<Changed, Problem> {
    let order = order(request).await?;
    let Some(version) = order.version else {
        return Err(Problem::bad_request("`version`: it is missing; give the version that shall hold again"));
    };
    flag_admin::rollback(env, version, order.author()).await
}

/// `POST flag/stop`: `{"updatedBy":…,"reason":…}`.
pub async fn stop(request: &Request, env: &Env) -> Result<Stopped, Problem> {
    flag_stop::stop(env, order(request).await?.act()).await
}

/// `POST flag/release`: `{"id":…,"updatedBy":…,"reason":…,"doOnly":…}`.
pub async fn release(request: &Request, env: &Env) -> Result<Stopped, Problem> {
    let order = order(request).await?;
    let Some(id) = order.id.clone() else {
        return Err(Problem::bad_request(
            "`id`: it is missing; give the name of the stop, as GET flag/status shows it",
        ));
    };
    let do_only = order.do_only;
    flag_stop::release(env, &id, order.act(), do_only).await
}

/// The document in the body.
async fn wanted(request: &Request) -> Result<Document, Problem> {
    let text = body::text(request, MAX_BODY_BYTES).await?;
    Document::read_strictly(&text).map_err(|error| Problem::bad_request(error.to_string()))
}

async fn order(request: &Request) -> Result<Order, Problem> {
    let remedy = r#"give {"updatedBy":"…","reason":"…"}, with "version" to roll back or "id" to release"#;
    serde_json::from_str(&body::text(request, MAX_BODY_BYTES).await?)
        .map_err(|error| Problem::bad_request(format!("body: {error}; {remedy}")))
}

/// The version that a change starts from.
fn base_version(request: &Request) -> Result<u32, Problem> {
    let header = request.headers().get("If-Match").ok().flatten();
    let Some(text) = header else {
        let detail =
            "say which version you change, as `If-Match: \"7\"`, so that no change of others is undone".to_owned();
        return Err(Problem { status: 428, title: "Precondition required", detail });
    };
    let number = text.trim().trim_start_matches("W/").trim_matches('"').parse();
    number.map_err(|_| Problem::bad_request(format!("`If-Match`: \"{text}\" is no version; give a whole number")))
}
