//! `GET stats`: figures over both stores, each event once.

use futures_util::future::join;
use serde::Serialize;
use worker::Env;

use crate::domain::event::Cohort;
use crate::domain::figures::{Figures, ResponseTime, StatusClasses};
use crate::domain::intervals::Intervals;
use crate::domain::merge::busiest;
use crate::domain::rollup::Rollup;
use crate::domain::selection::{self, Parts, Routes};
use crate::edge::clock;
use crate::edge::config::Config;
use crate::edge::problem::Problem;

use super::{merged, paths, range};

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

/// A route's figures. Its addresses are told where it alone is asked for: united over many intervals they are most of
/// what there is to read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PathFigures {
    path: String,
    requests: u64,
    status: StatusClasses,
    response_time: Option<ResponseTime>,
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
    let (each, together) = join(
        merged::read(env, config, spans.clone(), Routes::Each, Parts::Latency),
        merged::read(env, config, spans, Routes::Together, Parts::Figures),
    )
    .await;
    let each = each?;
    let merged = each.merged(None);
    // The same requests in all figures, should one have been counted between the two reads.
    let total = Rollup { addresses: together?.merged(None).total().addresses, ..merged.total() };
    let figures = |(path, rollup): (&str, &Rollup)| {
        let response_time = ResponseTime::of(rollup);
        PathFigures { path: path.to_owned(), requests: rollup.requests, status: rollup.into(), response_time }
    };
    let paths = busiest(&merged.by_route()).into_iter().map(figures).collect();
    Ok(Stats {
        from,
        to,
        exact: merged.exact,
        total: Figures::from(&total),
        paths,
        stores: Stores {
            old: Counts::of(&each.old),
            new: Counts::of(&each.new),
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
