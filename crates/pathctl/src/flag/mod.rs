//! `pathctl flag`: the operator's way to the flag.
//!
//! **Lives here:** one module per subcommand, and what they share: reading documents ([`source`]), saying them
//! ([`describe`]), who changes them and why ([`author`]), and the way of every change ([`proposal`]).
//! **Invariants:** no change without a reason and a name; none without its preview, unless the operator says `--yes`
//! and the preview can't be had; and none of a version that the operator hasn't seen. `stop` alone needs none of it.

mod author;
mod describe;
mod diff;
mod get;
mod history;
mod proposal;
mod ramp;
mod release;
mod rollback;
mod set;
mod source;
mod status;
mod stop;
mod validate;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::collector::{Collector, GatewayArgs};
use crate::error::CliError;

/// Read and change the flag, which says which path events take.
#[derive(Args)]
#[command(after_help = "The token is read from the variable PATHCTL_TOKEN.")]
pub struct FlagArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Remote(Remote),
    Validate(validate::ValidateArgs),
}

/// Commands that talk to the gateway.
#[derive(Subcommand)]
enum Remote {
    /// Show the document that holds at the source of truth.
    Get,
    Status(status::StatusArgs),
    History(history::HistoryArgs),
    Diff(diff::DiffArgs),
    Set(set::SetArgs),
    Ramp(ramp::RampArgs),
    Rollback(rollback::RollbackArgs),
    Stop(stop::StopArgs),
    Release(release::ReleaseArgs),
}

/// Runs the command.
///
/// # Errors
/// When the gateway, a file or the operator gives what can't be used.
pub async fn run(args: FlagArgs) -> Result<ExitCode, CliError> {
    let json = args.gateway.json;
    let command = match args.command {
        Command::Validate(args) => return validate::run(&args, json),
        Command::Remote(command) => command,
    };
    let desk = Desk { collector: Collector::connect(&args.gateway)?, json };
    match &command {
        Remote::Get => get::run(&desk).await,
        Remote::Status(args) => status::run(&desk, args).await,
        Remote::History(args) => history::run(&desk, args).await,
        Remote::Diff(args) => diff::run(&desk, args).await,
        Remote::Set(args) => set::run(&desk, args).await,
        Remote::Ramp(args) => ramp::run(&desk, args).await,
        Remote::Rollback(args) => rollback::run(&desk, args).await,
        Remote::Stop(args) => stop::run(&desk, args).await,
        Remote::Release(args) => release::run(&desk, args).await,
    }
}

/// What every command works with.
struct Desk {
    collector: Collector,
    json: bool,
}
