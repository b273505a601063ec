//! The report for people.

use std::fmt;

use super::report::Report;
use crate::table::Table;
use crate::truth::Truth;

/// Paths that are shown; `report.json` has all.
const SHOWN_PATHS: usize = 12;

/// A report beside its truth.
pub struct Shown<'a> {
    /// What was found.
    pub report: &'a Report,
    /// What is true.
    pub truth: &'a Truth,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nWhat each stage added to the stores\n{}", self.stages())?;
        writeln!(f, "\nWhether both paths agree\n{}", self.parity())?;
        writeln!(f, "\nThe busiest paths, measured and (true)\n{}", self.paths())?;
        write!(f, "\nHeld against the truth\n{}", self.checks())
    }
}

impl Shown<'_> {
    fn stages(&self) -> Table {
        let mut table =
            Table::new(["mode", "sent", "old", "new", "dual old", "dual new", "only old", "only new", "gateway adds"]);
        for stage in &self.report.stages {
            let mode = match stage.mode {
                "dual-write" => {
                    format!("dual-write {} %, queue {} % of rest", percent(stage.sample_ppm), percent(stage.queue_ppm))
                }
                mode => mode.to_owned(),
            };
            table.row([
                mode,
                stage.sent.to_string(),
                stage.old.to_string(),
                stage.new.to_string(),
                stage.dual_old.to_string(),
                stage.dual_new.to_string(),
                stage.only_old.to_string(),
                stage.only_new.to_string(),
                format!("{:.1} ms", stage.added_ms),
            ]);
        }
        table
    }

    fn parity(&self) -> Table {
        let header =
            ["window", "verdict", "union", "only old", "only new", "differ", "twice", "lost", "rate at most", ""];
        let mut table = Table::new(header).words(&[0, 1, 9]);
        for parity in &self.report.parity {
            table.row([
                parity.window.clone(),
                parity.verdict.name().to_owned(),
                parity.union.to_string(),
                parity.only_old.to_string(),
                parity.only_new.to_string(),
                parity.value_differs.to_string(),
                parity.counted_twice.to_string(),
                parity.lost.to_string(),
                format!("{:.3} %", parity.upper_bound * 100.0),
                if parity.expected { "as it should be" } else { "UNEXPECTED" }.to_owned(),
            ]);
        }
        table
    }

    fn paths(&self) -> Table {
        let mut table = Table::new(["path", "requests", "p50 ms", "p95 ms", "p99 ms"]);
        for path in self.report.paths.iter().take(SHOWN_PATHS) {
            let exact = self.truth.paths.get(path.path.as_str());
            let beside = |of: fn(&crate::truth::Exact) -> f64| {
                exact.map_or_else(|| "–".to_owned(), |exact| format!("{:.0}", of(exact)))
            };
            let requests = exact.map_or(0, |exact| exact.requests);
            table.row([
                path.path.clone(),
                format!("{} ({requests})", path.requests),
                format!("{:.0} ({})", path.p50_ms, beside(|exact| exact.p50_ms)),
                format!("{:.0} ({})", path.p95_ms, beside(|exact| exact.p95_ms)),
                format!("{:.0} ({})", path.p99_ms, beside(|exact| exact.p99_ms)),
            ]);
        }
        table
    }

    fn checks(&self) -> Table {
        let mut table = Table::new(["check", "found", "held to", ""]);
        for check in self.report.checks() {
            let verdict = if check.holds { "ok" } else { "FAILED" };
            table.row([check.what.into(), check.found, check.limit, verdict.into()]);
        }
        table
    }
}

/// Parts per million in percent.
fn percent(ppm: u32) -> f64 {
    f64::from(ppm) / 10_000.0
}
