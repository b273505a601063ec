//! `pathctl flag`: the operator's way to the flag.
//!
//! Invariants: no change without a reason and a name; none without its preview, unless the operator says `--yes` and
//! the preview can't be had; and none of a version that the operator hasn't seen. `stop` alone needs none of it.

mod author;
mod describe;
mod diff;
mod document;
mod history;
mod proposal;
mod ramp;
mod set;
mod status;
mod stop;

use std::path::PathBuf;
use std::process::ExitCode;

use api::flag::FlagDocumentAnswer;
use clap::Subcommand;
use serde_json::json;

use crate::error::CliError;
use crate::gateway::{ApiClient, GatewayArgs};
use crate::output;

/// Read and change the flag, which says which store counts an event: the object (old), D1 (new), or both.
#[derive(Subcommand)]
pub enum FlagCommand {
    /// Show the document that holds.
    Get,
    Status(status::StatusArgs),
    History(history::HistoryArgs),
    Diff(diff::DiffArgs),
    Set(set::SetArgs),
    Ramp(ramp::RampArgs),
    Rollback(set::RollbackArgs),
    Stop(stop::StopArgs),
    Release(stop::ReleaseArgs),
    /// Check a flag document by the gateway's own rules, without a gateway.
    Validate {
        /// The document; - is standard input.
        file: PathBuf,
    },
}

/// Runs the command.
pub fn run(gateway: &GatewayArgs, command: FlagCommand) -> Result<ExitCode, CliError> {
    let json = gateway.json;
    if let FlagCommand::Validate { file } = command {
        return validate(&file, json);
    }
    let desk = Desk { gateway: gateway.connect()?, json };
    match command {
        FlagCommand::Get => get(&desk),
        FlagCommand::Status(args) => status::run(&desk, &args),
        FlagCommand::History(args) => history::run(&desk, &args),
        FlagCommand::Diff(args) => diff::run(&desk, &args),
        FlagCommand::Set(args) => set::run(&desk, &args),
        FlagCommand::Ramp(args) => ramp::run(&desk, &args),
        FlagCommand::Rollback(args) => set::roll_back(&desk, &args),
        FlagCommand::Stop(args) => stop::run(&desk, &args),
        FlagCommand::Release(args) => stop::release(&desk, &args),
        FlagCommand::Validate { file } => validate(&file, json),
    }
}

/// What every command works with.
struct Desk {
    gateway: ApiClient,
    json: bool,
}

fn get(desk: &Desk) -> Result<ExitCode, CliError> {
    let newest = document::newest(&desk.gateway)?;
    if desk.json {
        output::say_json(&newest.raw["document"])?;
        return Ok(ExitCode::SUCCESS);
    }
    let FlagDocumentAnswer { document, source, stop } = &newest.value;
    output::say(&describe::document(document, &output::name(source)));
    if let Some(stop) = stop {
        output::say(&format!("STOPPED, so that it does not hold: {}", describe::stop(stop)));
    }
    Ok(ExitCode::SUCCESS)
}

fn validate(file: &std::path::Path, json: bool) -> Result<ExitCode, CliError> {
    match document::of_file(file) {
        Ok(_) if json => output::say_json(&json!({"valid": true}))?,
        Ok(_) => output::say(&"valid"),
        Err(CliError::Input(reason)) if json => {
            output::say_json(&json!({"valid": false, "reason": reason.to_string()}))?;
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error),
    }
    Ok(ExitCode::SUCCESS)
}
