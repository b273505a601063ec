//! `GET stats`: figures over both stores, each event once.

use futures_util::future::join;

use model::counting::figures::{Figures, ResponseTime};
use model::counting::rollup::Rollup;
use model::event::Cohort;
use model::reading::intervals::Intervals;
use model::reading::merge::busiest;
use model::reading::missing;
use model::reading::selection::{self, RollupParts, RouteSelection};

use super::range_figures::{RangeFigures, read_range};
use super::{merged, range};
use crate::app::App;
use crate::error::Error;
use api::stats::{CohortCounts, RouteFigures, StatsAnswer, StoreOverlap, TotalAnswer};
use api::url::Query;

fn by_cohort(store: &Intervals) -> CohortCounts {
    let of = |cohort| store.values().map(|held| held.of(cohort).requests()).sum();
    let [single, dual, fallback] = [Cohort::Single, Cohort::Dual, Cohort::Fallback].map(of);
    CohortCounts { requests: single + dual + fallback, single, dual, fallback }
}

/// Reads and merges both stores.
///
/// # Errors
/// [`Error`].
pub async fn read(query: &Query, app: &App) -> Result<StatsAnswer, Error> {
    let now_ms = app.now_ms();
    let (from, to) = range::of(query, now_ms)?;
    let spans = selection::cover(from, to, now_ms, &app.config.retention);
    let (from, to) = range::covered(&spans, to, now_ms);
    let (each, together) = join(
        merged::read(app, spans.clone(), RouteSelection::Each, RollupParts::Latency),
        merged::read(app, spans, RouteSelection::Together, RollupParts::Figures),
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
        RouteFigures { path: path.to_owned(), requests: rollup.requests, status: rollup.into(), response_time }
    };
    let paths = busiest(&merged.by_route()).into_iter().map(figures).collect();
    Ok(StatsAnswer {
        from,
        to,
        exact: merged.exact && together.missing.is_empty(),
        missing: missing::union(&each.missing, &together.missing),
        total: Figures::from(&total),
        paths,
        stores: StoreOverlap {
            old: each.old.as_ref().map(by_cohort),
            new: each.new.as_ref().map(by_cohort),
            both: compared(merged.both),
            only_old: compared(merged.only_old),
            only_new: compared(merged.only_new),
        },
    })
}

/// `GET stats?detail=total`: without the routes, which is cheap for a range of any length.
///
/// # Errors
/// [`Error`].
pub async fn total(query: &Query, app: &App) -> Result<TotalAnswer, Error> {
    let RangeFigures { from, to, exact, missing, rollup } =
        read_range(query, RouteSelection::Together, RollupParts::Figures, app).await?;
    Ok(TotalAnswer { from, to, exact, missing, total: (&rollup).into() })
}
