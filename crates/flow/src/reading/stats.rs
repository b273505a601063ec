//! `GET stats`: figures over both stores, each event once.

use futures_util::future::join;
use serde::Serialize;

use model::counting::figures::{Figures, ResponseTime, StatusClasses};
use model::counting::rollup::Rollup;
use model::event::Cohort;
use model::reading::intervals::Intervals;
use model::reading::merge::busiest;
use model::reading::missing::{self, Missing};
use model::reading::selection::{self, Parts, Routes};

use super::whole::{Range, whole};
use super::{merged, range};
use crate::app::App;
use crate::error::Error;
use api::url::Query;

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
///
/// # Errors
/// [`Error`].
pub async fn read(query: &Query, app: &App) -> Result<Stats, Error> {
    let now_ms = app.now_ms();
    let (from, to) = range::of(query, now_ms)?;
    let spans = selection::cover(from, to, now_ms, &app.config.retention);
    let (from, to) = range::covered(&spans, to, now_ms);
    let (each, together) = join(
        merged::read(app, spans.clone(), Routes::Each, Parts::Latency),
        merged::read(app, spans, Routes::Together, Parts::Figures),
    )
    .await;
    let (each, together) = (each?, together?);
    let (merged, united) = (each.merged(app, None), together.merged(app, None));
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
        missing: missing::union(&each.missing, &together.missing),
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
///
/// # Errors
/// [`Error`].
pub async fn total(query: &Query, app: &App) -> Result<Whole, Error> {
    let Range { from, to, exact, missing, rollup } = whole(query, Routes::Together, Parts::Figures, app).await?;
    Ok(Whole { from, to, exact, missing, total: (&rollup).into() })
}
