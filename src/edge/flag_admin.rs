//! Changing the flag: the history in D1, then the copy in KV that routers read.
//!
//! Invariants: a change is in the history before it is in the copy; the emergency stop alone is the other way round,
//! so that it works while D1 is away. What an interruption leaves apart, [`repair`] brings together every minute.

use serde::Serialize;
use worker::{Env, console_error, console_log};

use crate::domain::flag::DEFAULT_DOCUMENT;
use crate::domain::flag::change::{self, Author, Difference, Repair};
use crate::domain::flag::document::Document;
use crate::store::flags::{Change, FlagHistory};
use crate::store::sql::StoreError;

use super::problem::Problem;
use super::sql_d1::D1Sql;
use super::{clock, flag_cache};

/// How long D1 may take before the emergency stop, or a look at the flag, goes on without it, in ms.
const DEADLINE_MS: u64 = 2_000;

/// Attempts of the emergency stop against others who change the flag at the same time.
const STOP_ATTEMPTS: usize = 3;

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
    /// Whether it is in KV; if not, it will be within a minute.
    pub copied: bool,
}

/// Where a document was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// In D1, the source of truth.
    History,
    /// In KV.
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

/// The copy in KV; none where there is none, or none that can be read.
async fn copy(env: &Env) -> Option<Document> {
    let text = flag_cache::read(env).await.unwrap_or_else(|error| {
        console_error!("Flag copy: {error}");
        None
    })?;
    Document::read(&text).inspect_err(|error| console_error!("Flag copy: {error}")).ok()
}

async fn write_copy(env: &Env, document: &Document) -> Result<(), String> {
    let text = serde_json::to_string(document).map_err(|error| error.to_string())?;
    let store = env.kv(flag_cache::BINDING).map_err(|error| error.to_string())?;
    let put = store.put(flag_cache::KEY, text).map_err(|error| error.to_string())?;
    put.execute().await.map_err(|error| error.to_string())
}

/// Writes the copy, or logs why not: the repair will.
async fn try_copy(env: &Env, document: &Document) -> bool {
    write_copy(env, document).await.inspect_err(|error| console_error!("Flag copy: {error}")).is_ok()
}

/// The built-in document, which holds before any other.
fn built_in() -> Result<Document, Problem> {
    Document::read(DEFAULT_DOCUMENT).map_err(|error| Problem::unavailable(error.to_string()))
}

/// The document that changes start from: the history's newest, or else the copy, or else the built-in one.
async fn current(env: &Env) -> Result<Document, Problem> {
    match history(env).map_err(unreachable_history)?.newest(1).await.map_err(unreachable_history)?.pop() {
        Some(newest) => Ok(newest.document),
        None => copy(env).await.map_or_else(built_in, Ok),
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
    let (document, source) = match flag_cache::read(env).await {
        Ok(Some(text)) => (Document::read(&text).ok()?, Source::Copy),
        Ok(None) if newest.is_some() => (built_in().ok()?, Source::BuiltIn),
        _ => return None,
    };
    let changed_at = clock::ms_of(&document.updated_at).unwrap_or_else(clock::now_ms);
    Some(Known { document, source, changed_at })
}

/// Changes the flag from version `base` to what `wanted` says.
///
/// # Errors
/// Another version holds, the document can't be, or the history can't be reached.
pub async fn change(env: &Env, base: u32, wanted: Document, author: Author) -> Result<Changed, Problem> {
    let before = current(env).await?;
    if before.version != base {
        let detail = format!("version {} holds, not {base}: read it again and decide anew", before.version);
        return Err(Problem { status: 409, title: "Conflict", detail });
    }
    let document = change::next(base, wanted, author).map_err(|error| Problem::bad_request(error.to_string()))?;
    publish(env, &before, document).await
}

/// Stores the document that follows `before`, which the history must not have passed, and copies it to KV.
///
/// # Errors
/// Somebody else was faster, or the history can't be reached.
pub async fn publish(env: &Env, before: &Document, document: Document) -> Result<Changed, Problem> {
    // 1. A crash here: the change is in the history or is not; the copy follows within a minute.
    let history = history(env).map_err(unreachable_history)?;
    history.append(&document, clock::now_ms()).await.map_err(unreachable_history)?;
    // 2. A crash here: as 1.
    let copied = try_copy(env, &document).await;
    let differences = change::differences(before, &document);
    console_log!("Flag changed to version {} by {}: {}", document.version, document.updated_by, document.reason);
    Ok(Changed { document, differences, recorded: true, copied })
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

/// Sets the old path alone, whatever holds, also while D1 is away.
///
/// # Errors
/// Nobody or no reason is named, or neither KV nor D1 answers.
pub async fn stop(env: &Env, author: Author) -> Result<Changed, Problem> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let (changed, overtaken) = try_stop(env, &author).await?;
        if overtaken && attempts < STOP_ATTEMPTS {
            continue;
        }
        if !changed.copied && !changed.recorded {
            return Err(Problem::unavailable("neither KV nor D1 took the stop: try again"));
        }
        let Document { version, updated_by, reason, .. } = &changed.document;
        console_log!("Flag stopped, version {version}, by {updated_by}: {reason}");
        return Ok(changed);
    }
}

/// Stops once; gives also whether somebody else took the version in the history, a ramp's step for one. The stop then
/// needs the next version, or the repair would take theirs for the truth.
async fn try_stop(env: &Env, author: &Author) -> Result<(Changed, bool), Problem> {
    let recorded = clock::within_ms(DEADLINE_MS, current(env)).await.and_then(Result::ok);
    let copied = copy(env).await;
    let newest = recorded.iter().chain(&copied).max_by_key(|document| document.version).cloned();
    let before = newest.map_or_else(built_in, Ok)?;
    let document = change::next(before.version, change::stopped(&before), author.clone());
    let document = document.map_err(|error| Problem::bad_request(error.to_string()))?;
    // 1. A crash here: it is in the copy or is not; if it is, the history adopts it within a minute.
    let copied = try_copy(env, &document).await;
    // 2. A crash here: as 1.
    let append = async { history(env)?.append(&document, clock::now_ms()).await };
    let appended = clock::within_ms(DEADLINE_MS, append).await;
    let (recorded, overtaken) = (matches!(appended, Some(Ok(()))), appended == Some(Err(StoreError::Conflict)));
    let differences = change::differences(&before, &document);
    Ok((Changed { document, differences, recorded, copied }, overtaken))
}

/// Brings history and copy together.
///
/// # Errors
/// Why it is left for the next run.
pub async fn repair(env: &Env) -> Result<(), String> {
    let history = history(env).map_err(|error| error.to_string())?;
    let newest = history.newest(1).await.map_err(|error| error.to_string())?.pop().map(|change| change.document);
    // A copy that can't be read at all is left alone: it may be newer than the history.
    let text = flag_cache::read(env).await?;
    let copy = text.and_then(|text| Document::read(&text).ok());
    match change::repair(newest.as_ref(), copy.as_ref()) {
        Repair::Nothing => Ok(()),
        Repair::Copy(document) => {
            console_log!("Flag copy repaired: version {}", document.version);
            // 1. A crash here: the next run does it again.
            write_copy(env, &document).await
        }
        Repair::Adopt(document) => {
            console_log!("Flag version {} of the copy is added to the history", document.version);
            // 2. A crash here: the next run finds it done, or does it again.
            history.append(&document, clock::now_ms()).await.map_err(|error| error.to_string())?;
            // 3. As 1.
            write_copy(env, &document).await
        }
    }
}
