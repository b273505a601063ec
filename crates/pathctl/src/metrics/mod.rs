//! `pathctl metrics`: what Prometheus sees, and whether it can read it.

mod exposition;
mod exposition_line;

use std::process::ExitCode;

use clap::Args;

use self::exposition::Exposition;
use crate::collector::{Collector, GatewayArgs};
use crate::error::CliError;
use crate::output;

/// Print the metrics that Prometheus scrapes.
#[derive(Args)]
#[command(after_help = "The token is read from the variable PATHCTL_TOKEN.")]
pub struct MetricsArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    /// Only samples whose line contains this text, with what is said of their metric.
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
    /// Read them as Prometheus does, print what is wrong instead, and fail if anything is.
    #[arg(long)]
    check: bool,
}

/// Runs the command.
///
/// # Errors
/// When the gateway gives no answer that can be used.
pub async fn run(args: MetricsArgs) -> Result<ExitCode, CliError> {
    let text = Collector::connect(&args.gateway)?.metrics().await?;
    let exposition = Exposition::read(&text);
    if args.check {
        return check(&exposition, args.gateway.json);
    }
    let wanted = exposition.containing(args.grep.as_deref().unwrap_or_default());
    if args.gateway.json {
        output::say_json(&wanted)?;
    } else if args.grep.is_some() {
        for family in &wanted {
            output::say(&family);
        }
    } else {
        output::say(&text.trim_end());
    }
    // As grep has it: nothing found is no success.
    Ok(if wanted.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn check(exposition: &Exposition, json: bool) -> Result<ExitCode, CliError> {
    let complaints = exposition.complaints();
    let samples: usize = exposition.families.iter().map(|family| family.samples.len()).sum();
    let metrics = exposition.families.len();
    if json {
        output::say_json(&serde_json::json!({"metrics": metrics, "samples": samples, "complaints": complaints}))?;
    } else {
        for complaint in &complaints {
            output::say(complaint);
        }
        let verdict = if complaints.is_empty() { "all of them can be read" } else { "FAILED" };
        output::say(&format!("{metrics} metrics with {samples} samples: {verdict}"));
    }
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
