//! The dashboard's figures as they were a moment ago, for its first paint.
//!
//! Invariant: a snapshot is a convenience. Where it can't be had at once the page asks the API, and nothing waits.

use worker::Env;

use super::config::Config;
use super::{clock, flag_cache};

/// Key beside the flag's.
const KEY: &str = "snapshot";

/// How long KV may take, in ms: the page can ask for itself.
const DEADLINE_MS: u64 = 300;

/// Longest snapshot that a page carries, in bytes.
const MAX_BYTES: usize = 512_000;

/// The newest snapshot, as JSON text.
pub async fn text(env: &Env, _config: &Config) -> Option<String> {
    let store = env.kv(flag_cache::BINDING).ok()?;
    let read = clock::within_ms(DEADLINE_MS, store.get(KEY).text()).await?;
    read.ok().flatten().filter(|text| text.len() <= MAX_BYTES)
}
