//! `GET paths`, `GET paths/{path}` and `GET exemplars`: the table of routes, one of them, and real requests.

#[cfg(feature = "schema")]
use crate::parameters::MAX_ROWS;
use model::counting::exemplar::Exemplar;
#[cfg(feature = "schema")]
use model::counting::exemplar::{SAMPLE, SLOWEST};
use model::counting::figures::{Figures, HistogramBin};
use model::reading::listing::RouteRow;
use model::reading::missing::MissingData;
use serde::{Deserialize, Serialize};

/// A page of the table of routes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PathsAnswer {
    /// Start of the range, in ms since 1970: it is widened to whole intervals.
    pub from: u64,
    /// End of the range, in ms since 1970.
    pub to: u64,
    /// Whether each event is counted once and none is lacking: it is certain which events both stores hold, and nothing is
    /// `missing`.
    pub exact: bool,
    /// What the answer lacks, because it could not be read within `READ_DEADLINE_MS`. Of several objects, each that is
    /// missing is named.
    pub missing: Vec<MissingData>,
    /// Routes that match the search, on all pages.
    pub routes: usize,
    /// Start of the first step of each row's `spark`, in ms since 1970.
    pub spark_from: u64,
    /// Length of these steps, in ms.
    pub spark_step_ms: u64,
    /// The routes of this page.
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_ROWS)))]
    pub paths: Vec<RouteRow>,
    /// `cursor` of the next page. None on the last one.
    pub next: Option<String>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PathAnswer {
    /// Start of the range, in ms since 1970: it is widened to whole intervals.
    pub from: u64,
    /// End of the range, in ms since 1970.
    pub to: u64,
    /// Whether each event is counted once and none is lacking: it is certain which events both stores hold, and nothing is
    /// `missing`.
    pub exact: bool,
    /// What the answer lacks, because it could not be read within `READ_DEADLINE_MS`. Of several objects, each that is
    /// missing is named.
    pub missing: Vec<MissingData>,
    /// The route.
    pub path: String,
    /// Its figures.
    pub figures: Figures,
    /// How often its response times lie where: all bins between the first and the last that is not empty.
    pub histogram: Vec<HistogramBin>,
}

/// Real requests of a route, or of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExemplarsAnswer {
    /// Start of the range, in ms since 1970: it is widened to whole intervals.
    pub from: u64,
    /// End of the range, in ms since 1970.
    pub to: u64,
    /// What the answer lacks, because it could not be read within `READ_DEADLINE_MS`. Of several objects, each that is
    /// missing is named.
    pub missing: Vec<MissingData>,
    /// A uniform sample.
    #[cfg_attr(feature = "schema", schemars(length(max = SAMPLE)))]
    pub sample: Vec<Exemplar>,
    /// The slowest, slowest first.
    #[cfg_attr(feature = "schema", schemars(length(max = SLOWEST)))]
    pub slowest: Vec<Exemplar>,
}
