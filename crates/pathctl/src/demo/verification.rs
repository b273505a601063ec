//! What a demo verified, as a page (Markdown) for people who were not there.
//!
//! Invariant: a figure is of this run or says whose it is; what was not measured says what measures it.

use std::fmt;

use model::flag::MILLION;

use super::parity::ParityReport;
use super::rate::OVERLOADED;
use super::report::{Report, StageReport};
use super::surroundings::Surroundings;
use crate::readiness::Criterion;
use crate::truth::Truth;

/// A run with all that is known of it.
pub struct Verification<'a> {
    /// What was found.
    pub report: &'a Report,
    /// What is true.
    pub truth: &'a Truth,
    /// The plan's criteria for its next phase, as the Worker judged them in the end.
    pub criteria: &'a [Criterion],
    /// Where and when.
    pub surroundings: &'a Surroundings,
}

impl fmt::Display for Verification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        self.stages(f)?;
        self.parity(f)?;
        self.selftest(f)?;
        self.checks(f)?;
        self.acceptance(f)?;
        self.readiness(f)
    }
}

impl Verification<'_> {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Surroundings { date, machine, commit, command, .. } = self.surroundings;
        let failed: Vec<_> = self.report.checks().iter().filter(|check| !check.holds).map(|check| check.what).collect();
        let verdict = match failed.as_slice() {
            [] => "Every check holds.".to_owned(),
            failed => format!("**Failed: {}.**", failed.join(", ")),
        };
        writeln!(f, "# Verification\n")?;
        writeln!(f, "Written by `make verify`; don't edit. {verdict}\n")?;
        if self.report.stages.iter().any(|stage| stage.added_ms > OVERLOADED.as_secs_f64() * 1_000.0) {
            writeln!(
                f,
                "The machine had other work, so that answers waited for it: response times, and what is said of them, \
                 are the machine's. Counts and sets are not affected.\n"
            )?;
        }
        writeln!(f, "| | |\n|---|---|")?;
        writeln!(f, "| date | {date} |\n| machine | {machine} |\n| commit | `{commit}` |\n| command | `{command}` |")?;
        writeln!(
            f,
            "| what ran | the built Worker in the local runtime (`wrangler dev`), an upstream with known answers, {} \
             requests of {} clients with known digests over {} routes |\n",
            self.truth.total.requests,
            self.truth.total.unique_addresses,
            self.truth.paths.len()
        )
    }

    fn stages(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## From the old path to the new one\n")?;
        writeln!(f, "What each stage added. The flag was flipped while the gateway served.\n")?;
        writeln!(f, "| stage | sent | in the old store | in the new store | merged | lost | double | gateway adds |")?;
        writeln!(f, "|---|---|---|---|---|---|---|---|")?;
        for stage in &self.report.stages {
            let StageReport { sent, old, new, merged, added_ms, .. } = stage;
            let excess = merged - sent.cast_signed();
            writeln!(
                f,
                "| {} | {sent} | {old} | {new} | {merged} | {} | {} | {added_ms:.1} ms |",
                stage_name(stage),
                (-excess).max(0),
                excess.max(0)
            )?;
        }
        let Report { sent, merged_total, lost, double_counted, .. } = self.report;
        writeln!(f, "| **all, by sets of digests** | {sent} | | | {merged_total} | {lost} | {double_counted} | |\n")?;
        writeln!(
            f,
            "*Gateway adds*: the median of what an answer took longer than the upstream did, with the client, proxy and \
             stores on the same machine. Compare the stages with each other: no write waits in an answer's way.\n"
        )
    }

    fn parity(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Schemes A and B\n")?;
        writeln!(
            f,
            "| scheme | window | verdict | compared | only old | only new | differ | plan's figure | rate at most |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|")?;
        for parity in &self.report.parity {
            let Some(scheme) = scheme(parity) else { continue };
            let ParityReport { window, union, only_old, only_new, value_differs, upper_bound, .. } = parity;
            writeln!(
                f,
                "| {scheme} | `{window}` | **{}** | {union} | {only_old} | {only_new} | {value_differs} | {} | {:.3} % |",
                parity.verdict.name(),
                plan_figure(parity),
                upper_bound * 100.0
            )?;
        }
        writeln!(
            f,
            "\nThe plan's figure is `|new − old| / old`; the rate is of mismatches by ID, its bound of 95 % confidence. \
             A sample of a short run may be too few events to prove a limit and rightly end as inconclusive: what counts then \
             is that nothing differs ([parity.md](parity.md#verdicts)).\n"
        )
    }

    fn selftest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let test = &self.report.parity_selftest;
        writeln!(f, "## Injected faults\n")?;
        let found = if test.passed { "All were found, and nothing else." } else { "**Not those were found.**" };
        writeln!(f, "Into stores of the comparator's own ([how](parity.md#checking-the-comparator)). {found}\n")?;
        writeln!(
            f,
            "| report | verdict | events | only old | only new | differ | counted twice | repeats absorbed | lost on both |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|")?;
        for parity in self.report.parity.iter().filter(|parity| scheme(parity).is_none()) {
            let ParityReport {
                window, union, only_old, only_new, value_differs, counted_twice, absorbed, lost, ..
            } = parity;
            let (name, verdict) = (window.trim_start_matches("selftest:").replace('-', " "), parity.verdict.name());
            writeln!(
                f,
                "| {name} | {verdict} | {union} | {only_old} | {only_new} | {value_differs} | {counted_twice} | {absorbed} | {lost} |"
            )?;
        }
        for failure in &test.failures {
            writeln!(f, "\n- {failure}")?;
        }
        writeln!(f)
    }

    fn checks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Held against the truth\n")?;
        writeln!(f, "| check | found | held to | |\n|---|---|---|---|")?;
        for check in self.report.checks() {
            let verdict = if check.holds { "ok" } else { "**failed**" };
            writeln!(f, "| {} | {} | {} | {verdict} |", check.what, check.found, check.limit)?;
        }
        writeln!(
            f,
            "\nWhat the gateway measures lies between the upstream's own time and the time that the client waits, both \
             known: the error of p95 is by how much it is outside of theirs.\n"
        )
    }

    fn acceptance(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Surroundings { id_time, consumer, .. } = self.surroundings;
        let added = |mode| self.report.stages.iter().find(|stage| stage.mode == mode).map(|stage| stage.added_ms);
        let beside = match (added("queue-only"), added("do-only")) {
            (Some(queue), Some(object)) => {
                format!("in no answer's way: {queue:.1} ms beside {object:.1} ms of do-only")
            }
            _ => "not measured".to_owned(),
        };
        let consumer = consumer.map_or_else(
            || "not in this run: `make bench`".to_owned(),
            |consumer| format!("{:.0} ms with 50 events in each, by itself in the runtime", consumer.ms),
        );
        let scheme_a = self.report.parity.iter().find(|parity| parity.sample_ppm == Some(MILLION));
        let difference = scheme_a.map_or_else(|| "not measured".to_owned(), plan_figure);
        let waiting = self.report.sent.saturating_sub(self.report.merged_total);
        writeln!(f, "## The plan's acceptance\n")?;
        writeln!(f, "| criterion | wanted | found | held by |\n|---|---|---|---|")?;
        for (criterion, wanted, found, by) in [
            (
                "making an ID",
                "< 1 ms",
                format!("{} ns, native", id_time.as_nanos()),
                "`crates/store/benches/micro.rs`, `crates/model/tests/vectors.rs`",
            ),
            ("sending to the queue", "< 10 ms", beside, "`tests/worker/faults.test.mjs`, `make bench`"),
            ("consumer, 100 messages", "< 100 ms", consumer, "`bench/new_path.mjs`"),
            ("coverage by unit tests", "> 90 %", "not in this run".into(), "`make coverage`, which fails under 90 %"),
            ("integration tests", "pass", "not in this run".into(), "`make test-worker`"),
            (
                "old and new differ",
                "< 1 %",
                difference,
                "`crates/store/tests/store/parity/mod.rs`, `tests/worker/parity.test.mjs`",
            ),
            ("memory leak", "none", "not in this run".into(), "`bench/memory.mjs`"),
            ("backlog", "none", format!("{waiting} events on their way in the end"), "`tests/worker/modes.test.mjs`"),
            (
                "the same request twice",
                "same ID, counted once",
                format!("{} counted twice", self.report.double_counted),
                "`tests/worker/verification.test.mjs`, `crates/store/tests/store/exactly_once.rs`",
            ),
        ] {
            writeln!(f, "| {criterion} | {wanted} | {found} | {by} |")?;
        }
        writeln!(f)
    }

    fn readiness(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Ready for the plan's next phase\n")?;
        writeln!(
            f,
            "As the Worker answered `pathctl readiness` in the end. What takes seven days, or a failure, is unknown \
             after some minutes; what is unknown does not hold.\n"
        )?;
        writeln!(f, "| criterion | wanted | found | holds | source |\n|---|---|---|---|---|")?;
        for criterion in self.criteria {
            let Criterion { title, wanted, figure, source, .. } = criterion;
            let figure = figure.as_deref().unwrap_or("–");
            writeln!(f, "| {title} | {wanted} | {figure} | {} | {source} |", criterion.answer())?;
        }
        Ok(())
    }
}

fn stage_name(stage: &StageReport) -> String {
    let percent = |ppm: u32| f64::from(ppm) / 10_000.0;
    match (stage.mode, stage.sample_ppm) {
        ("dual-write", MILLION) => "`dual-write` 100 % (scheme A)".to_owned(),
        ("dual-write", sample) => {
            format!("`dual-write` {} %, queue {} % of the rest (scheme B)", percent(sample), percent(stage.queue_ppm))
        }
        (mode, _) => format!("`{mode}`"),
    }
}

/// The scheme of a stage's comparison; none of the self-test.
fn scheme(parity: &ParityReport) -> Option<String> {
    parity.sample_ppm.map(|ppm| match ppm {
        MILLION => "A, 100 %".to_owned(),
        ppm => format!("B, {} %", f64::from(ppm) / 10_000.0),
    })
}

fn plan_figure(parity: &ParityReport) -> String {
    parity.plan_percent.map_or_else(|| "none".to_owned(), |percent| format!("{percent:.3} %"))
}

#[cfg(test)]
mod tests;
