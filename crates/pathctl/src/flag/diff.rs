//! `pathctl flag diff`: how two documents differ.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use model::flag::change::differences;
use model::flag::document::Document;
use serde_json::json;

use super::{Desk, describe, document};
use crate::error::CliError;
use crate::output;

/// Show how a file differs from what holds, what changed since a version, or how two versions differ.
#[derive(Args)]
pub struct DiffArgs {
    /// A file, against what holds or VERSION; or a version, to what holds or VERSION. - is standard input.
    #[arg(value_name = "FILE|VERSION")]
    first: String,
    /// A version of the history.
    #[arg(value_name = "VERSION")]
    second: Option<u32>,
}

/// Runs the command.
pub fn run(desk: &Desk, args: &DiffArgs) -> Result<ExitCode, CliError> {
    let second = stored(desk, args.second)?;
    let ((before, from), (after, to)) = match args.first.parse() {
        Ok(version) => (stored(desk, Some(version))?, second),
        Err(_) => (second, (document::of_file(Path::new(&args.first))?, args.first.clone())),
    };
    let differences = differences(&before, &after);
    if desk.json {
        output::say_json(&json!({"before": from, "after": to, "differences": differences}))?;
    } else if differences.is_empty() {
        output::say(&format!("{from} and {to} say the same"));
    } else {
        output::say(&format!("{from} → {to}\n{}", describe::differences(&differences)));
    }
    Ok(ExitCode::SUCCESS)
}

/// A version, or the document that holds; with its name.
fn stored(desk: &Desk, version: Option<u32>) -> Result<(Document, String), CliError> {
    if let Some(version) = version {
        let history = document::history(&desk.gateway)?;
        return Ok((document::version(&history, version)?.clone(), format!("version {version}")));
    }
    let newest = document::newest(&desk.gateway)?.value.document;
    let name = format!("version {} (holds)", newest.version);
    Ok((newest, name))
}
