//! `pathctl flag release`: the end of an emergency stop, by its name.
//!
//! Invariant: it never picks a stop by itself: who releases says which.

use std::process::ExitCode;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use model::flag::document::Document;

use super::author::By;
use super::stop::places;
use super::{Desk, describe};
use crate::collector::flag::Order;
use crate::consent::Consent;
use crate::error::CliError;
use crate::output;

/// End a stop: gateways obey the flag again.
#[derive(Args)]
pub struct ReleaseArgs {
    /// The stop's name, as `pathctl flag status` shows it.
    id: String,
    /// Why, for those who come after.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    #[command(flatten)]
    by: By,
    /// Set the flag to do-only first, without overrides and ramp, so that nothing moves.
    #[arg(long)]
    do_only: bool,
    /// Release it without asking.
    #[arg(long)]
    yes: bool,
}

/// Runs the command.
///
/// # Errors
/// When there is no such stop, or neither D1 nor the object takes the release.
pub async fn run(desk: &Desk, args: &ReleaseArgs) -> Result<ExitCode, CliError> {
    let consent = Consent::by(args.yes, "releasing a stop")?;
    let by = args.by.name()?;
    if consent == Consent::Asked {
        let rule = if args.do_only {
            "do-only".into()
        } else {
            let newest = desk.collector.newest_flag().await?;
            describe::rule(&Document::read(&newest.document.to_string())?)
        };
        output::note(&format!("the flag holds again then: {rule}"));
    }
    if !consent.is_granted("Release the stop?") {
        output::note(&"nothing was released");
        return Ok(ExitCode::FAILURE);
    }
    let order = Order { id: Some(&args.id), do_only: args.do_only.then_some(true), ..Order::of(&by, &args.reason) };
    let released = desk.collector.release_flag(&order).await?;
    if desk.json {
        output::say_json(&released)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::say(&if released.holding.is_empty() {
        format!("{} is released: gateways obey the flag", args.id)
    } else {
        format!("{} is released, but another stop holds", args.id)
    });
    output::say(&places(&released));
    Ok(ExitCode::SUCCESS)
}
