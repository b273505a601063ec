//! `flag`: what holds, what held, and changes.

use serde::{Deserialize, Serialize};
use web_sys::Request;
use worker::Env;

use crate::domain::flag::change::Author;
use crate::domain::flag::document::{Document, MAX_BYTES};
use crate::edge::config::Config;
use crate::edge::flag_admin::{self, Changed};
use crate::edge::problem::Problem;
use crate::edge::{clock, flag_cache};
use crate::store::flags::Change;

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
}

/// The history, newest first.
#[derive(Serialize)]
pub struct FlagHistory {
    history: Vec<Change>,
}

/// Body of `rollback` and `stop`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    version: Option<u32>,
    #[serde(default)]
    updated_by: String,
    #[serde(default)]
    reason: String,
}

impl Order {
    fn author(&self) -> Author {
        Author { by: self.updated_by.clone(), reason: self.reason.clone(), at: clock::now_rfc3339() }
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
    }
}

/// `GET flag/history`.
pub async fn history(env: &Env) -> Result<FlagHistory, Problem> {
    Ok(FlagHistory { history: flag_admin::newest(env, SHOWN).await? })
}

/// `PUT flag`: the document in the body follows the version in `If-Match`.
pub async fn change(request: &Request, env: &Env) -> Result<Changed, Problem> {
    let base = base_version(request)?;
    let wanted = Document::read_strictly(&body(request).await?).map_err(|e| Problem::bad_request(e.to_string()))?;
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
pub async fn stop(request: &Request, env: &Env) -> Result<Changed, Problem> {
    let order = order(request).await?;
    flag_admin::stop(env, order.author()).await
}

async fn order(request: &Request) -> Result<Order, Problem> {
    let remedy = r#"give {"version":N,"updatedBy":"…","reason":"…"}"#;
    serde_json::from_str(&body(request).await?)
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

/// The body as text, at most twice the longest document.
async fn body(request: &Request) -> Result<String, Problem> {
    let unreadable = |_| Problem::bad_request("the body can't be read as text");
    let promise = request.text().map_err(unreadable)?;
    let text = js_sys::futures::JsFuture::from(promise).await.map_err(unreadable)?.as_string().unwrap_or_default();
    if text.len() > 2 * MAX_BYTES {
        let detail = format!("the body has {} bytes; give at most {}", text.len(), 2 * MAX_BYTES);
        return Err(Problem { status: 413, title: "Content too large", detail });
    }
    Ok(text)
}
