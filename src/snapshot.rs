//! The dashboard's summary, kept ready in the object `default` for its first paint.
//!
//! Invariant: it says when it was computed; without it, readers ask the stores.

use serde::Deserialize;
use worker::{Env, console_error};

use crate::config::Config;
use crate::deadline::Deadline;
use crate::{api, clock, collector_client};

/// How long the object may take, in ms: then the summary is computed.
const DEADLINE_MS: u64 = 1_000;

/// What a snapshot says of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    computed_at: u64,
}

/// Computes it anew and stores it, as cron does each minute.
///
/// # Errors
/// Why it is not stored; the old one stays.
pub async fn refresh(env: &Env, config: &Config) -> Result<(), String> {
    // 1. A crash here or below: the old one stays, and says how old it is.
    let text = api::summary(env, config).await?;
    collector_client::write_snapshot(env, &text).await.map_err(|error| error.to_string())
}

/// The stored one with its age, as JSON; else one that is computed now.
///
/// # Errors
/// When there is neither.
pub async fn text(env: &Env, config: &Config) -> Result<String, String> {
    let deadline = Deadline::in_ms(DEADLINE_MS);
    let stored = collector_client::snapshot(env, deadline).await.unwrap_or_else(|error| {
        console_error!("Snapshot: {error}");
        None
    });
    if let Some(text) = stored.as_deref().and_then(with_age) {
        return Ok(text);
    }
    let text = api::summary(env, config).await?;
    with_age(&text).ok_or_else(|| "the summary is not what it should be".to_owned())
}

fn with_age(text: &str) -> Option<String> {
    let Made { computed_at } = serde_json::from_str(text).ok()?;
    let fields = text.strip_prefix('{')?;
    Some(format!("{{\"ageMs\":{},{fields}", clock::now_ms().saturating_sub(computed_at)))
}
