//! `GET stats`: figures over both stores, each event once.

use std::collections::BTreeMap;

use serde::Serialize;
use worker::Env;

use crate::domain::event::{Cohort, Event};
use crate::domain::figures::Figures;
use crate::domain::merge::{self, Recount};
use crate::domain::rollup::{MINUTE_MS, Rollups};
use crate::edge::config::Config;
use crate::edge::problem::Problem;
use crate::edge::{clock, collector_client, sql_d1::D1Sql};
use crate::store::events::EventStore;

use super::range;

/// Most events that a read fetches to recount ambiguous minutes: some 10 MB and 100 ms.
const MAX_RECOUNT: u64 = 40_000;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    from: u64,
    to: u64,
    exact: bool,
    total: Figures,
    paths: Vec<PathFigures>,
    stores: Stores,
}

#[derive(Serialize)]
struct PathFigures {
    path: String,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stores {
    old: Counts,
    new: Counts,
    both: u64,
    only_old: u64,
    only_new: u64,
}

#[derive(Serialize, Default)]
struct Counts {
    requests: u64,
    single: u64,
    dual: u64,
    fallback: u64,
}

impl Counts {
    fn of(rollups: &Rollups) -> Self {
        let mut counts = Self::default();
        for (key, rollup) in rollups {
            counts.requests += rollup.requests;
            *match key.cohort {
                Cohort::Single => &mut counts.single,
                Cohort::Dual => &mut counts.dual,
                Cohort::Fallback => &mut counts.fallback,
            } += rollup.requests;
        }
        counts
    }
}

/// Reads and merges both stores.
pub async fn read(url: &str, env: &Env, config: &Config) -> Result<Stats, Problem> {
    let (from, to) = range::of(url, clock::now_ms())?;
    let store = EventStore::new(D1Sql::of(env).map_err(unreadable)?, config.window_ms);
    let (old, new) =
        futures_util::future::join(collector_client::rollups(env, config, from, to), store.rollups(from, to)).await;
    let (old, new) = (old.map_err(unreadable)?, new.map_err(unreadable)?);
    let recounts = recount(&old, &new, env, config, &store).await?;
    let merged = merge::merge(&old, &new, &recounts, config.window_ms);
    let mut paths: Vec<PathFigures> = merged
        .paths
        .iter()
        .map(|(path, rollup)| PathFigures { path: path.clone(), figures: Figures::from(rollup) })
        .collect();
    paths.sort_by(|a, b| b.figures.requests.cmp(&a.figures.requests).then_with(|| a.path.cmp(&b.path)));
    Ok(Stats {
        from,
        to,
        exact: merged.exact,
        total: Figures::from(&merged.total()),
        paths,
        stores: Stores {
            old: Counts::of(&old),
            new: Counts::of(&new),
            both: merged.both,
            only_old: merged.only_old,
            only_new: merged.only_new,
        },
    })
}

/// Logs the reason and tells the client which store it is not: none of its internals.
pub fn unreadable(error: impl std::fmt::Display) -> Problem {
    worker::console_error!("A store can't be read: {error}");
    Problem::unavailable("a store can't be read now; counting goes on, try again")
}

/// Fetches the events of ambiguous minutes, the newest first, as far as a read may.
async fn recount(
    old: &Rollups,
    new: &Rollups,
    env: &Env,
    config: &Config,
    store: &EventStore<D1Sql>,
) -> Result<BTreeMap<u64, Recount>, Problem> {
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
    let both = futures_util::future::join(collector_client::events(env, config, from, to), store.events(from, to));
    let (from_old, from_new) = both.await;
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
