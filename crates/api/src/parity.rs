//! `parity` and below: reports, and comparing on demand.

#[cfg(feature = "schema")]
use crate::parameters::MAX_REPORTS;
use model::parity::report::ParityReport;
use serde::{Deserialize, Serialize};

/// Reports of a kind, the newest first. `R` is what stands for a report: the Worker gives them out as they are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportsAnswer<R = ParityReport> {
    /// The reports, without routes, differences and gaps: a window's own report has them.
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_REPORTS)))]
    pub reports: Vec<R>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum RunAnswer {
    /// The report.
    Done(Box<ParityReport>),
    /// It is not finished: ask again.
    #[serde(rename_all = "camelCase")]
    Interrupted {
        /// Minutes that are still to be looked into.
        minutes_left: u64,
    },
}
