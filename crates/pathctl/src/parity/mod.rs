//! `pathctl parity`: whether both paths agree, on demand and as cron found it.
//!
//! **Lives here:** the subcommands, the windows that people write ([`when`]) and the page for a reviewer ([`page`]).
//! **Invariant:** the exit code is the verdict: 0 `pass`, 1 `fail`, 2 `inconclusive` or `pending`.

mod page;
mod watch;
mod when;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::parity::report::Report;
use model::parity::verdict::Verdict;
use model::parity::window::{Kind, Window};

use self::page::Page;
use crate::collector::parity::WorldReport;
use crate::collector::{Collector, GatewayArgs};
use crate::error::CliError;
use crate::output;
use crate::table::Table;
use crate::time::{moment, now_ms};

/// Exit code of a comparison that concludes nothing.
const INCONCLUSIVE: u8 = 2;

/// Compare both paths, and show what was found.
#[derive(Args)]
#[command(after_help = "The token is read from the variable PATHCTL_TOKEN.\n\
    Exit code of run and report: 0 pass, 1 fail, 2 inconclusive or pending.")]
pub struct ParityArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compare a window now, and show the report.
    Run(WindowArgs),
    /// Show the stored report on a window, as a page to check by hand (Markdown).
    Report(WindowArgs),
    /// List the newest reports.
    List(ListArgs),
    /// Print a line for each report and revision that comes, until Ctrl-C.
    Watch(watch::WatchArgs),
    /// Have the comparator find faults that are injected into stores of its own.
    Selftest,
}

#[derive(Args)]
struct WindowArgs {
    /// An hour (2026-11-23T08), a day (2026-11-23), or as the API has it (hour:MS, day:MS, range:MS-MS), in UTC.
    /// [default: the last full hour]
    #[arg(value_name = "WINDOW", value_parser = when::parse)]
    window: Option<Window>,
}

impl WindowArgs {
    fn window(&self) -> Window {
        self.window.unwrap_or_else(|| {
            let this = Window::containing(Kind::Hour, now_ms());
            Window::containing(Kind::Hour, this.from.saturating_sub(1))
        })
    }
}

#[derive(Args)]
struct ListArgs {
    /// Which windows.
    #[arg(long, default_value = "hour", value_parser = when::kind)]
    kind: Kind,
    /// Most reports to list.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u8).range(1..=200))]
    limit: u8,
}

/// Runs the command.
///
/// # Errors
/// When the gateway gives no answer that can be used.
pub async fn run(args: ParityArgs) -> Result<ExitCode, CliError> {
    let collector = Collector::connect(&args.gateway)?;
    let json = args.gateway.json;
    match args.command {
        Command::Run(args) => {
            let spinner = output::spinner("comparing");
            let left = |minutes| spinner.set_message(format!("comparing: {minutes} minutes that differ are left"));
            let report = collector.run_parity(args.window(), left).await;
            spinner.finish_and_clear();
            show(&report?, json)
        }
        Command::Report(args) => show(&collector.parity_report(args.window()).await?, json),
        Command::List(args) => list(&collector.parity_reports(args.kind, args.limit).await?, json),
        Command::Watch(args) => watch::run(&collector, &args, json).await,
        Command::Selftest => selftest(&collector, json).await,
    }
}

fn show(report: &Report, json: bool) -> Result<ExitCode, CliError> {
    if json {
        output::say_json(report)?;
    } else {
        output::say(&Page(report));
    }
    Ok(match report.total.verdict {
        Verdict::Pass => ExitCode::SUCCESS,
        Verdict::Fail => ExitCode::FAILURE,
        Verdict::Inconclusive | Verdict::Pending => ExitCode::from(INCONCLUSIVE),
    })
}

fn list(reports: &[Report], json: bool) -> Result<ExitCode, CliError> {
    if json {
        output::say_json(&serde_json::json!({ "reports": reports }))?;
    } else if reports.is_empty() {
        output::say(&"no report yet: the first comes a while after a full hour (PARITY_LAG_MS)");
    } else {
        let header = ["from", "rev", "verdict", "union", "only old", "only new", "differ", "lost", "summary"];
        let mut table = Table::new(header).words(&[0, 2, 8]);
        for report in reports {
            table.row(line(report));
        }
        output::say(&table);
    }
    Ok(ExitCode::SUCCESS)
}

/// A report in cells.
fn line(report: &Report) -> [String; 9] {
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

async fn selftest(collector: &Collector, json: bool) -> Result<ExitCode, CliError> {
    let test = collector.parity_selftest().await?;
    if json {
        output::say_json(&serde_json::json!({ "passed": test.passed, "failures": test.failures }))?;
    } else {
        for (when, report) in [("before late events", &test.first), ("after", &test.second)] {
            let found = report.differences.len();
            output::say(&format!("{when}: {found} differences named, {} lost on both sides", report.loss.missing));
        }
        for WorldReport { name, report } in &test.worlds {
            output::say(&format!("{name}: {}, {}", report.total.verdict.name(), report.summary));
        }
        for failure in &test.failures {
            output::say(&format!("  {failure}"));
        }
        output::say(&if test.passed { "the comparator found exactly what was injected" } else { "FAILED" });
    }
    Ok(if test.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
