//! The dashboard's summary, kept ready in KV for its first paint.
//!
//! Invariant: it says when it was computed; without it, readers ask the stores.

use serde::Deserialize;
use worker::Env;

use super::config::Config;
use super::{api, clock, failure};

/// KV binding, and the key in it.
const BINDING: &str = "FLAGS";
const KEY: &str = "snapshot";

/// What a snapshot says of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    computed_at: u64,
}

/// Computes it anew and stores it. Cron does so each minute, which is KV's limit of one write a second and key by far.
///
/// # Errors
/// Why it is not stored; the old one stays.
pub async fn refresh(env: &Env, config: &Config) -> Result<(), String> {
    // 1. A crash here or below: the old one stays, and says how old it is.
    let text = api::summary(env, config).await?;
    let store = env.kv(BINDING).map_err(failure::reason)?;
    let put = store.put(KEY, text).map_err(failure::reason)?;
    put.execute().await.map_err(failure::reason)
}

/// The stored one with its age, as JSON; else one that is computed now.
///
/// # Errors
/// When there is neither.
pub async fn text(env: &Env, config: &Config) -> Result<String, String> {
    let stored = async { env.kv(BINDING).ok()?.get(KEY).text().await.ok().flatten() };
    let stored = clock::within_ms(config.read_deadline_ms, stored).await.flatten();
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
