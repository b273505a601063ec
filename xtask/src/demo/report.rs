//! What the demo found, against what is true.
//!
//! Invariant: sets are compared, not only counts, for errors of counts cancel out.

use std::collections::HashSet;
use std::time::Duration;

use api::stats::{RouteFigures, StatsAnswer};
use model::counting::figures::ResponseTime;
use model::event::identity::Digest;
use serde::Serialize;
use traffic::truth::Truth;

use super::parity::{Parity, SelfTestReport, StageComparison};
use super::stage::Stage;

/// Largest relative error of the total's 95th percentile: 1 % of the sketch's, the rest for the gateway's whole ms and
/// for timers that are early.
const MAX_P95_ERROR: f64 = 0.02;

/// Largest relative error of the estimate of unique addresses: three standard errors of the sketch.
const MAX_UNIQUE_ERROR: f64 = 0.05;

/// Requests that a path must have for its percentiles to be compared.
const MIN_REQUESTS: u64 = 1_000;

/// The report, as it is written to `report.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemoReport {
    /// Requests that were answered.
    pub sent: u64,
    /// Requests that the merged read counts.
    pub merged_total: u64,
    /// Requests that neither store holds.
    pub lost: u64,
    /// By how many the merged read exceeds the distinct requests that the stores hold.
    pub double_counted: u64,
    /// Events that were never sent.
    pub unknown: u64,
    /// Requests that were answered otherwise than by the upstream.
    pub altered: u64,
    /// What each stage added to the stores.
    pub stages: Vec<StageReport>,
    /// The stages that write both paths, compared, and the reports of the self-test.
    pub parity: Vec<StageComparison>,
    /// The comparator's test of itself.
    pub parity_selftest: SelfTestReport,
    /// Each path as measured, the busiest first.
    pub paths: Vec<PathReport>,
    /// How far the measured figures are from the truth.
    pub truth_error: TruthError,
}

/// What one stage added.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageReport {
    pub mode: &'static str,
    pub sample_ppm: u32,
    pub queue_ppm: u32,
    /// Requests sent.
    pub sent: u64,
    /// Events in each store, and of them those that were meant for both.
    pub old: i64,
    pub new: i64,
    pub dual_old: i64,
    pub dual_new: i64,
    /// Events that one store alone holds.
    pub only_old: i64,
    pub only_new: i64,
    /// Requests that the merged read counts.
    pub merged: i64,
    /// What the gateway adds to the upstream's time, as the client sees it: the median, in ms.
    pub added_ms: f64,
}

/// One path as measured; times in ms.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathReport {
    pub path: String,
    pub requests: u64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
}

/// Relative errors of the measured figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TruthError {
    /// Largest of the counts of the total and of each path; 1 for a path that is missing or shouldn't be.
    pub requests: f64,
    /// Of the total's 95th percentile: by how much it is outside of `p95_ms`.
    pub p95_rel: f64,
    /// What the total's 95th percentile can be, in ms.
    pub p95_ms: TimeBounds,
    /// Largest of the 95th percentiles of paths with at least 1,000 requests.
    pub p95_rel_worst_path: f64,
    /// Of the total's estimate of unique addresses.
    pub unique_rel: f64,
}

/// What the gateway can have measured, in ms.
///
/// It measures from sending a request to the upstream until the answer, which is at least the time that the upstream
/// takes, and at most the time that the client waits. If each value of a set lies between two others, so do its
/// percentiles. The range is as narrow as the machine is quiet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TimeBounds {
    /// That of the upstream's times.
    pub least: f64,
    /// That of the client's times.
    pub most: f64,
}

/// What was observed beside the figures.
pub struct DemoObservations<'a> {
    /// Digests of the requests that were answered.
    pub sent: &'a HashSet<Digest>,
    /// Digests in the old store.
    pub old: &'a HashSet<Digest>,
    /// Digests in the new store.
    pub new: &'a HashSet<Digest>,
    /// Requests that were answered otherwise than by the upstream.
    pub altered: u64,
    /// What the client waited.
    pub waited: &'a Truth,
}

/// One condition for success: what was found, and what it is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct SuccessCheck {
    pub what: &'static str,
    pub found: String,
    pub limit: String,
    pub holds: bool,
}

