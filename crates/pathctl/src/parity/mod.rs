//! `pathctl parity`: whether both paths agree, on demand and as cron found it.
//!
//! Invariant: the exit code is the verdict: 0 `pass`, 1 `fail`, 2 `inconclusive` or `pending`.

mod page;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use api::parity::{ReportsAnswer, RunAnswer};
use clap::{Args, Subcommand};
use model::parity::report::ParityReport;
use model::parity::selftest::{SelfTestOutcome, WorldReport};
use model::parity::verdict::Verdict;
use model::parity::window::{Window, WindowKind};
use serde_json::json;
use ureq::http::Method;

use self::page::ReportPage;
use crate::argument::{length_ms, window, window_kind};
use crate::error::CliError;
use crate::gateway::{ApiClient, ApiResponse, CallError, FailureCause, GatewayArgs};
use crate::output;
use crate::table::plain;
use crate::time::{moment, now_ms};

/// Exit code of a comparison that concludes nothing.
const INCONCLUSIVE: u8 = 2;

/// Runs of one comparison before it is given up: each looks into two hours of minutes that differ, so that this many
/// are more than the longest window needs.
const MAX_RUNS: usize = 50;

/// Reports that `watch` looks at: more never come at once.
const WATCHED: u8 = 30;

/// Compare both stores event by event, and show what was found.
///
/// Exit code of run and report: 0 pass, 1 fail, 2 inconclusive or pending.
#[derive(Subcommand)]
pub enum ParityCommand {
    /// Compare a window now, and show the report.
    Run(WindowArgs),
    /// Show the stored report on a window, as a page to check by hand (Markdown).
    Report(WindowArgs),
    /// List the newest reports.
    List {
        /// Which windows: hour, day or range.
        #[arg(long, default_value = "hour", value_parser = window_kind)]
        kind: WindowKind,
        /// Most reports to list.
        #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u8).range(1..=200))]
        limit: u8,
    },
    /// Print a line for each report and revision that comes, until Ctrl-C.
    Watch {
        /// Which windows: hour, day or range.
        #[arg(long, default_value = "hour", value_parser = window_kind)]
        kind: WindowKind,
        /// How often to look.
        #[arg(long, value_name = "TIME", default_value = "30s", value_parser = length_ms)]
        every: u64,
    },
    /// Have the comparator find faults that are injected into stores of its own.
    Selftest,
}

#[derive(Args)]
pub struct WindowArgs {
    /// An hour (2026-11-23T08), a day (2026-11-23), or as the API has it (hour:MS, day:MS, range:MS-MS), in UTC.
    /// [default: the last full hour]
    #[arg(value_name = "WINDOW", value_parser = window)]
    window: Option<Window>,
}

impl WindowArgs {
    fn window(&self) -> Window {
        self.window.unwrap_or_else(|| {
            let this = Window::containing(WindowKind::Hour, now_ms());
            Window::containing(WindowKind::Hour, this.from.saturating_sub(1))
        })
    }
}

/// Runs the command.
pub fn run(gateway: &GatewayArgs, command: ParityCommand) -> Result<ExitCode, CliError> {
    let json = gateway.json;
    let gateway = gateway.connect()?;
    match command {
        ParityCommand::Run(args) => show(&compare(&gateway, args.window())?, json),
        ParityCommand::Report(args) => show(&gateway.get(&format!("parity/{}", args.window()))?, json),
        ParityCommand::List { kind, limit } => list(&newest(&gateway, kind, limit)?, json),
        ParityCommand::Watch { kind, every } => watch(&gateway, kind, Duration::from_millis(every), json),
        ParityCommand::Selftest => selftest(&gateway, json),
    }
}

