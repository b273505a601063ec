//! What a demo verified: a summary for the terminal, and a whole page (Markdown) for people who were not there.
//!
//! Invariant: a figure is of this run or says whose it is; what was not measured says what measures it.

use model::flag::MILLION;
use model::operating::readiness::Criterion;
use traffic::truth::{ExactFigures, Truth};

use super::parity::StageComparison;
use super::rate::OVERLOADED;
use super::report::{DemoReport, StageReport};
use super::surroundings::Surroundings;
use crate::table::markdown;

/// Paths that the summary shows; `report.json` has all.
const SHOWN_PATHS: usize = 12;

const GATEWAY_ADDS: &str = "*Gateway adds*: the median of what an answer took longer than the upstream did, with the \
    client, proxy and stores on the same machine. Compare the stages with each other: no write waits in an answer's way.";

const FIGURES: &str = "The plan's figure is `|new − old| / old`; the rate is of mismatches by ID, its bound of 95 % \
    confidence. A sample of a short run may be too few events to prove a limit and rightly end as inconclusive: what \
    counts then is that nothing differs ([parity.md](parity.md#verdicts)).";

const P95: &str = "What the gateway measures lies between the upstream's own time and the time that the client waits, \
    both known: the error of p95 is by how much it is outside of theirs.";

const READINESS: &str = "As the Worker answered `pathctl readiness` in the end. What takes seven days, or a failure, is \
    unknown after some minutes; what is unknown does not hold.";

const BUSY: &str = "The machine had other work, so that answers waited for it: response times, and what is said of \
    them, are the machine's. Counts and sets are not affected.\n\n";

/// A report beside its truth.
pub struct DemoPage<'a> {
    /// What was found.
    pub report: &'a DemoReport,
    /// What is true.
    pub truth: &'a Truth,
}

