//! `pathctl flag stop`: the fastest way back to the old path.
//!
//! Invariant: it is one request, asks nothing, and needs no store to be read.

use std::process::ExitCode;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::Desk;
use super::author::By;
use crate::collector::flag::Order;
use crate::error::CliError;

/// Set the old path alone (do-only, no overrides, no ramp) at once, without asking.
#[derive(Args)]
pub struct StopArgs {
    /// Why, for those who come after.
    #[arg(long, default_value = "emergency stop", value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    #[command(flatten)]
    by: By,
}

/// Runs the command.
///
/// # Errors
/// When neither history nor copy took it, or the gateway doesn't answer.
pub async fn run(desk: &Desk, args: &StopArgs) -> Result<ExitCode, CliError> {
    // A stop without a name is better than none.
    let by = args.by.name().unwrap_or_else(|_| "unnamed".into());
    let changed = desk.collector.stop_flag(&Order { version: None, updated_by: &by, reason: &args.reason }).await?;
    desk.report(&changed, None)?;
    Ok(ExitCode::SUCCESS)
}
