//! Vital signs: what isolates counted, and when scheduled jobs last ran.

use serde::{Deserialize, Serialize};

use super::health::{CounterValues, Job, RecentCounts};

/// An isolate's report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VitalsReport {
    /// Its name.
    pub isolate: String,
    /// What it counted since it started.
    pub counts: CounterValues,
    /// Jobs that it has just run.
    pub jobs: Vec<Job>,
}

/// The vital signs of all isolates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vitals {
    /// Sums of what all isolates have counted.
    pub counts: CounterValues,
    /// Jobs by name.
    pub jobs: Vec<Job>,
    /// What was counted lately.
    pub lately: RecentCounts,
}
