//! `GET health` and `GET dead-letters`: is it working, and what could not be applied.

use std::collections::BTreeMap;

use serde::Serialize;
use worker::Env;

use crate::edge::config::Config;
use crate::edge::problem::Problem;
use crate::edge::{collector_client, counters, sql_d1::D1Sql};
use crate::store::dead_letters::{DeadLetter, DeadLetters};
use crate::store::events::EventStore;
use crate::store::read::LogState;

use super::stats::unreadable;

/// Dead letters that one read shows.
const SHOWN: u64 = 100;

/// State of both stores, and this isolate's counters.
#[derive(Serialize)]
pub struct Health {
    status: &'static str,
    old: Option<Vec<LogState>>,
    new: Option<LogState>,
    isolate: BTreeMap<&'static str, u64>,
}

/// Dead letters, the newest first.
#[derive(Serialize)]
pub struct Letters {
    count: u64,
    newest: Vec<DeadLetter>,
}

/// Asks both stores; one that does not answer is null.
pub async fn read(env: &Env, config: &Config) -> Health {
    let old = collector_client::state(env, config).await.map_err(unreadable).ok();
    let new = match D1Sql::of(env) {
        Ok(sql) => EventStore::new(sql, config.window_ms).state().await.map_err(unreadable).ok(),
        Err(error) => Err(unreadable(error)).ok(),
    };
    let status = if old.is_some() && new.is_some() { "ok" } else { "degraded" };
    Health { status, old, new, isolate: counters::all() }
}

/// Reads the newest dead letters.
pub async fn dead_letters(env: &Env) -> Result<Letters, Problem> {
    let letters = DeadLetters::new(D1Sql::of(env).map_err(unreadable)?);
    let (count, newest) = letters.newest(SHOWN).await.map_err(unreadable)?;
    Ok(Letters { count, newest })
}
