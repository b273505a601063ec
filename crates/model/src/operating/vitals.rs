//! Vital signs: what isolates counted, and when scheduled jobs last ran.

use serde::{Deserialize, Serialize};

use super::health::{CounterValues, Job, RecentCounts};

/// What an isolate reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VitalsReport {
    /// Its name.
    pub isolate: String,
    /// What it counted since it started.
    pub counts: CounterValues,
    /// Jobs that it ran just now.
    pub jobs: Vec<Job>,
}

/// What is known of all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vitals {
    /// What all isolates counted that have reported.
    pub counts: CounterValues,
    /// Jobs by name.
    pub jobs: Vec<Job>,
    /// What was counted of late.
    pub lately: RecentCounts,
}
