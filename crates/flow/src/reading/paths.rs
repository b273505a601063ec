//! `GET paths` and `GET paths/{path}`: the table of routes, and one of them.

use futures_util::future::join;

use model::counting::exemplar::Exemplar;
use model::counting::figures::{self, ResponseTime};
use model::counting::rollup::Rollup;
use model::reading::listing::{self, ListingCursor, ListingSelection, RouteRow, SortColumn};
use model::reading::missing::{self, MissingData};
use model::reading::selection::{self, RollupParts, RouteSelection};

use super::range_figures::{RangeFigures, read_range};
use super::{merged, range};
use crate::app::App;
use crate::error::Error;
use api::parameters::{CURSOR, ONE_ROUTE, ORDER, ROWS, SEARCH, SORT};
use api::paths::{ExemplarsAnswer, PathAnswer, PathsAnswer};
use api::url::Query;

/// The most points of a row's spark line, where days are not more.
const SPARK_POINTS: u64 = 32;

/// A page of the table.
///
/// # Errors
/// [`Error`].
pub async fn table(query: &Query, app: &App) -> Result<PathsAnswer, Error> {
    let wanted = wanted(query)?;
    let all = rows(query, app).await?;
    let page = listing::page(all.rows, &wanted);
    Ok(PathsAnswer {
        from: all.from,
        to: all.to,
        exact: all.exact,
        missing: all.missing,
        routes: page.routes,
        spark_from: all.spark_from,
        spark_step_ms: all.spark_step_ms,
        paths: page.rows,
        next: page.next,
    })
}

/// The whole table as CSV. It needs both stores, because a file can't say that one is missing.
///
/// # Errors
/// [`Error`].
pub async fn csv(query: &Query, app: &App) -> Result<String, Error> {
    let wanted = ListingSelection { limit: usize::MAX, after: None, ..wanted(query)? };
    let All { rows, missing, .. } = rows(query, app).await?;
    if !missing.is_empty() {
        return Err(Error::nothing_is_readable(&missing));
    }
    Ok(listing::csv(&listing::page(rows, &wanted).rows))
}

/// What the request wants of the table.
fn wanted(query: &Query) -> Result<ListingSelection, Error> {
    let sort = SORT.of(query)?;
    Ok(ListingSelection {
        sort,
        descending: ORDER.of(query)?.unwrap_or(sort != SortColumn::Path),
        search: SEARCH.of(query)?.unwrap_or_default().to_owned(),
        limit: usize::try_from(ROWS.of(query)?).unwrap_or(usize::MAX),
        after: CURSOR.of(query)?.map(ListingCursor::parse).transpose()?,
    })
}

/// All rows of a range.
struct All {
    from: u64,
    to: u64,
    exact: bool,
    missing: Vec<MissingData>,
    spark_from: u64,
    spark_step_ms: u64,
    rows: Vec<RouteRow>,
}

async fn rows(query: &Query, app: &App) -> Result<All, Error> {
    let now_ms = app.now_ms();
    let (from, to) = range::of(query, now_ms)?;
    let spans = selection::cover(from, to, now_ms, &app.config.retention);
    let steps = selection::steps(from, to, SPARK_POINTS, now_ms, &app.config.retention);
    let covered = range::covered(&spans, to, now_ms);
    // A short range is read once, for figures and spark lines.
    let (merged, lines, missing) = if spans == steps.spans {
        let both = merged::read(app, spans, RouteSelection::Each, RollupParts::Latency).await?;
        (both.merged(app, None), both.merged(app, Some(steps.step_ms)), both.missing)
    } else {
        let (lines, whole) = join(
            merged::read(app, steps.spans.clone(), RouteSelection::Each, RollupParts::Counts),
            merged::read(app, spans, RouteSelection::Each, RollupParts::Latency),
        )
        .await;
        let (lines, whole) = (lines?, whole?);
        let missing = missing::union(&whole.missing, &lines.missing);
        (whole.merged(app, None), lines.merged(app, Some(steps.step_ms)), missing)
    };
    let by_route = merged.by_route();
    let row = |(path, rollup): (&String, &Rollup)| RouteRow {
        requests: rollup.requests,
        status: rollup.into(),
        response_time: ResponseTime::of(rollup),
        spark: steps.starts().map(|start| lines.cell(start, path).map_or(0, |cell| cell.requests)).collect(),
        path: path.clone(),
    };
    Ok(All {
        from: covered.0,
        to: covered.1,
        exact: merged.exact && missing.is_empty(),
        missing,
        spark_from: steps.starts().next().unwrap_or(covered.0),
        spark_step_ms: steps.step_ms,
        rows: by_route.iter().map(row).collect(),
    })
}

/// One route's figures.
///
/// # Errors
/// [`Error`].
pub async fn route(path: String, query: &Query, app: &App) -> Result<PathAnswer, Error> {
    let RangeFigures { from, to, exact, missing, rollup } =
        read_range(query, RouteSelection::One(path.clone()), RollupParts::Figures, app).await?;
    Ok(PathAnswer { from, to, exact, missing, path, figures: (&rollup).into(), histogram: figures::histogram(&rollup) })
}

/// `GET exemplars`: of all routes, or of `path`.
///
/// # Errors
/// [`Error`].
pub async fn exemplars(query: &Query, app: &App) -> Result<ExemplarsAnswer, Error> {
    let routes = ONE_ROUTE.of(query)?.map_or(RouteSelection::Together, |path| RouteSelection::One(path.to_owned()));
    let RangeFigures { from, to, missing, rollup, .. } = read_range(query, routes, RollupParts::All, app).await?;
    let of_range = |list: Vec<Exemplar>| list.into_iter().filter(|e| (from..to).contains(&e.timestamp)).collect();
    Ok(ExemplarsAnswer {
        from,
        to,
        missing,
        sample: of_range(rollup.exemplars.sample),
        slowest: of_range(rollup.exemplars.slowest),
    })
}
