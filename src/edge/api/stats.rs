//! `GET stats`: figures over both stores, each event once.

use serde::Serialize;
use worker::Env;

use crate::domain::event::Cohort;
use crate::domain::figures::Figures;
use crate::domain::merge::Grouping;
use crate::domain::intervals::Intervals;
use crate::domain::selection::{self, Parts, Routes};
use crate::edge::clock;
use crate::edge::config::Config;
use crate::edge::problem::Problem;

use super::merged::{self, Both};
use super::{paths, range};

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

#[derive(Serialize)]
struct Counts {
    requests: u64,
    single: u64,
    dual: u64,
    fallback: u64,
}

impl Counts {
    fn of(store: &Intervals) -> Self {
        let of = |cohort| store.values().map(|held| held.of(cohort).requests()).sum();
        let [single, dual, fallback] = [Cohort::Single, Cohort::Dual, Cohort::Fallback].map(of);
        Self { requests: single + dual + fallback, single, dual, fallback }
    }
}

/// Reads and merges both stores.
pub async fn read(url: &str, env: &Env, config: &Config) -> Result<Stats, Problem> {
    let (from, to) = range::of(url, clock::now_ms())?;
    let spans = selection::cover(from, to, clock::now_ms(), &config.retention);
    let (from, to) = range::covered(&spans, to);
    let Both { old, new, merged } = merged::read(env, config, spans, &Grouping::BY_ROUTE, Parts::Figures).await?;
    let figures = |(path, _): (String, u64)| {
        let figures = Figures::from(merged.cells.get(&(0, path.clone()))?);
        Some(PathFigures { path, figures })
    };
    let paths = merged.busiest().into_iter().filter_map(figures).collect();
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

/// All routes together.
#[derive(Serialize)]
pub struct Whole {
    from: u64,
    to: u64,
    exact: bool,
    total: Figures,
}

/// `GET stats?detail=total`: without the routes, which is cheap for a range of any length.
pub async fn total(url: &str, env: &Env, config: &Config) -> Result<Whole, Problem> {
    let ((from, to), exact, rollup) = paths::whole(url, Routes::Together, Parts::Figures, env, config).await?;
    Ok(Whole { from, to, exact, total: (&rollup).into() })
}

/// Logs the reason and tells the client which store it is not: none of its internals.
pub fn unreadable(error: impl std::fmt::Display) -> Problem {
    worker::console_error!("A store can't be read: {error}");
    Problem::unavailable("a store can't be read now; counting goes on, try again")
}
