//! Changing the flag: the history in D1, then the copies that routers read, in the object and in KV.
//!
//! Invariants: a change is in the history before it is in a copy. None is made while a stop holds: see `flag_stop`. What
//! an interruption leaves apart, [`repair`] brings together every minute.

use futures_util::future::join;
use serde::Serialize;
use worker::{Env, console_error, console_log};

use model::flag::DEFAULT_DOCUMENT;
use model::flag::change::{self, Author, Difference};
use model::flag::document::Document;
use model::flag::obeyed::Held;
use model::flag::stop::{Act, Latch};
use store::flag::history::{Change, FlagHistory};
use store::sql::StoreError;

use crate::flag_stop::{DEADLINE_MS, refuse_while_stopped};
use crate::problem::Problem;
use crate::sql_d1::D1Sql;
use crate::{clock, collector_client, flag_kv, flag_stop};

/// What became of a change.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The document that now holds.
    pub document: Document,
    /// How it differs from the one before.
    pub differences: Vec<Difference>,
    /// Whether it is in the history.
    pub recorded: bool,
    /// Whether it is in KV; if not, cron tries again each minute.
    pub copied: bool,
    /// Whether it is in the object, which routers ask besides; if not, as for KV.
    pub in_object: bool,
}

/// Where a document was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// In D1, the source of truth.
    History,
    /// In KV, or in the object: whichever is newer.
    Copy,
    /// In the Worker itself: nothing was ever stored.
    BuiltIn,
}

/// The newest document that can be found.
#[derive(Debug)]
pub struct Known {
    /// The document.
    pub document: Document,
    /// Where it is.
    pub source: Source,
    /// When it was stored, in ms.
    pub changed_at: u64,
}

fn history(env: &Env) -> Result<FlagHistory, StoreError> {
    D1Sql::of(env).map(FlagHistory::new)
}

/// The copies: the object's and KV's.
struct Copies {
    object: Result<Option<Document>, String>,
    kv: Result<Option<Document>, String>,
}

impl Copies {
    async fn read(env: &Env) -> Self {
        let object = async {
            let held = collector_client::flag(env, &Held::default(), DEADLINE_MS).await?;
            Ok(held.document.and_then(|text| Document::read(&text).ok()))
        };
        let (object, kv) = join(object, flag_kv::document(env)).await;
        Self { object, kv }
    }

    fn newest(&self) -> Option<&Document> {
        [&self.object, &self.kv].into_iter().flatten().flatten().max_by_key(|document| document.version)
    }
}

/// Writes both copies; gives whether each took it. What did not, the repair will write.
async fn write_copies(env: &Env, document: &Document) -> (bool, bool) {
    let complain = |error: &String| console_error!("Flag copy: {error}");
    let (object, kv) = join(write_object(env, document), flag_kv::write_document(env, document)).await;
    (object.inspect_err(complain).is_ok(), kv.inspect_err(complain).is_ok())
}

async fn write_object(env: &Env, document: &Document) -> Result<(), String> {
    let text = serde_json::to_string(document).map_err(|error| error.to_string())?;
    let told = Held { latch: Latch::default(), document: Some(text) };
    collector_client::flag(env, &told, DEADLINE_MS).await.map(drop)
}

/// The built-in document, which holds before any other.
fn built_in() -> Result<Document, Problem> {
    Document::read(DEFAULT_DOCUMENT).map_err(|error| Problem::unavailable(error.to_string()))
}

/// The document that changes start from: the history's newest, or else the newer copy, or else the built-in one.
async fn current(env: &Env) -> Result<Document, Problem> {
    match history(env).map_err(unreachable_history)?.newest(1).await.map_err(unreachable_history)?.pop() {
        Some(newest) => Ok(newest.document),
        None => Copies::read(env).await.newest().cloned().map_or_else(built_in, Ok),
    }
}

#[allow(clippy::needless_pass_by_value)] // it is given to `map_err`
fn unreachable_history(error: StoreError) -> Problem {
    if error == StoreError::Conflict {
        let detail = "somebody else changed the flag: read it again and decide anew".to_owned();
        return Problem { status: 409, title: "Conflict", detail };
    }
    console_error!("Flag history: {error}");
    Problem::unavailable("the flag's history can't be reached now; POST flag/stop works without it")
}

/// The newest documents, newest first.
///
/// # Errors
/// The history can't be read.
pub async fn newest(env: &Env, most: u64) -> Result<Vec<Change>, Problem> {
    history(env).map_err(unreachable_history)?.newest(most).await.map_err(unreachable_history)
}

/// Whether this author ever changed the flag for this reason.
///
/// # Errors
/// The history can't be read.
pub async fn was_changed_for(env: &Env, by: &str, reason: &str) -> Result<bool, StoreError> {
    history(env)?.has_reason(by, reason).await
}

/// The newest document: the history's, else the copy, else the built-in one. None where that can't be told, for what
/// is out of reach may hold a newer one.
pub async fn known(env: &Env) -> Option<Known> {
    let newest = clock::within_ms(DEADLINE_MS, newest(env, 1)).await.and_then(Result::ok);
    if let Some(Change { document, changed_at }) = newest.clone().and_then(|mut list| list.pop()) {
        return Some(Known { document, source: Source::History, changed_at });
    }
    let copies = Copies::read(env).await;
    let (document, source) = match copies.newest() {
        Some(document) => (document.clone(), Source::Copy),
        None if newest.is_some() && copies.kv.is_ok() => (built_in().ok()?, Source::BuiltIn),
        None => return None,
    };
    let changed_at = clock::ms_of(&document.updated_at).unwrap_or_else(clock::now_ms);
    Some(Known { document, source, changed_at })
}

