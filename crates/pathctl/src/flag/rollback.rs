//! `pathctl flag rollback`: an earlier version holds again, under a new one.

use std::process::ExitCode;

use clap::Args;
use model::flag::document::Document;

use super::author::ChangeArgs;
use super::proposal::{Verdict, conclude, consult};
use super::{Desk, source};
use crate::collector::flag::Order;
use crate::consent::Consent;
use crate::error::CliError;
use crate::output;

/// Make an earlier version hold again.
#[derive(Args)]
pub struct RollbackArgs {
    /// The version, as `pathctl flag history` shows it.
    version: u32,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs the command.
///
/// # Errors
/// When there is no such version, or the gateway refuses it.
pub async fn run(desk: &Desk, args: &RollbackArgs) -> Result<ExitCode, CliError> {
    let consent = Consent::by(args.change.yes, "changing the flag")?;
    let by = args.change.by.name()?;
    let reason = args.change.reason.as_str();
    let order = Order { version: Some(args.version), ..Order::of(&by, reason) };
    let verdict = match earlier(desk, args.version).await {
        Ok(document) => {
            if document.ramp.is_some() {
                output::note(&"warning: that version has a ramp, which goes on from where it was then");
            }
            consult(desk, &Document { updated_by: by.clone(), reason: reason.into(), ..document }, consent).await?
        }
        // The gateway has more of the history than it shows, and may know it all the same.
        Err(error) if consent == Consent::Given => {
            output::note(&format!("warning: no preview: {error}"));
            Verdict::Agreed(None)
        }
        Err(error) => return Err(error),
    };
    conclude(desk, verdict, desk.collector.roll_flag_back(&order)).await
}

async fn earlier(desk: &Desk, version: u32) -> Result<Document, CliError> {
    let history = desk.collector.flag_history().await?;
    source::version(&history, version).cloned()
}
