//! The copies in KV: of the flag's newest document, and of the stops.
//!
//! Invariant: no key is written by two kinds of change, so that neither can overwrite the other: `collector` holds the
//! document alone, `stop` the stops alone. A stop that no other place took has a key of its own besides, which nothing
//! overwrites: KV may show what is a minute old, and who merges into that writes back less than there was.

use futures_util::future::join;
use worker::kv::KvStore;
use worker::{Env, console_error};

use model::flag::document::Document;
use model::flag::stop::{Latch, Stop};

use crate::{clock, failure};

/// The binding.
const BINDING: &str = "FLAGS";

/// Key of the document.
const DOCUMENT: &str = "collector";

/// Key of the stops.
const STOPS: &str = "stop";

/// Prefix of the keys of stops that KV alone took.
const ALONE: &str = "stop/";

/// How long a read may take, in ms: an event that waits for the flag must not outlive its request's 30 s.
const READ_DEADLINE_MS: u64 = 1_000;

/// How long a write may take, in ms.
const WRITE_DEADLINE_MS: u64 = 2_000;

/// When a refused write is tried again, in ms: KV takes one write a second for each key, and answers others with 429.
const RETRY_MS: u64 = 1_100;

/// What KV said, of the document and of the stops: their texts, if there are any.
pub type Texts = (Result<Option<String>, String>, Result<Option<String>, String>);

fn store(env: &Env) -> Result<KvStore, String> {
    env.kv(BINDING).map_err(|error| format!("KV binding {BINDING}: {}", failure::reason(error)))
}

async fn get(env: &Env, key: &str) -> Result<Option<String>, String> {
    let store = store(env)?;
    match clock::within_ms(READ_DEADLINE_MS, store.get(key).text()).await {
        Some(answer) => answer.map_err(|error| failure::kv(&error)),
        None => Err(format!("KV gave no answer within {READ_DEADLINE_MS} ms")),
    }
}

/// Reads both.
pub async fn read(env: &Env) -> Texts {
    join(get(env, DOCUMENT), get(env, STOPS)).await
}

/// The document; none where there is none that can be read as one.
///
/// # Errors
/// KV can't be read.
pub async fn document(env: &Env) -> Result<Option<Document>, String> {
    let complain = |error: &_| console_error!("Flag copy: {error}");
    Ok(get(env, DOCUMENT).await?.and_then(|text| Document::read(&text).inspect_err(complain).ok()))
}

/// The stops; an error within where what KV holds can't be read as such.
///
/// # Errors
/// KV can't be read.
pub async fn stops(env: &Env) -> Result<Result<Latch, String>, String> {
    Ok(stops_in(get(env, STOPS).await?.as_deref()))
}

/// The stops in a text, if there is one.
///
/// # Errors
/// It can't be read.
pub fn stops_in(text: Option<&str>) -> Result<Latch, String> {
    text.map_or_else(|| Ok(Latch::default()), |text| Latch::read(text).map_err(|error| error.to_string()))
}

async fn put(env: &Env, key: &str, text: &str) -> Result<(), String> {
    let store = store(env)?;
    let put = store.put(key, text).map_err(|error| failure::kv(&error))?;
    match clock::within_ms(WRITE_DEADLINE_MS, put.execute()).await {
        Some(answer) => answer.map_err(|error| failure::kv(&error)),
        None => Err(format!("KV took nothing within {WRITE_DEADLINE_MS} ms")),
    }
}

/// Writes, and once more after KV's second if it is refused.
async fn put_patiently(env: &Env, key: &str, text: &str) -> Result<(), String> {
    if put(env, key, text).await.is_ok() {
        return Ok(());
    }
    clock::sleep_ms(RETRY_MS).await;
    put(env, key, text).await
}

/// Writes the document.
///
/// # Errors
/// Why it may not be there; the repair will write it.
pub async fn write_document(env: &Env, document: &Document) -> Result<(), String> {
    let text = serde_json::to_string(document).map_err(|error| error.to_string())?;
    put_patiently(env, DOCUMENT, &text).await
}

/// Writes all that is known of stops.
///
/// # Errors
/// Why it may not be there; the repair will write it.
pub async fn write_stops(env: &Env, known: &Latch) -> Result<(), String> {
    let text = serde_json::to_string(&known.copy()).map_err(|error| error.to_string())?;
    put_patiently(env, STOPS, &text).await
}

/// Writes a stop that no other place took under its own key.
///
/// # Errors
/// Why it may not be there.
pub async fn write_alone(env: &Env, stop: &Stop) -> Result<(), String> {
    let text = serde_json::to_string(&Latch::of([stop.clone()])).map_err(|error| error.to_string())?;
    put(env, &format!("{ALONE}{}", stop.id), &text).await
}

/// The stops that KV alone took, with their keys.
///
/// # Errors
/// They can't be read.
pub async fn alone(env: &Env) -> Result<(Latch, Vec<String>), String> {
    let list = store(env)?.list().prefix(ALONE.to_owned());
    let Some(listed) = clock::within_ms(READ_DEADLINE_MS, list.execute()).await else {
        return Err(format!("KV gave no list within {READ_DEADLINE_MS} ms"));
    };
    let (mut all, mut keys) = (Latch::default(), Vec::new());
    for key in listed.map_err(|error| failure::kv(&error))?.keys {
        all.merge(stops_in(get(env, &key.name).await?.as_deref())?);
        keys.push(key.name);
    }
    Ok((all, keys))
}

/// Deletes keys of stops that another place holds now.
///
/// # Errors
/// Why they may still be there, which is harmless.
pub async fn delete(env: &Env, keys: &[String]) -> Result<(), String> {
    let store = store(env)?;
    for key in keys {
        store.delete(key).await.map_err(|error| failure::kv(&error))?;
    }
    Ok(())
}