impl DemoPage<'_> {
    /// The main tables.
    pub fn summary(&self) -> String {
        let (stages, parity, paths, checks) = (self.stages(), self.comparisons(|_| true), self.paths(), self.checks());
        format!(
            "\nWhat each stage added to the stores\n{stages}\n\nWhether both paths agree\n{parity}\n\n\
             The busiest paths, measured and (true)\n{paths}\n\nHeld against the truth\n{checks}"
        )
    }

    /// All of it, with where and when it was found.
    pub fn verification(&self, criteria: &[Criterion], surroundings: &Surroundings) -> String {
        let test = &self.report.parity_selftest;
        let injected = if test.passed { "All were found, and nothing else." } else { "**Not those were found.**" };
        let failures = test.failures.iter().fold(String::new(), |text, failure| text + "\n- " + failure);
        [
            self.head(surroundings),
            "## From the old path to the new one\n".into(),
            "What each stage added. The flag was flipped while the gateway served.\n".into(),
            self.stages(),
            format!("\n{GATEWAY_ADDS}\n\n## Schemes A and B\n"),
            self.comparisons(|parity| parity.sample_ppm.is_some()),
            format!("\n{FIGURES}\n\n## Injected faults\n"),
            format!("Into stores of the comparator's own ([how](parity.md#checking-the-comparator)). {injected}\n"),
            self.comparisons(|parity| parity.sample_ppm.is_none()),
            format!("{failures}\n## Held against the truth\n"),
            self.checks(),
            format!("\n{P95}\n\n## The plan's acceptance\n"),
            self.acceptance(surroundings),
            format!("\n## Ready for the plan's next phase\n\n{READINESS}\n"),
            readiness(criteria),
            String::new(),
        ]
        .join("\n")
    }

    fn head(&self, surroundings: &Surroundings) -> String {
        let Surroundings { date, machine, commit, command, .. } = surroundings;
        let failed: Vec<_> = self.report.checks().iter().filter(|check| !check.holds).map(|check| check.what).collect();
        let verdict = match failed.as_slice() {
            [] => "Every check holds.".to_owned(),
            failed => format!("**Failed: {}.**", failed.join(", ")),
        };
        let overloaded_ms = OVERLOADED.as_secs_f64() * 1_000.0;
        let busy = if self.report.stages.iter().any(|stage| stage.added_ms > overloaded_ms) { BUSY } else { "" };
        let ExactFigures { requests, unique_addresses, .. } = self.truth.total;
        let ran = format!(
            "the built Worker in the local runtime (`wrangler dev`), an upstream with known answers, {requests} requests \
             of {unique_addresses} clients with known digests over {} routes",
            self.truth.paths.len()
        );
        let facts = [
            ("date", date.clone()),
            ("machine", machine.clone()),
            ("commit", format!("`{commit}`")),
            ("command", format!("`{command}`")),
            ("what ran", ran),
        ];
        let facts = markdown(["", ""], facts.map(|(name, value)| [name.to_owned(), value]));
        format!("# Verification\n\nWritten by `make verify`; don't edit. {verdict}\n\n{busy}{facts}\n")
    }

    fn stages(&self) -> String {
        let header = [
            "stage",
            "sent",
            "old store",
            "new store",
            "dual old",
            "dual new",
            "merged",
            "lost",
            "double",
            "gateway adds",
        ];
        let row = |stage: &StageReport| {
            let StageReport { sent, old, new, dual_old, dual_new, merged, added_ms, .. } = stage;
            let excess = merged - sent.cast_signed();
            let [lost, double] = [-excess, excess].map(|events| events.max(0));
            let counts = [*old, *new, *dual_old, *dual_new, *merged, lost, double].map(|count| count.to_string());
            let [old, new, dual_old, dual_new, merged, lost, double] = counts;
            let adds = format!("{added_ms:.1} ms");
            [stage_name(stage), sent.to_string(), old, new, dual_old, dual_new, merged, lost, double, adds]
        };
        let DemoReport { sent, merged_total, lost, double_counted, .. } = self.report;
        let [sent, merged, lost, double] = [sent, merged_total, lost, double_counted].map(ToString::to_string);
        let empty = String::new;
        let all = "**all, by sets of digests**".to_owned();
        let all = [all, sent, empty(), empty(), empty(), empty(), merged, lost, double, empty()];
        markdown(header, self.report.stages.iter().map(row).chain([all]))
    }

    fn comparisons(&self, wanted: impl Fn(&StageComparison) -> bool) -> String {
        let header = [
            "comparison",
            "verdict",
            "compared",
            "only old",
            "only new",
            "differ",
            "counted twice",
            "repeats absorbed",
            "lost on both",
            "plan's figure",
            "rate at most",
            "",
        ];
        let row = |parity: &StageComparison| {
            let name = match parity.sample_ppm {
                Some(MILLION) => format!("A, 100 %: `{}`", parity.window),
                Some(ppm) => format!("B, {} %: `{}`", percent(ppm), parity.window),
                None => parity.window.trim_start_matches("selftest:").replace('-', " "),
            };
            [
                name,
                parity.verdict.name().to_owned(),
                parity.union.to_string(),
                parity.only_old.to_string(),
                parity.only_new.to_string(),
                parity.value_differs.to_string(),
                parity.counted_twice.to_string(),
                parity.absorbed.to_string(),
                parity.lost.to_string(),
                plan_figure(parity),
                format!("{:.3} %", parity.upper_bound * 100.0),
                if parity.expected { "as it should be" } else { "**unexpected**" }.to_owned(),
            ]
        };
        markdown(header, self.report.parity.iter().filter(|parity| wanted(parity)).map(row))
    }

    fn paths(&self) -> String {
        let rows = self.report.paths.iter().take(SHOWN_PATHS).map(|path| {
            let exact = self.truth.paths.get(path.path.as_str());
            let beside = |measured: f64, of: fn(&ExactFigures) -> f64| {
                let exact = exact.map_or_else(|| "–".to_owned(), |exact| format!("{:.0}", of(exact)));
                format!("{measured:.0} ({exact})")
            };
            [
                path.path.clone(),
                format!("{} ({})", path.requests, exact.map_or(0, |exact| exact.requests)),
                beside(path.p50_ms, |exact| exact.p50_ms),
                beside(path.p95_ms, |exact| exact.p95_ms),
                beside(path.p99_ms, |exact| exact.p99_ms),
            ]
        });
        markdown(["path", "requests", "p50 ms", "p95 ms", "p99 ms"], rows)
    }

    fn checks(&self) -> String {
        let rows = self.report.checks().into_iter().map(|check| {
            let verdict = if check.holds { "ok" } else { "**failed**" };
            [check.what.to_owned(), check.found, check.limit, verdict.to_owned()]
        });
        markdown(["check", "found", "held to", ""], rows)
    }

    fn acceptance(&self, surroundings: &Surroundings) -> String {
        let Surroundings { id_time, consumer, .. } = surroundings;
        let added = |mode| self.report.stages.iter().find(|stage| stage.mode == mode).map(|stage| stage.added_ms);
        let beside = added("queue-only").zip(added("do-only")).map_or_else(
            || "not measured".to_owned(),
            |(queue, object)| format!("in no answer's way: {queue:.1} ms beside {object:.1} ms of do-only"),
        );
        let consumer = consumer.map_or_else(
            || "not in this run: `make bench`".to_owned(),
            |consumer| format!("{:.0} ms with 50 events in each, by itself in the runtime", consumer.ms),
        );
        let scheme_a = self.report.parity.iter().find(|parity| parity.sample_ppm == Some(MILLION));
        let difference = scheme_a.map_or_else(|| "not measured".to_owned(), plan_figure);
        let waiting = self.report.sent.saturating_sub(self.report.merged_total);
        let (id_time, waiting) =
            (format!("{} ns, native", id_time.as_nanos()), format!("{waiting} events on their way in the end"));
        let twice = format!("{} counted twice", self.report.double_counted);
        let elsewhere = "not in this run";
        let rows = [
            ["making an ID", "< 1 ms", &id_time, "`crates/store/benches/micro.rs`, `crates/model/tests/vectors.rs`"],
            ["sending to the queue", "< 10 ms", &beside, "`tests/worker/faults.test.mjs`, `make bench`"],
            ["consumer, 100 messages", "< 100 ms", &consumer, "`bench/new_path.mjs`"],
            ["coverage by unit tests", "> 90 %", elsewhere, "`make coverage`, which fails under 90 %"],
            ["integration tests", "pass", elsewhere, "`make test-worker`"],
            [
                "old and new differ",
                "< 1 %",
                &difference,
                "`crates/store/tests/store/parity/mod.rs`, `tests/worker/parity.test.mjs`",
            ],
            ["memory leak", "none", elsewhere, "`bench/memory.mjs`"],
            ["backlog", "none", &waiting, "`tests/worker/modes.test.mjs`"],
            [
                "the same request twice",
                "same ID, counted once",
                &twice,
                "`tests/worker/verification.test.mjs`, `crates/store/tests/store/exactly_once.rs`",
            ],
        ];
        markdown(["criterion", "wanted", "found", "held by"], rows.map(|row| row.map(str::to_owned)))
    }
}

fn readiness(criteria: &[Criterion]) -> String {
    let rows = criteria.iter().map(|criterion| {
        let Criterion { title, wanted, figure, holds, source, .. } = criterion;
        let holds = match holds {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "unknown",
        };
        let figure = figure.as_deref().unwrap_or("–");
        [title, wanted, figure, holds, source].map(str::to_owned)
    });
    markdown(["criterion", "wanted", "found", "holds", "source"], rows)
}

fn stage_name(stage: &StageReport) -> String {
    match (stage.mode, stage.sample_ppm) {
        ("dual-write", MILLION) => "`dual-write` 100 % (scheme A)".to_owned(),
        ("dual-write", sample) => {
            format!("`dual-write` {} %, queue {} % of the rest (scheme B)", percent(sample), percent(stage.queue_ppm))
        }
        (mode, _) => format!("`{mode}`"),
    }
}

/// Parts per million in percent.
fn percent(ppm: u32) -> f64 {
    f64::from(ppm) / 10_000.0
}

fn plan_figure(parity: &StageComparison) -> String {
    parity.plan_percent.map_or_else(|| "none".to_owned(), |percent| format!("{percent:.3} %"))
}

#[cfg(test)]
mod tests;
