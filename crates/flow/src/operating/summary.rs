//! `GET snapshot`: what the dashboard paints first, of the last hour.

use futures_util::future::{join, join5};
use serde_json::value::RawValue;

use model::parity::window::WindowKind;
use model::reading::selection::RouteSelection;

use super::health;
use crate::app::App;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::flag::shown;
use crate::parity::runs;
use crate::port::Failure;
use crate::reading::paths;
use crate::reading::series;
use crate::reading::stats;
use api::summary::{DashboardSummary, NewestReports};
use api::url::Query;

/// The range that it shows, as a request of it would say.
const RANGE: &str = "1h";
const QUERY: &str = "https://collector/?range=1h&limit=50";

/// Computes the summary. Parts that can't be read are null.
///
/// # Errors
/// If the encoder fails, which for these types it can't.
pub async fn text(app: &App) -> Result<String, Failure> {
    let known = |problem: Error| app.error(format_args!("Summary: {problem}"));
    let (query, deadline) = (Query::of(QUERY), app.read_deadline());
    // All at once, so that a store which does not answer is waited for once.
    let (stats, series, paths, (health, flag), (hour, day)) = join5(
        Box::pin(stats::total(&query, app)),
        Box::pin(series::read(RouteSelection::Together, &query, app)),
        Box::pin(paths::table(&query, app)),
        join(health::read(app), shown::read(app)),
        join(newest(app, WindowKind::Hour, deadline), newest(app, WindowKind::Day, deadline)),
    )
    .await;
    let summary = DashboardSummary {
        computed_at: app.now_ms(),
        range: RANGE.to_owned(),
        stats: stats.map_err(known).ok(),
        series: series.map_err(known).ok(),
        paths: paths.map_err(known).ok(),
        flag,
        parity: NewestReports { hour, day },
        health,
    };
    serde_json::to_string(&summary).map_err(|error| Failure(error.to_string()))
}

async fn newest(app: &App, kind: WindowKind, deadline: Deadline) -> Option<Box<RawValue>> {
    let reports = runs::reports_until(app, deadline).ok()?.newest(kind, 1).await.ok()?;
    RawValue::from_string(reports.into_iter().next()?).ok()
}
