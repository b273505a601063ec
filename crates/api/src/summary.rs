//! `GET snapshot`: what the dashboard paints first, of the last hour.

use model::parity::report::ParityReport;
use serde::{Deserialize, Serialize};

use crate::flag::FlagAnswer;
use crate::health::HealthAnswer;
use crate::paths::PathsAnswer;
use crate::series::SeriesAnswer;
use crate::stats::TotalAnswer;

/// The summary, with its age. Cron computes it each minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SnapshotAnswer<R = ParityReport> {
    /// How long ago it was computed, in ms.
    pub age_ms: u64,
    /// The summary.
    #[serde(flatten)]
    pub summary: DashboardSummary<R>,
}

/// What the dashboard paints first. What can't be read is null. `R` is what stands for a report: the Worker gives them out
/// as they are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DashboardSummary<R = ParityReport> {
    /// When it was computed, in ms since 1970.
    pub computed_at: u64,
    /// The range of its figures, as a query says it.
    pub range: String,
    /// All routes together.
    pub stats: Option<TotalAnswer>,
    /// Figures over time.
    pub series: Option<SeriesAnswer>,
    /// The first page of the table of routes.
    pub paths: Option<PathsAnswer>,
    /// The flag in force.
    pub flag: FlagAnswer,
    /// The newest reports.
    pub parity: NewestReports<R>,
    /// How the pipeline is.
    pub health: HealthAnswer,
}

/// The newest reports, without routes, differences and gaps. None before the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewestReports<R = ParityReport> {
    /// On an hour.
    pub hour: Option<R>,
    /// On a day.
    pub day: Option<R>,
}
