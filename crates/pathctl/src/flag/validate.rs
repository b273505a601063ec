//! `pathctl flag validate`: whether a gateway would take a document, told without one.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::source;
use crate::error::CliError;
use crate::output;

/// Check a flag document by the gateway's own rules, without a gateway.
#[derive(Args)]
pub struct ValidateArgs {
    /// The document; - is standard input.
    file: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When the file can't be read, or (without `--json`) why it is not valid.
pub fn run(args: &ValidateArgs, json: bool) -> Result<ExitCode, CliError> {
    match source::file(&args.file) {
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
