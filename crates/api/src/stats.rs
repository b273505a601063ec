//! `GET stats`: figures of both stores, each event once.

use model::counting::figures::{Figures, ResponseTime, StatusClasses};
use model::reading::missing::MissingData;
use serde::{Deserialize, Serialize};

/// Figures of a range, of each route and of all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StatsAnswer {
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
    /// All routes together.
    pub total: Figures,
    /// Each route, the busiest first.
    pub paths: Vec<RouteFigures>,
    /// Which store holds what.
    pub stores: StoreOverlap,
}

/// Figures of a range, of all routes together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TotalAnswer {
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
    /// All routes together.
    pub total: Figures,
}

/// A route's figures. `GET paths/{path}` tells its addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RouteFigures {
    /// Normalised route.
    pub path: String,
    /// Number of requests, each counted once.
    pub requests: u64,
    /// Requests by status class.
    pub status: StatusClasses,
    /// Time until the upstream's headers, in ms. None without requests.
    pub response_time: Option<ResponseTime>,
}

/// Which store holds what. A store that is missing is null, and so is what can't be told without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoreOverlap {
    /// What the object holds.
    pub old: Option<CohortCounts>,
    /// What D1 holds.
    pub new: Option<CohortCounts>,
    /// Events that both hold.
    pub both: Option<u64>,
    /// Events that only the object holds.
    pub only_old: Option<u64>,
    /// Events that only D1 holds.
    pub only_new: Option<u64>,
}

/// Events that one store holds, by the way in which they were meant to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CohortCounts {
    /// All of them.
    pub requests: u64,
    /// Those that were meant for this store alone.
    pub single: u64,
    /// Those that were meant for both.
    pub dual: u64,
    /// Those that came because the other path failed.
    pub fallback: u64,
}
