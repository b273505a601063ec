//! `GET health`: is it working.

use std::collections::BTreeMap;

use serde::Serialize;
use worker::Env;

use crate::edge::archive::{self, ArchiveState};
use crate::edge::config::Config;
use crate::edge::{collector_client, counters, sql_d1::D1Sql};
use crate::store::dead_letters::{DeadLetters, Gauge};
use crate::store::events::EventStore;
use crate::store::read::LogState;

use super::stats::unreadable;

/// State of both stores, and this isolate's counters.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    status: &'static str,
    old: Option<Vec<LogState>>,
    new: Option<LogState>,
    dead_letters: Option<Gauge>,
    archive: Option<ArchiveState>,
    isolate: BTreeMap<&'static str, u64>,
}

/// Asks both stores; one that does not answer is null.
pub async fn read(env: &Env, config: &Config) -> Health {
    let old = collector_client::state(env, config).await.map_err(unreadable).ok();
    let new = match D1Sql::of(env) {
        Ok(sql) => EventStore::new(sql, config.window_ms).state().await.map_err(unreadable).ok(),
        Err(error) => Err(unreadable(error)).ok(),
    };
    let dead_letters = match D1Sql::of(env) {
        Ok(sql) => DeadLetters::new(sql).gauge().await.map_err(unreadable).ok(),
        Err(_) => None,
    };
    let archive = archive::state(env, config).await.map_err(unreadable).ok();
    let status = if old.is_some() && new.is_some() { "ok" } else { "degraded" };
    Health { status, old, new, dead_letters, archive, isolate: counters::all() }
}
