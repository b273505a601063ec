//! Both stores of a range, read and merged: what figures and previews are made of.

use std::collections::BTreeMap;

use worker::Env;

use crate::domain::event::Event;
use crate::domain::merge::{self, Merged, Recount};
use crate::domain::rollup::{MINUTE_MS, Rollups};
use crate::edge::config::Config;
use crate::edge::problem::Problem;
use crate::edge::stores;

use super::stats::unreadable;

/// Most events that a read fetches to recount ambiguous minutes: some 10 MB and 100 ms.
const MAX_RECOUNT: u64 = 40_000;

/// What the stores hold of a range, each for itself and as one.
pub struct Both {
    /// Of the object.
    pub old: Rollups,
    /// Of D1.
    pub new: Rollups,
    /// As one.
    pub merged: Merged,
}

/// Reads and merges both stores.
pub async fn read(env: &Env, config: &Config, from: u64, to: u64) -> Result<Both, Problem> {
    let (old, new) = stores::rollups(env, config, from, to).await;
    let (old, new) = (old.map_err(unreadable)?, new.map_err(unreadable)?);
    let recounts = recount(&old, &new, env, config).await?;
    let merged = merge::merge(&old, &new, &recounts, config.window_ms);
    Ok(Both { old, new, merged })
}

/// Fetches the events of ambiguous minutes, the newest first, as far as a read may.
async fn recount(old: &Rollups, new: &Rollups, env: &Env, config: &Config) -> Result<BTreeMap<u64, Recount>, Problem> {
    let size = |start: u64| -> u64 {
        old.iter().chain(new).filter(|(key, _)| key.start == start).map(|(_, rollup)| rollup.requests).sum()
    };
    let mut budget = MAX_RECOUNT;
    let mut chosen = Vec::new();
    for start in merge::ambiguous(old, new, config.window_ms).into_iter().rev() {
        match budget.checked_sub(size(start)) {
            Some(rest) => budget = rest,
            None => break,
        }
        chosen.push(start);
    }
    let (Some(last), Some(first)) = (chosen.first(), chosen.last()) else { return Ok(BTreeMap::new()) };
    let (from, to) = (*first, *last + MINUTE_MS);
    let (from_old, from_new) = stores::events(env, config, from, to).await;
    let (from_old, from_new) = (from_old.map_err(unreadable)?, from_new.map_err(unreadable)?);
    if from_old.1 || from_new.1 {
        return Ok(BTreeMap::new());
    }
    let mut recounts: BTreeMap<u64, Recount> = chosen.into_iter().map(|start| (start, Recount::default())).collect();
    let start = |event: &Event| event.minute() * MINUTE_MS;
    for event in from_old.0 {
        if let Some((old, _)) = recounts.get_mut(&start(&event)) {
            old.push(event);
        }
    }
    for event in from_new.0 {
        if let Some((_, new)) = recounts.get_mut(&start(&event)) {
            new.push(event);
        }
    }
    Ok(recounts)
}
