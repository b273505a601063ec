//! What runs did, in numbers.

use std::collections::BTreeMap;

/// What a run did, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Runs.
    pub runs: u64,
    /// Simulated time, in ms.
    pub simulated_ms: u64,
    /// Requests that were served, repeats too.
    pub requests: u64,
    /// Answers of reads that were held against the truth.
    pub reads: u64,
    /// Reports on windows that were held against the truth.
    pub reports: u64,
    /// Runs of cron.
    pub crons: u64,
    /// Calls of the platform and lines of the log.
    pub happenings: u64,
    /// What went wrong, by kind.
    pub faults: BTreeMap<String, u64>,
}

impl Numbers {
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.simulated_ms += other.simulated_ms;
        self.requests += other.requests;
        self.reads += other.reads;
        self.reports += other.reports;
        self.crons += other.crons;
        self.happenings += other.happenings;
        for (fault, count) in &other.faults {
            *self.faults.entry(fault.clone()).or_default() += count;
        }
    }
}
