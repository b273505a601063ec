//! `pathctl parity watch`: reports as they come.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use model::parity::window::{Kind, Window};

use super::{line, when};
use crate::collector::Collector;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::output;
use crate::time::length_ms;

/// Reports that are looked at: more never come at once.
const LOOKED_AT: u8 = 30;

/// What to watch, and how often.
#[derive(Args)]
pub struct WatchArgs {
    /// Which windows.
    #[arg(long, default_value = "hour", value_parser = when::kind)]
    kind: Kind,
    /// How often to look.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = length_ms)]
    every: u64,
}

/// Runs the command until Ctrl-C. A gateway that does not answer for a while is waited for.
///
/// # Errors
/// When the gateway refuses.
pub async fn run(collector: &Collector, args: &WatchArgs, json: bool) -> Result<ExitCode, CliError> {
    let interrupt = Interrupt::listen()?;
    let mut known: BTreeMap<Window, u64> = BTreeMap::new();
    loop {
        match collector.parity_reports(args.kind, LOOKED_AT).await {
            Ok(reports) => {
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
            }
            Err(error) if error.is_passing() => output::note(&error),
            Err(error) => return Err(error.into()),
        }
        let mut interrupt = interrupt.clone();
        tokio::select! {
            () = interrupt.wait() => return Ok(ExitCode::SUCCESS),
            () = tokio::time::sleep(Duration::from_millis(args.every)) => {}
        }
    }
}