impl DemoReport {
    /// Puts all together.
    pub fn new(
        observed: &DemoObservations<'_>,
        stats: &StatsAnswer,
        truth: &Truth,
        stages: Vec<StageReport>,
        parity: Parity,
    ) -> Self {
        let held = |digest: &Digest| observed.old.contains(digest) || observed.new.contains(digest);
        let found = observed.sent.iter().filter(|digest| held(digest)).count() as u64;
        let sent = observed.sent.len() as u64;
        let unknown = observed.old.union(observed.new).filter(|digest| !observed.sent.contains(digest)).count() as u64;
        let mut paths: Vec<_> = stats.paths.iter().map(PathReport::new).collect();
        paths.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.path.cmp(&b.path)));
        Self {
            sent,
            merged_total: stats.total.requests,
            lost: sent - found,
            double_counted: stats.total.requests.saturating_sub(found),
            unknown,
            altered: observed.altered,
            stages,
            parity: parity.reports,
            parity_selftest: parity.selftest,
            paths,
            truth_error: TruthError::new(stats, truth, observed.waited),
        }
    }

    /// The conditions for success.
    pub fn checks(&self) -> Vec<SuccessCheck> {
        let none =
            |what, found: u64| SuccessCheck { what, found: found.to_string(), limit: "0".into(), holds: found == 0 };
        let at_most = |what, error: f64, limit: f64, of: &str| SuccessCheck {
            what,
            found: format!("{:.2} %{of}", error * 100.0),
            limit: format!("≤ {:.0} %", limit * 100.0),
            holds: error <= limit,
        };
        let TruthError { requests, p95_rel, p95_ms: TimeBounds { least, most }, unique_rel, .. } = self.truth_error;
        vec![
            none("lost", self.lost),
            none("double counted", self.double_counted),
            none("unknown events", self.unknown),
            none("answers altered", self.altered),
            SuccessCheck {
                what: "merged total",
                found: self.merged_total.to_string(),
                limit: format!("= {} sent", self.sent),
                holds: self.merged_total == self.sent,
            },
            none("windows with differing stores", self.parity.iter().filter(|report| !report.expected).count() as u64),
            SuccessCheck {
                what: "injected faults",
                found: if self.parity_selftest.passed { "all found".into() } else { "not those".into() },
                limit: "found, and nothing else".into(),
                holds: self.parity_selftest.passed,
            },
            at_most("error of requests per path", requests, 0.0, ""),
            at_most("error of p95", p95_rel, MAX_P95_ERROR, &format!(" of {least:.0} to {most:.0} ms")),
            at_most("error of unique addresses", unique_rel, MAX_UNIQUE_ERROR, ""),
        ]
    }
}

impl StageReport {
    /// What the stores gained between two looks.
    pub fn new(stage: &Stage, sent: u64, added: Duration, before: &StatsAnswer, after: &StatsAnswer) -> Self {
        // A count may also shrink: what only one store held, the other may get later.
        let count = |of: fn(&StatsAnswer) -> Option<u64>, stats| of(stats).unwrap_or_default().cast_signed();
        let gain = |of| count(of, after) - count(of, before);
        Self {
            mode: stage.mode.name(),
            sample_ppm: stage.sample_ppm,
            queue_ppm: stage.queue_ppm,
            sent,
            old: gain(|stats| stats.stores.old.map(|held| held.requests)),
            new: gain(|stats| stats.stores.new.map(|held| held.requests)),
            dual_old: gain(|stats| stats.stores.old.map(|held| held.dual)),
            dual_new: gain(|stats| stats.stores.new.map(|held| held.dual)),
            only_old: gain(|stats| stats.stores.only_old),
            only_new: gain(|stats| stats.stores.only_new),
            merged: gain(|stats| Some(stats.total.requests)),
            added_ms: added.as_secs_f64() * 1_000.0,
        }
    }
}

impl PathReport {
    fn new(route: &RouteFigures) -> Self {
        let time = |of| milliseconds(route.response_time, of);
        let [p50_ms, p95_ms, p99_ms] = [time(|time| time.p50), time(|time| time.p95), time(|time| time.p99)];
        Self { path: route.path.clone(), requests: route.requests, p50_ms, p95_ms, p99_ms }
    }
}

impl TruthError {
    /// Compares measured figures with true ones, and with what the client waited.
    #[allow(clippy::cast_precision_loss)] // counts far below 2^53
    fn new(measured: &StatsAnswer, truth: &Truth, waited: &Truth) -> Self {
        let of = |path: &str| measured.paths.iter().find(|route| route.path == path);
        let mut requests = relative(measured.total.requests as f64, truth.total.requests as f64);
        let mut worst_p95 = 0.0_f64;
        for (path, exact) in &truth.paths {
            let found = of(path).map_or(0, |route| route.requests);
            requests = requests.max(relative(found as f64, exact.requests as f64));
            if exact.requests >= MIN_REQUESTS {
                let found = milliseconds(of(path).and_then(|route| route.response_time), |time| time.p95);
                let possible = TimeBounds {
                    least: exact.p95_ms,
                    most: waited.paths.get(path).map_or(0.0, |waited| waited.p95_ms),
                };
                worst_p95 = worst_p95.max(possible.error(found));
            }
        }
        if measured.paths.iter().any(|p| p.requests > 0 && !truth.paths.contains_key(p.path.as_str())) {
            requests = requests.max(1.0);
        }
        let p95_ms = TimeBounds { least: truth.total.p95_ms, most: waited.total.p95_ms };
        Self {
            requests,
            p95_rel: p95_ms.error(milliseconds(measured.total.response_time, |time| time.p95)),
            p95_ms,
            p95_rel_worst_path: worst_p95,
            unique_rel: relative(measured.total.addresses.estimate, truth.total.unique_addresses as f64),
        }
    }
}

impl TimeBounds {
    /// By how much a value is outside, relative to the nearer end.
    fn error(self, measured: f64) -> f64 {
        relative(measured, measured.clamp(self.least, self.most.max(self.least)))
    }
}

/// A response time in ms; 0 where there were no requests.
fn milliseconds(time: Option<ResponseTime>, of: fn(&ResponseTime) -> f64) -> f64 {
    time.as_ref().map_or(0.0, of)
}

/// Relative error; against nothing, none or whole.
fn relative(measured: f64, exact: f64) -> f64 {
    if exact > 0.0 {
        (measured - exact).abs() / exact
    } else if measured > 0.0 {
        1.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests;
