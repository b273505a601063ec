//! `GET readiness`: whether the plan's next phase may begin.

use model::operating::readiness::Criterion;
use serde::{Deserialize, Serialize};

/// The plan's criteria.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReadinessAnswer {
    /// Whether all hold.
    pub ready: bool,
    /// When they were judged, in ms since 1970.
    pub computed_at: u64,
    /// The criteria.
    pub criteria: Vec<Criterion>,
}