/// Compares a window, run by run. Repeating is harmless.
fn compare(gateway: &ApiClient, window: Window) -> Result<ApiResponse<ParityReport>, CallError> {
    let route = format!("parity/run?window={window}");
    let spinner = output::spinner("comparing");
    for _ in 0..MAX_RUNS {
        let ApiResponse { raw, value } = gateway.send(&Method::POST, &route, &json!({}), None)?;
        match value {
            RunAnswer::Done(report) => {
                spinner.finish_and_clear();
                return Ok(ApiResponse { raw, value: *report });
            }
            RunAnswer::Interrupted { minutes_left } => {
                spinner.set_message(format!("comparing: {minutes_left} minutes that differ are left"));
            }
        }
    }
    Err(CallError::new(&Method::POST, &route, FailureCause::Unfinished))
}

fn show(report: &ApiResponse<ParityReport>, json: bool) -> Result<ExitCode, CliError> {
    if json {
        output::say_json(&report.raw)?;
    } else {
        output::say(&ReportPage(&report.value));
    }
    Ok(match report.value.total.verdict {
        Verdict::Pass => ExitCode::SUCCESS,
        Verdict::Fail => ExitCode::FAILURE,
        Verdict::Inconclusive | Verdict::Pending => ExitCode::from(INCONCLUSIVE),
    })
}

/// The newest reports of a kind, without differences, routes and gaps.
fn newest(gateway: &ApiClient, kind: WindowKind, limit: u8) -> Result<ApiResponse<ReportsAnswer>, CallError> {
    gateway.get(&format!("parity?kind={}&limit={limit}", kind.name()))
}

fn list(answer: &ApiResponse<ReportsAnswer>, json: bool) -> Result<ExitCode, CliError> {
    if json {
        output::say_json(&answer.raw)?;
    } else if answer.value.reports.is_empty() {
        output::say(&"no report yet: the first comes a while after a full hour (PARITY_LAG_MS)");
    } else {
        let header = ["<from", "rev", "<verdict", "union", "only old", "only new", "differ", "lost", "<summary"];
        output::say(&plain(header, answer.value.reports.iter().map(line)));
    }
    Ok(ExitCode::SUCCESS)
}

/// A report in cells.
fn line(report: &ParityReport) -> [String; 9] {
    let tally = &report.total.tally;
    [
        moment(report.window.from),
        report.revision.to_string(),
        report.total.verdict.name().to_owned(),
        report.total.union.to_string(),
        tally.only_old.to_string(),
        tally.only_new.to_string(),
        tally.value_differs.to_string(),
        report.loss.missing.to_string(),
        report.summary.clone(),
    ]
}

/// Prints reports as they come. A gateway that does not answer for a while is waited for.
fn watch(gateway: &ApiClient, kind: WindowKind, every: Duration, json: bool) -> Result<ExitCode, CliError> {
    let mut known: BTreeMap<Window, u64> = BTreeMap::new();
    loop {
        let reports = match newest(gateway, kind, WATCHED) {
            Ok(answer) => answer.value.reports,
            Err(error) if error.is_passing() => {
                output::note(&error);
                Vec::new()
            }
            Err(error) => return Err(error.into()),
        };
        for report in reports.iter().rev() {
            if known.insert(report.window, report.revision) == Some(report.revision) {
                continue;
            }
            if json {
                output::say_json(report)?;
            } else {
                output::say(&line(report).join("  "));
            }
        }
        sleep(every);
    }
}

fn selftest(gateway: &ApiClient, json: bool) -> Result<ExitCode, CliError> {
    let SelfTestOutcome { passed, failures, first, second, worlds } =
        gateway.send(&Method::POST, "parity/selftest", &json!({}), None)?.value;
    if json {
        output::say_json(&json!({ "passed": passed, "failures": failures }))?;
    } else {
        for (when, report) in [("before late events", first), ("after", second)] {
            let found = report.differences.len();
            output::say(&format!("{when}: {found} differences named, {} lost on both sides", report.loss.missing));
        }
        for WorldReport { name, report } in worlds {
            output::say(&format!("{name}: {}, {}", report.total.verdict.name(), report.summary));
        }
        for failure in failures {
            output::say(&format!("  {failure}"));
        }
        output::say(&if passed { "the comparator found exactly what was injected" } else { "FAILED" });
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
