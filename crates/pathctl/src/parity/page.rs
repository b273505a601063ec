//! A report as a page (Markdown) that a reviewer can check by hand.

use std::fmt;

use model::parity::difference::Difference;
use model::parity::report::{Report, Side};

use crate::time::{moment, spelled};

/// A report to read.
pub struct Page<'a>(pub &'a Report);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let (from, to) = (moment(report.window.from), moment(report.window.to));
        writeln!(f, "# Parity {from} to {to}: {}\n", report.total.verdict.name())?;
        writeln!(f, "{}.\n", report.summary)?;
        self.figures(f)?;
        self.sides(f)?;
        self.routes(f)?;
        self.differences(f)?;
        self.loss(f)?;
        self.making(f)
    }
}

impl Page<'_> {
    fn figures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { total, plan, limit_ppm, .. } = self.0;
        let tally = &total.tally;
        writeln!(f, "| figure | value |\n|---|---|")?;
        for (name, value) in [
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
            (
                "its 95 % bounds, each one-sided",
                format!("{} and {}", percent(total.lower_bound), percent(total.upper_bound)),
            ),
            ("writes (flushes of an isolate) that carried them", total.writes.to_string()),
            ("of them, writes with a mismatch", total.writes_differing.to_string()),
            (
                "95 % bounds of their share",
                format!("{} and {}", percent(total.writes_lower_bound), percent(total.writes_upper_bound)),
            ),
            ("limit", percent(f64::from(*limit_ppm) / 1e6)),
            (
                "the plan's figure, \\|new − old\\| / old",
                plan.difference_percent
                    .map_or_else(|| "none: nothing in the old store".into(), |p| format!("{p:.4} %")),
            ),
        ] {
            writeln!(f, "| {name} | {value} |")?;
        }
        writeln!(f)
    }

    fn sides(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## What was compared\n")?;
        writeln!(
            f,
            "| store | events | sum of digests | sum of values | came as fallback | repeats absorbed | counted twice |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        for (name, side) in [("old (object)", &self.0.old), ("new (D1)", &self.0.new)] {
            let Side { events: _, dual, digest_sum, value_sum, fallback, absorbed, counted_twice } = side;
            writeln!(
                f,
                "| {name} | {dual} | `{digest_sum}` | `{value_sum}` | {fallback} | {absorbed} | {counted_twice} |"
            )?;
        }
        writeln!(f)
    }

    fn routes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.paths.is_empty() {
            return Ok(());
        }
        writeln!(f, "## Routes, the worst first\n")?;
        writeln!(f, "Verdicts are corrected for the number of routes (Holm); `(pooled)` has those with few events.\n")?;
        writeln!(
            f,
            "| route | verdict | union | only old | only new | differ | twice | rate at most |\n|---|---|---|---|---|---|---|---|"
        )?;
        for path in &self.0.paths {
            let (comparison, tally) = (&path.comparison, &path.comparison.tally);
            writeln!(
                f,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                cell(&path.path),
                comparison.verdict.name(),
                comparison.union,
                tally.only_old,
                tally.only_new,
                tally.value_differs,
                tally.counted_twice,
                percent(comparison.upper_bound)
            )?;
        }
        writeln!(f)
    }

    fn differences(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { differences, unnamed, .. } = self.0;
        if differences.is_empty() && *unnamed == 0 {
            return Ok(());
        }
        writeln!(f, "## Events that differ\n")?;
        writeln!(f, "| ID | route | time | in what | reason |\n|---|---|---|---|---|")?;
        for difference in differences {
            let Difference { idempotent_id, path, timestamp, fields, .. } = difference;
            let fields: Vec<String> =
                fields.iter().map(|d| format!("{} {} → {}", d.field, cell(&d.old), cell(&d.new))).collect();
            let what = name(&difference.kind);
            let what = if fields.is_empty() { what } else { format!("{what}: {}", fields.join(", ")) };
            let reason = difference.reason.map_or_else(|| "**unexplained**".to_owned(), |reason| name(&reason));
            writeln!(f, "| `{idempotent_id}` | {} | {} | {what} | {reason} |", cell(path), moment(*timestamp))?;
        }
        if *unnamed > 0 {
            writeln!(f, "\n{unnamed} more are counted, not named.")?;
        }
        writeln!(f)
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
        writeln!(f, "## How it was made\n")?;
        writeln!(
            f,
            "Window `{window}`, revision {}, made {}, {} for stragglers. {} of {} minutes differed; {} IDs were fetched; \
             {} dead letters were looked into. Fingerprint of what the stores said: `{}`.\n",
            report.revision,
            moment(report.computed_at),
            spelled(report.lag_ms),
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

/// Text of others in a cell: a bar would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(char::is_control, " ")
}

/// The name that a value has in JSON.
fn name(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
