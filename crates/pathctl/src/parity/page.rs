//! A report as a page (Markdown) that a reviewer can check by hand.

use std::fmt;

use model::parity::difference::Difference;
use model::parity::report::ParityReport;

use crate::output::name;
use crate::table::markdown;
use crate::time::{length, moment};

/// A report to read.
pub struct ReportPage<'a>(pub &'a ParityReport);

impl fmt::Display for ReportPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let (from, to) = (moment(report.window.from), moment(report.window.to));
        writeln!(f, "# Parity {from} to {to}: {}\n", report.total.verdict.name())?;
        writeln!(f, "{}.\n\n{}\n", report.summary, self.figures())?;
        writeln!(f, "## What was compared\n\n{}\n", self.sides())?;
        if !report.paths.is_empty() {
            writeln!(f, "## Routes, the worst first\n")?;
            writeln!(
                f,
                "Verdicts are corrected for the number of routes (Holm); `(pooled)` has those with few events.\n\n{}\n",
                self.routes()
            )?;
        }
        if !report.differences.is_empty() || report.unnamed > 0 {
            writeln!(f, "## Events that differ\n\n{}", self.differences())?;
            if report.unnamed > 0 {
                writeln!(f, "\n{} more are counted, not named.", report.unnamed)?;
            }
            writeln!(f)?;
        }
        self.loss(f)?;
        self.making(f)
    }
}

impl ReportPage<'_> {
    fn figures(&self) -> String {
        let ParityReport { total, plan, limit_ppm, .. } = self.0;
        let tally = &total.tally;
        let bounds = |lower, upper| format!("{} and {}", percent(lower), percent(upper));
        let plan = plan.difference_percent;
        let rows = [
            ("events meant for both, in either store (union)", total.union.to_string()),
            ("only in the old store", tally.only_old.to_string()),
            ("only in the new store", tally.only_new.to_string()),
            ("in both, with different values", tally.value_differs.to_string()),
            ("counted more than once by a store", tally.counted_twice.to_string()),
            ("mismatches: the four together", total.mismatches.to_string()),
            ("of them explained by a failed write (fallback)", tally.fallback.to_string()),
            ("of them explained by a dead letter", tally.dead_lettered.to_string()),
            ("of them unexplained", total.unexplained.to_string()),
            ("not counted: still queued", tally.queued.to_string()),
            ("not counted: repeats that the stores resolved differently", tally.repeats.to_string()),
            ("mismatch rate", percent(total.rate)),
            ("its 95 % bounds, each one-sided", bounds(total.lower_bound, total.upper_bound)),
            ("writes (flushes of an isolate) that carried them", total.writes.to_string()),
            ("of them, writes with a mismatch", total.writes_differing.to_string()),
            ("95 % bounds of their share", bounds(total.writes_lower_bound, total.writes_upper_bound)),
            ("limit", percent(f64::from(*limit_ppm) / 1e6)),
            (
                "the plan's figure, |new − old| / old",
                plan.map_or_else(|| "none: nothing in the old store".into(), |p| format!("{p:.4} %")),
            ),
        ];
        markdown(["figure", "value"], rows.map(|(name, value)| [name.to_owned(), value]))
    }

    fn sides(&self) -> String {
        let header = [
            "store",
            "events",
            "sum of digests",
            "sum of values",
            "came as fallback",
            "repeats absorbed",
            "counted twice",
        ];
        let rows = [("old (object)", &self.0.old), ("new (D1)", &self.0.new)].map(|(name, side)| {
            let [dual, fallback, absorbed, twice] =
                [side.dual, side.fallback, side.absorbed, side.counted_twice].map(|count| count.to_string());
            let sums = [format!("`{}`", side.digest_sum), format!("`{}`", side.value_sum)];
            let [digests, values] = sums;
            [name.to_owned(), dual, digests, values, fallback, absorbed, twice]
        });
        markdown(header, rows)
    }

    fn routes(&self) -> String {
        let rows = self.0.paths.iter().map(|path| {
            let (comparison, tally) = (&path.comparison, &path.comparison.tally);
            [
                path.path.clone(),
                comparison.verdict.name().to_owned(),
                comparison.union.to_string(),
                tally.only_old.to_string(),
                tally.only_new.to_string(),
                tally.value_differs.to_string(),
                tally.counted_twice.to_string(),
                percent(comparison.upper_bound),
            ]
        });
        markdown(["route", "verdict", "union", "only old", "only new", "differ", "twice", "rate at most"], rows)
    }

    fn differences(&self) -> String {
        let rows = self.0.differences.iter().map(|difference| {
            let Difference { idempotent_id, path, timestamp, kind, reason, fields, .. } = difference;
            let fields: Vec<String> = fields.iter().map(|d| format!("{} {} → {}", d.field, d.old, d.new)).collect();
            let colon = if fields.is_empty() { "" } else { ": " };
            let what = format!("{}{colon}{}", name(kind), fields.join(", "));
            let reason = reason.map_or_else(|| "**unexplained**".to_owned(), |reason| name(&reason));
            [format!("`{idempotent_id}`"), path.clone(), moment(*timestamp), what, reason]
        });
        markdown(["ID", "route", "time", "in what", "reason"], rows)
    }

    fn loss(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loss = &self.0.loss;
        writeln!(f, "## Lost on both paths\n")?;
        writeln!(
            f,
            "{} sequence numbers arrived in either store; {} are missing between them, {} of those are in dead letters.",
            loss.arrived, loss.missing, loss.dead_lettered
        )?;
        writeln!(
            f,
            "In {} writes, and at least {} that were lost; the rate is between {} and {}: {}.",
            loss.writes,
            loss.lost_writes,
            percent(loss.lower_bound),
            percent(loss.upper_bound),
            loss.verdict.name()
        )?;
        if loss.unjudged_producers > 0 {
            let count = loss.unjudged_producers;
            writeln!(f, "{count} producers had been silent for long: what they lost before is not judged.")?;
        }
        for gap in &loss.gaps {
            writeln!(f, "- producer `{}`: {} to {}", gap.producer, gap.first, gap.last)?;
        }
        writeln!(f)
    }

    fn making(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let window = report.window;
        writeln!(
            f,
            "## How it was made\n\nWindow `{window}`, revision {}, made {}, {} for stragglers. {} of {} minutes differed; \
             {} IDs were fetched; {} dead letters were looked into. Fingerprint of what the stores said: `{}`.\n",
            report.revision,
            moment(report.computed_at),
            length(report.lag_ms),
            report.minutes_differing,
            report.minutes,
            report.ids_fetched,
            report.dead_letters,
            report.fingerprint
        )?;
        writeln!(
            f,
            "To check it: `pathctl parity run {window}` compares again. `GET ids?store=old&from={}&to={}`, and \
             `store=new`, give the events; those with cohort `dual` were compared. With no mismatch in n events the \
             upper bound is 1 − 0.05^(1/n), with n writes that of writes.",
            window.from, window.to
        )
    }
}

fn percent(rate: f64) -> String {
    format!("{:.4} %", rate * 100.0)
}
