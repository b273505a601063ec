//! `GET series` and `GET paths/{path}/series`: figures over time.

use model::counting::figures::{ResponseTime, StatusClasses};
use model::reading::missing::MissingData;
use serde::{Deserialize, Serialize};

/// Figures in equal steps of time; those without traffic are there too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SeriesAnswer {
    /// Start of the range, in ms since 1970: it is widened to whole intervals.
    pub from: u64,
    /// End of the range, in ms since 1970.
    pub to: u64,
    /// Length of a step, in ms.
    pub step_ms: u64,
    /// Whether each event is counted once and none is lacking: it is certain which events both stores hold, and nothing is
    /// `missing`.
    pub exact: bool,
    /// What the answer lacks, because it could not be read within `READ_DEADLINE_MS`. Of several objects, each that is
    /// missing is named.
    pub missing: Vec<MissingData>,
    /// The steps, the oldest first.
    pub points: Vec<SeriesPoint>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SeriesPoint {
    /// Its start, in ms since 1970.
    pub start: u64,
    /// Number of requests.
    pub requests: u64,
    /// Requests by status class.
    pub status: StatusClasses,
    /// Time until the upstream's headers, in ms. None without requests.
    pub response_time: Option<ResponseTime>,
}
