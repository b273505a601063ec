//! The figures of one route over a range, or of all routes together.

use api::url::Query;
use model::counting::rollup::Rollup;
use model::reading::missing::MissingData;
use model::reading::selection::{self, RollupParts, RouteSelection};

use super::{merged, range};
use crate::app::App;
use crate::error::Error;

/// Figures of one range.
pub struct RangeFigures {
    /// Its start, in ms.
    pub from: u64,
    /// Its end, in ms.
    pub to: u64,
    /// Whether each request is counted once, and none is missing.
    pub exact: bool,
    /// What could not be read.
    pub missing: Vec<MissingData>,
    /// The figures.
    pub rollup: Rollup,
}

/// Reads the figures of one route, or of all routes together.
///
/// # Errors
/// [`Error`].
pub async fn read_range(
    query: &Query,
    routes: RouteSelection,
    parts: RollupParts,
    app: &App,
) -> Result<RangeFigures, Error> {
    let now_ms = app.now_ms();
    let (from, to) = range::of(query, now_ms)?;
    let spans = selection::cover(from, to, now_ms, &app.config.retention);
    let (from, to) = range::covered(&spans, to, now_ms);
    let both = merged::read(app, spans, routes, parts).await?;
    let merged = both.merged(app, None);
    Ok(RangeFigures { from, to, exact: merged.exact, missing: both.missing, rollup: merged.total() })
}
