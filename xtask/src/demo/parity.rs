//! The demo's parity: each stage that writes both paths compared, and the comparator tested with injected faults.

use std::time::Duration;

use model::flag::MILLION;
use model::parity::bounds;
use model::parity::report::ParityReport;
use model::parity::verdict::Verdict;
use model::parity::window::{Window, WindowKind};
use serde::Serialize;

use super::client::LocalGateway;
use super::{MINUTE_MS, now_ms};
use crate::progress::spinner;

/// When a stage that writes both paths was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DualStage {
    /// Its share on both paths, in ppm.
    pub sample_ppm: u32,
    /// Its beginning, in ms.
    pub from_ms: u64,
    /// Its end, in ms.
    pub to_ms: u64,
}

/// One comparison, as it is written to `report.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageComparison {
    /// The window, or which of the self-test's reports it is.
    pub window: String,
    pub verdict: Verdict,
    /// Events in either store that were meant for both.
    pub union: u64,
    pub only_old: u64,
    pub only_new: u64,
    pub value_differs: u64,
    pub counted_twice: u64,
    /// With 95 % confidence the mismatch rate is not above.
    pub upper_bound: f64,
    /// The plan's figure, `|new − old| / old`, in percent; none without events in the old store.
    pub plan_percent: Option<f64>,
    /// Repeats that dedup absorbed, in both stores.
    pub absorbed: u64,
    /// Events in neither store, by sequence numbers.
    pub lost: u64,
    /// Share of the stage on both paths, in ppm; none of the self-test.
    pub sample_ppm: Option<u32>,
    /// Whether it is what it should be.
    #[serde(skip)]
    pub expected: bool,
}

/// What the comparator's test of itself came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SelfTestReport {
    /// Whether the reports found exactly what was injected.
    pub passed: bool,
    /// Where they did not.
    pub failures: Vec<String>,
}

/// All comparisons.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parity {
    /// Each stage, then the reports of the self-test.
    pub reports: Vec<StageComparison>,
    /// The self-test.
    pub selftest: SelfTestReport,
}

impl StageComparison {
    fn new(window: String, report: &ParityReport, expected: bool) -> Self {
        let total = &report.total;
        Self {
            window,
            verdict: total.verdict,
            union: total.union,
            only_old: total.tally.only_old,
            only_new: total.tally.only_new,
            value_differs: total.tally.value_differs,
            counted_twice: total.tally.counted_twice,
            upper_bound: total.upper_bound,
            plan_percent: report.plan.difference_percent,
            absorbed: report.old.absorbed + report.new.absorbed,
            lost: report.loss.missing,
            sample_ppm: None,
            expected,
        }
    }

    /// Of a stage: no event may differ. A small sample, or few flushes, may be too few to prove anything.
    fn of_stage(stage: DualStage, report: &ParityReport) -> Self {
        let limit = f64::from(report.limit_ppm) / f64::from(MILLION);
        let is_small = stage.sample_ppm < MILLION || report.total.writes < bounds::fewest(limit);
        let proven = report.total.verdict == Verdict::Pass
            || (is_small && report.total.verdict == Verdict::Inconclusive && report.loss.unexplained == 0);
        let compared = Self::new(report.window.to_string(), report, proven && report.total.mismatches == 0);
        Self { sample_ppm: Some(stage.sample_ppm), ..compared }
    }
}

impl DualStage {
    /// The whole minutes around it.
    const fn window(self) -> Window {
        let (from, to) = (self.from_ms / MINUTE_MS * MINUTE_MS, self.to_ms.next_multiple_of(MINUTE_MS));
        Window { kind: WindowKind::Range, from, to }
    }

    /// Waits until its window is over: only closed windows are compared, and no event of the next stage may fall into it.
    pub async fn is_over(self) {
        let spinner = spinner("waiting for the end of the minute: a window is whole minutes of one stage");
        tokio::time::sleep(Duration::from_millis(self.window().to.saturating_sub(now_ms()))).await;
        spinner.finish_and_clear();
    }
}

/// Compares the stages, whose windows are over, and has the comparator test itself.
pub async fn compare(client: &LocalGateway, stages: &[DualStage]) -> anyhow::Result<Parity> {
    let spinner = spinner("comparing both paths");
    let mut reports = Vec::new();
    for stage in stages {
        reports.push(StageComparison::of_stage(*stage, &client.compare(stage.window()).await?));
    }
    let test = client.selftest().await?;
    let named = [("before-late-events", &test.first), ("after-late-events", &test.second)].into_iter();
    let named = named.chain(test.worlds.iter().map(|world| (world.name.as_ref(), &world.report)));
    reports.extend(named.map(|(name, report)| StageComparison::new(format!("selftest:{name}"), report, test.passed)));
    spinner.finish_and_clear();
    Ok(Parity { reports, selftest: SelfTestReport { passed: test.passed, failures: test.failures } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stages_window_is_the_whole_minutes_around_it() {
        let stage = |from_ms, to_ms| DualStage { sample_ppm: 1, from_ms, to_ms }.window();
        assert_eq!((stage(60_001, 119_999).from, stage(60_001, 119_999).to), (60_000, 120_000));
        assert_eq!((stage(59_999, 120_001).from, stage(59_999, 120_001).to), (0, 180_000));
    }
}
