//! The dashboard's summary, kept ready in the object `default` for its first paint.
//!
//! Invariant: it says when it was computed; without it, readers ask the stores.

use serde::Deserialize;

use super::summary;
use crate::app::App;
use crate::objects::ask;
use crate::port::Failure;

/// How long the object may take, in ms: then the summary is computed.
const DEADLINE_MS: u64 = 1_000;

/// What a snapshot says of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    computed_at: u64,
}

/// Computes a new summary and stores it. Cron does this each minute.
///
/// # Errors
/// Why it is not stored. The old one stays.
pub async fn refresh(app: &App) -> Result<(), Failure> {
    // Until the new one is stored the old one stays, and says how old it is.
    let text = summary::text(app).await?;
    Ok(ask::keep_snapshot(app, text).await?)
}

/// The stored summary with its age, as JSON, or else one that is computed now.
///
/// # Errors
/// If there is neither.
pub async fn text(app: &App) -> Result<String, Failure> {
    let deadline = app.deadline(DEADLINE_MS);
    let stored = ask::snapshot(app, deadline).await.unwrap_or_else(|error| {
        app.error(format_args!("Snapshot: {error}"));
        None
    });
    if let Some(text) = stored.as_deref().and_then(|text| with_age(app, text)) {
        return Ok(text);
    }
    let text = summary::text(app).await?;
    with_age(app, &text).ok_or_else(|| "the summary is not what it should be".into())
}

fn with_age(app: &App, text: &str) -> Option<String> {
    let Made { computed_at } = serde_json::from_str(text).ok()?;
    let fields = text.strip_prefix('{')?;
    Some(format!("{{\"ageMs\":{},{fields}", app.now_ms().saturating_sub(computed_at)))
}
