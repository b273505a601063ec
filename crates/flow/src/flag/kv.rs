//! The copies in KV: of the flag's newest document, and of the stops.
//!
//! Invariant: no key is written by two kinds of change, so that neither can overwrite the other: `collector` holds the
//! document alone, `stop` the stops alone. A stop that no other place took has a key of its own besides, which nothing
//! overwrites: KV may show what is a minute old, and who merges into that writes back less than there was.

use futures_util::future::join;
use model::flag::document::Document;
use model::flag::stop::{Latch, Stop};
use serde::Serialize;

use crate::app::App;
use crate::port::Failure;

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

/// KV's answers for the document and for the stops: their texts, if any.
pub type KvTexts = (Result<Option<String>, Failure>, Result<Option<String>, Failure>);

async fn get(app: &App, key: &str) -> Result<Option<String>, Failure> {
    match app.within_ms(READ_DEADLINE_MS, app.ports.kv.get(key)).await {
        Some(answer) => answer,
        None => Err(format!("KV gave no answer within {READ_DEADLINE_MS} ms").into()),
    }
}

/// Reads both.
pub async fn read(app: &App) -> KvTexts {
    join(get(app, DOCUMENT), get(app, STOPS)).await
}

/// The document. None if there is none, or if it can't be parsed.
///
/// # Errors
/// KV can't be read.
pub async fn document(app: &App) -> Result<Option<Document>, Failure> {
    let complain = |error: &_| app.error(format_args!("Flag copy: {error}"));
    Ok(get(app, DOCUMENT).await?.and_then(|text| Document::read(&text).inspect_err(complain).ok()))
}

/// The stops. The inner error says that KV's text can't be parsed as stops.
///
/// # Errors
/// KV can't be read.
pub async fn stops(app: &App) -> Result<Result<Latch, Failure>, Failure> {
    Ok(stops_in(get(app, STOPS).await?.as_deref()))
}

/// The stops in a text, if there is one.
///
/// # Errors
/// It can't be read.
pub fn stops_in(text: Option<&str>) -> Result<Latch, Failure> {
    text.map_or_else(|| Ok(Latch::default()), |text| Latch::read(text).map_err(|error| Failure(error.to_string())))
}

async fn put(app: &App, key: &str, text: &str) -> Result<(), Failure> {
    match app.within_ms(WRITE_DEADLINE_MS, app.ports.kv.put(key, text)).await {
        Some(answer) => answer,
        None => Err(format!("KV took nothing within {WRITE_DEADLINE_MS} ms").into()),
    }
}

/// Writes, and once more after KV's second if it is refused.
async fn put_patiently(app: &App, key: &str, text: &str) -> Result<(), Failure> {
    if put(app, key, text).await.is_ok() {
        return Ok(());
    }
    app.sleep_ms(RETRY_MS).await;
    put(app, key, text).await
}

/// Writes the document.
///
/// # Errors
/// Why it may not have been written. The repair will write it.
pub async fn write_document(app: &App, document: &Document) -> Result<(), Failure> {
    let text = json(document)?;
    put_patiently(app, DOCUMENT, &text).await
}

/// Writes all that is known of stops.
///
/// # Errors
/// Why it may not have been written. The repair will write it.
pub async fn write_stops(app: &App, known: &Latch) -> Result<(), Failure> {
    let text = json(&known.copy())?;
    put_patiently(app, STOPS, &text).await
}

/// Writes a stop that no other place took under its own key.
///
/// # Errors
/// Why it may not have been written.
pub async fn write_alone(app: &App, stop: &Stop) -> Result<(), Failure> {
    let text = json(&Latch::of([stop.clone()]))?;
    put(app, &format!("{ALONE}{}", stop.id), &text).await
}

/// The stops that KV alone took, with their keys. A key that is listed, but whose text this place does not see yet, is not
/// among them: whoever deletes it would delete the stop.
///
/// # Errors
/// They can't be read.
pub async fn alone(app: &App) -> Result<(Latch, Vec<String>), Failure> {
    let Some(keys) = app.within_ms(READ_DEADLINE_MS, app.ports.kv.list(ALONE)).await else {
        return Err(format!("KV gave no list within {READ_DEADLINE_MS} ms").into());
    };
    let (mut all, mut seen) = (Latch::default(), Vec::new());
    for key in keys? {
        if let Some(text) = get(app, &key).await? {
            all.merge(stops_in(Some(&text))?);
            seen.push(key);
        }
    }
    Ok((all, seen))
}

/// Deletes keys of stops that another place holds now.
///
/// # Errors
/// Why they may still be there, which is harmless.
pub async fn delete(app: &App, keys: &[String]) -> Result<(), Failure> {
    for key in keys {
        app.ports.kv.delete(key).await?;
    }
    Ok(())
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure(error.to_string()))
}
