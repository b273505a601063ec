//! `GET stats`: figures over both stores, each event once.

use futures_util::future::join;
use serde::Serialize;
use worker::Env;

use crate::clock;
use crate::config::Config;
use crate::problem::Problem;
use model::counting::figures::{Figures, ResponseTime, StatusClasses};
use model::counting::rollup::Rollup;
use model::event::Cohort;
use model::reading::intervals::Intervals;
use model::reading::merge::busiest;
use model::reading::missing::{self, Missing};
use model::reading::selection::{self, Parts, Routes};

use super::{merged, paths, range};

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    from: u64,
    to: u64,
    exact: bool,
    missing: Vec<Missing>,
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
    old: Option<Counts>,
    new: Option<Counts>,
    both: Option<u64>,
    only_old: Option<u64>,
    only_new: Option<u64>,
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
    let now_ms = clock::now_ms();
    let (from, to) = range::of(url, now_ms)?;
    let spans = selection::cover(from, to, now_ms, &config.retention);
    let (from, to) = range::covered(&spans, to, now_ms);
    let (each, together) = join(
        merged::read(env, config, spans.clone(), Routes::Each, Parts::Latency),
        merged::read(env, config, spans, Routes::Together, Parts::Figures),
    )
    .await;
    let (each, together) = (each?, together?);
    let (merged, united) = (each.merged(None), together.merged(None));
    // The same requests in all figures, should one have been counted between the two reads.
    let total = Rollup { addresses: united.total().addresses, ..merged.total() };
    // What stores share can't be told without one of them.
    let compared = |count: u64| each.missing.is_empty().then_some(count);
    let figures = |(path, rollup): (&str, &Rollup)| {
        let response_time = ResponseTime::of(rollup);
        PathFigures { path: path.to_owned(), requests: rollup.requests, status: rollup.into(), response_time }
    };
    let paths = busiest(&merged.by_route()).into_iter().map(figures).collect();
    Ok(Stats {
        from,
        to,
        exact: merged.exact && together.missing.is_empty(),
        missing: all_of(&each.missing, &together.missing),
        total: Figures::from(&total),
        paths,
        stores: Stores {
            old: each.old.as_ref().map(Counts::of),
            new: each.new.as_ref().map(Counts::of),
            both: compared(merged.both),
            only_old: compared(merged.only_old),
            only_new: compared(merged.only_new),
        },
    })
}

/// All routes together.
#[derive(Serialize)]
pub struct Whole {
    from: u64,
    to: u64,
    exact: bool,
    missing: Vec<Missing>,
    total: Figures,
}

/// `GET stats?detail=total`: without the routes, which is cheap for a range of any length.
pub async fn total(url: &str, env: &Env, config: &Config) -> Result<Whole, Problem> {
    let paths::Range { from, to, exact, missing, rollup } =
        paths::whole(url, Routes::Together, Parts::Figures, env, config).await?;
    Ok(Whole { from, to, exact, missing, total: (&rollup).into() })
}

/// What two reads of one answer lack, each once.
pub fn all_of(first: &[Missing], second: &[Missing]) -> Vec<Missing> {
    let mut all = first.to_vec();
    all.extend(second.iter().filter(|missing| !first.contains(missing)).cloned());
    all
}

/// The problem where nothing is left to answer with.
pub fn nothing_is_readable(missing: &[Missing]) -> Problem {
    let what = missing::sentence(missing);
    Problem::unavailable(format!("nothing can be read now ({what}); counting goes on, try again"))
}

/// Logs the reason and tells the client which store it is not: none of its internals.
pub fn unreadable(error: impl std::fmt::Display) -> Problem {
    worker::console_error!("A store can't be read: {error}");
    Problem::unavailable("a store can't be read now; counting goes on, try again")
}
