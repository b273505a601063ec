//! `pathctl flag stop` and `release`: the fastest way back to the old path, and its end.
//!
//! Invariants: a stop is one request, asks nothing, and needs no store to be read. A release never picks a stop by
//! itself: who releases says which.

use std::process::ExitCode;

use api::flag::{ReleaseOrder, StopAnswer, StopOrder};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use ureq::http::Method;

use super::author::AuthorArgs;
use super::{Desk, describe, document};
use crate::consent::Consent;
use crate::error::CliError;
use crate::gateway::ApiResponse;
use crate::output;

/// Make gateways take the old path alone at once, without asking, until the stop is released by its name.
#[derive(Args)]
pub struct StopArgs {
    /// Why, for those who come after.
    #[arg(long, default_value = "emergency stop", value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    #[command(flatten)]
    by: AuthorArgs,
}

/// End a stop: gateways obey the flag again.
#[derive(Args)]
pub struct ReleaseArgs {
    /// The stop's name, as `pathctl flag status` shows it.
    id: String,
    /// Why, for those who come after.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    #[command(flatten)]
    by: AuthorArgs,
    /// Set the flag to do-only first, without overrides and ramp, so that nothing moves.
    #[arg(long)]
    do_only: bool,
    /// Release it without asking.
    #[arg(long)]
    yes: bool,
}

/// Stops.
pub fn run(desk: &Desk, args: &StopArgs) -> Result<ExitCode, CliError> {
    // A stop without a name is better than none.
    let updated_by = args.by.name().unwrap_or_else(|_| "unnamed".into());
    let order = StopOrder { updated_by, reason: args.reason.clone() };
    let stopped = desk.gateway.send(&Method::POST, "flag/stop", &order, None)?;
    tell(desk, &stopped, |StopAnswer { stop, .. }| {
        format!("stopped: gateways take the old path alone until `pathctl flag release {}`", stop.id)
    })
}

/// Ends a stop.
pub fn release(desk: &Desk, args: &ReleaseArgs) -> Result<ExitCode, CliError> {
    let consent = Consent::by(args.yes, "releasing a stop")?;
    let updated_by = args.by.name()?;
    if consent == Consent::Asked {
        let rule = if args.do_only {
            "do-only".into()
        } else {
            describe::rule(&document::newest(&desk.gateway)?.value.document)
        };
        output::note(&format!("the flag holds again then: {rule}"));
    }
    if !consent.is_granted("Release the stop?") {
        output::note(&"nothing was released");
        return Ok(ExitCode::FAILURE);
    }
    let order = ReleaseOrder { id: args.id.clone(), do_only: args.do_only, updated_by, reason: args.reason.clone() };
    let released = desk.gateway.send(&Method::POST, "flag/release", &order, None)?;
    tell(desk, &released, |StopAnswer { stop, holding, .. }| match holding.as_slice() {
        [] => format!("{} is released: gateways obey the flag", stop.id),
        _ => format!("{} is released, but another stop holds", stop.id),
    })
}

/// Says what was done, which places have it, and which stops hold.
fn tell(
    desk: &Desk,
    done: &ApiResponse<StopAnswer>,
    what: impl Fn(&StopAnswer) -> String,
) -> Result<ExitCode, CliError> {
    if desk.json {
        output::say_json(&done.raw)?;
        return Ok(ExitCode::SUCCESS);
    }
    let StopAnswer { holding, recorded, copied, in_object, .. } = &done.value;
    output::say(&what(&done.value));
    output::say(&places(*recorded, *copied, *in_object));
    for stop in holding {
        output::say(&format!("  holding  {}", describe::stop(stop)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Which places have an order. What one of them lacks, cron brings there.
pub fn places(recorded: bool, copied: bool, in_object: bool) -> String {
    let place = |has: bool, yes: &'static str, no: &'static str| if has { yes } else { no };
    [
        place(recorded, "  history  recorded", "  history  NOT recorded: D1 can't be reached; cron tries each minute"),
        place(
            in_object,
            "  object   told: gateways ask it within 15 s",
            "  object   NOT told: it can't be reached; cron tries each minute",
        ),
        place(
            copied,
            "  copy     written: gateways obey as KV spreads it (`pathctl flag status`)",
            "  copy     NOT written: KV refuses; cron tries each minute",
        ),
    ]
    .join("\n")
}