/// Changes the flag from version `base` to what `wanted` says.
///
/// # Errors
/// A stop holds, another version does, the document can't be, or the history can't be reached.
pub async fn change(env: &Env, base: u32, wanted: Document, author: Author) -> Result<Changed, Problem> {
    // Before the version: who starts from an old one is told of the stop all the same.
    refuse_while_stopped(env).await?;
    let before = current(env).await?;
    if before.version != base {
        let detail = format!("version {} holds, not {base}: read it again and decide anew", before.version);
        return Err(Problem { status: 409, title: "Conflict", detail });
    }
    let document = change::next(base, wanted, author).map_err(|error| Problem::bad_request(error.to_string()))?;
    store(env, &before, document).await
}

/// Stores the document that follows `before`, which the history must not have passed, and copies it for routers.
///
/// # Errors
/// A stop holds, somebody else was faster, or the history can't be reached.
pub async fn publish(env: &Env, before: &Document, document: Document) -> Result<Changed, Problem> {
    refuse_while_stopped(env).await?;
    store(env, before, document).await
}

/// As [`publish`], also while a stop holds.
async fn store(env: &Env, before: &Document, document: Document) -> Result<Changed, Problem> {
    // 1. A crash here: the change is in the history or is not; the copy follows within a minute.
    let history = history(env).map_err(unreachable_history)?;
    history.append(&document, clock::now_ms()).await.map_err(unreachable_history)?;
    // 2. A crash here: as 1.
    let (in_object, copied) = write_copies(env, &document).await;
    let differences = change::differences(before, &document);
    console_log!("Flag changed to version {} by {}: {}", document.version, document.updated_by, document.reason);
    Ok(Changed { document, differences, recorded: true, copied, in_object })
}

/// Makes an earlier version hold again, under a new version; a ramp in it comes back paused.
///
/// # Errors
/// As [`change()`]; or there is no such version.
pub async fn rollback(env: &Env, version: u32, author: Author) -> Result<Changed, Problem> {
    let history = history(env).map_err(unreachable_history)?;
    let Some(earlier) = history.of_version(version).await.map_err(unreachable_history)? else {
        return Err(Problem::not_found(format!("there is no version {version} in the history")));
    };
    let base = current(env).await?.version;
    change(env, base, change::restored(earlier.document, clock::now_ms()), author).await
}

/// Sets the old path alone for every route, without a ramp: as the guard does.
///
/// # Errors
/// As [`publish`].
pub async fn roll_back_to_old(env: &Env, author: Author) -> Result<Changed, Problem> {
    let (before, document) = do_only(env, author).await?;
    publish(env, &before, document).await
}

/// The same while a stop holds: the stop can then be released, and nothing moves.
///
/// # Errors
/// Somebody else was faster, or the history can't be reached.
pub async fn set_do_only(env: &Env, by: &Act) -> Result<Changed, Problem> {
    let (before, document) = do_only(env, flag_stop::author(by)).await?;
    store(env, &before, document).await
}

async fn do_only(env: &Env, author: Author) -> Result<(Document, Document), Problem> {
    let before = current(env).await?;
    let document = change::next(before.version, change::to_old_path(&before), author);
    Ok((before, document.map_err(|error| Problem::bad_request(error.to_string()))?))
}

/// Brings the history, both copies, and what all places know of stops together; gives the stops.
///
/// # Errors
/// Why something is left for the next run; the rest is done.
pub async fn repair(env: &Env) -> Result<Latch, String> {
    let (stops, document) = join(flag_stop::repair(env), repair_document(env)).await;
    match (stops, document) {
        (Ok(latch), Ok(())) => Ok(latch),
        (Err(error), Ok(())) | (Ok(_), Err(error)) => Err(error),
        (Err(stops), Err(document)) => Err(format!("{stops}; {document}")),
    }
}

async fn repair_document(env: &Env) -> Result<(), String> {
    let history = history(env).map_err(|error| error.to_string())?;
    let newest = async { history.newest(1).await };
    let (newest, copies) = join(clock::within_ms(DEADLINE_MS, newest), Copies::read(env)).await;
    let newest = newest.ok_or("D1 gave no answer")?.map_err(|error| error.to_string())?;
    let newest = newest.into_iter().next().map(|change| change.document);
    let Some(plan) = change::repair(newest.as_ref(), copies.newest()) else { return Ok(()) };
    if plan.is_new {
        console_log!("Flag version {} of a copy is added to the history", plan.document.version);
        // 1. A crash here: the next run finds it done, or does it again.
        history.append(&plan.document, clock::now_ms()).await.map_err(|error| error.to_string())?;
    }
    let mut failed: Vec<String> = Vec::new();
    let is_there = |copy: &Option<Document>| copy.as_ref() == Some(&plan.document);
    // 2. A crash here or below: the next run does it again. A copy that can't be read at all is left alone.
    match &copies.object {
        Ok(copy) if is_there(copy) => {}
        Ok(_) => failed.extend(write_object(env, &plan.document).await.err()),
        Err(error) => failed.push(error.clone()),
    }
    match &copies.kv {
        Ok(copy) if is_there(copy) => {}
        Ok(_) => failed.extend(flag_kv::write_document(env, &plan.document).await.err()),
        Err(error) => failed.push(error.clone()),
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}
