//! The object `default`'s copy of the newest flag document and of all stops, for routers.
//!
//! Invariant: it forgets no stop, and a document that is older than its own changes nothing.

use model::flag::document::Document;
use model::flag::obeyed::FlagCopy;

use super::history::FlagHistory;
use super::stops::Stops;
use crate::sql::{Database, StoreError};

/// Adds what a [`FlagCopy`], as JSON, says. Returns what the copy then holds, in the same form.
///
/// # Errors
/// [`StoreError`]; repeating is harmless.
pub async fn hold(sql: impl Into<Database>, told: &str, now_ms: u64) -> Result<String, StoreError> {
    let corrupt = |error: &dyn std::fmt::Display| StoreError::Corrupt(error.to_string());
    let sql = sql.into();
    let FlagCopy { latch, document } = serde_json::from_str(told).map_err(|error| corrupt(&error))?;
    let newest = FlagHistory::new(sql.clone());
    if let Some(text) = document {
        let document = Document::read(&text).map_err(|error| corrupt(&error))?;
        newest.hold(&document, now_ms).await?;
    }
    let latch = Stops::new(sql).write(&latch).await?;
    let document = newest.newest(1).await?.pop().map(|change| serde_json::to_string(&change.document));
    let document = document.transpose().map_err(|error| corrupt(&error))?;
    serde_json::to_string(&FlagCopy { latch, document }).map_err(|error| corrupt(&error))
}
