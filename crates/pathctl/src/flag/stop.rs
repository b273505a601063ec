//! `pathctl flag stop`: the fastest way back to the old path.
//!
//! Invariant: it is one request, asks nothing, and needs no store to be read.

use std::process::ExitCode;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::author::By;
use super::{Desk, describe};
use crate::collector::flag::{Order, Stopped};
use crate::error::CliError;
use crate::output;

/// Make gateways take the old path alone at once, without asking, until the stop is released by its name.
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
/// When no place took it, or the gateway doesn't answer.
pub async fn run(desk: &Desk, args: &StopArgs) -> Result<ExitCode, CliError> {
    // A stop without a name is better than none.
    let by = args.by.name().unwrap_or_else(|_| "unnamed".into());
    let stopped = desk.collector.stop_flag(&Order::of(&by, &args.reason)).await?;
    if desk.json {
        output::say_json(&stopped)?;
    } else {
        let id = &stopped.stop.id;
        output::say(&format!("stopped: gateways take the old path alone until `pathctl flag release {id}`"));
        output::say(&places(&stopped));
    }
    Ok(ExitCode::SUCCESS)
}

/// Which places have it, and which other stops hold.
pub fn places(stopped: &Stopped) -> String {
    let place = |has: bool, yes: &str, no: &str| if has { yes.to_owned() } else { format!("NOT {no}") };
    let mut lines = vec![
        format!("  history  {}", place(stopped.recorded, "recorded", "recorded: D1 can't be reached; cron will")),
        format!(
            "  object   {}",
            place(stopped.in_object, "told: gateways ask it within 15 s", "told: it can't be reached; cron will")
        ),
        format!(
            "  copy     {}",
            place(stopped.copied, "written: gateways obey as KV spreads it", "written: KV refuses; cron will")
        ),
    ];
    lines.extend(stopped.holding.iter().map(|stop| format!("  holding  {}", describe::stop(stop))));
    lines.join("\n")
}
