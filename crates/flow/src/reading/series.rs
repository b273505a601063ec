//! `GET series` and `GET paths/{path}/series`: figures over time.

use model::counting::figures::ResponseTime;
use model::counting::rollup::{ALL_ROUTES, Rollup};
use model::reading::selection::{self, RollupParts, RouteSelection};

use super::{merged, range};
use crate::app::App;
use crate::error::Error;
use api::series::{SeriesAnswer, SeriesPoint};
use api::url::Query;

/// The most points, where days are not more.
const POINTS: u64 = 150;

/// The series of one route, or of all routes together.
///
/// # Errors
/// [`Error`].
pub async fn read(routes: RouteSelection, query: &Query, app: &App) -> Result<SeriesAnswer, Error> {
    let now_ms = app.now_ms();
    let (from, to) = range::of(query, now_ms)?;
    let steps = selection::steps(from, to, POINTS, now_ms, &app.config.retention);
    let name = match &routes {
        RouteSelection::One(path) => path.clone(),
        RouteSelection::Together | RouteSelection::Each => ALL_ROUTES.to_owned(),
    };
    let both = merged::read(app, steps.spans.clone(), routes, RollupParts::Latency).await?;
    let merged = both.merged(app, Some(steps.step_ms));
    let empty = Rollup::default();
    let point = |start| {
        let rollup = merged.cell(start, &name).unwrap_or(&empty);
        let response_time = ResponseTime::of(rollup);
        SeriesPoint { start, requests: rollup.requests, status: rollup.into(), response_time }
    };
    let (from, to) = range::covered(&steps.spans, to, now_ms);
    let points = steps.starts().map(point).collect();
    Ok(SeriesAnswer { from, to, step_ms: steps.step_ms, exact: merged.exact, missing: both.missing, points })
}
