//! `pathctl flag get`: the document that holds at the source of truth.

use std::process::ExitCode;

use model::flag::document::Document;

use super::{Desk, describe};
use crate::error::CliError;
use crate::output;

/// Runs the command.
///
/// # Errors
/// When there is no answer that can be read.
pub async fn run(desk: &Desk) -> Result<ExitCode, CliError> {
    let newest = desk.collector.newest_flag().await?;
    if desk.json {
        output::say_json(&newest.document)?;
    } else {
        let document = Document::read(&newest.document.to_string())?;
        output::say(&describe::document(&document, &newest.source));
        if let Some(stop) = &newest.stop {
            output::say(&format!("STOPPED, so that it does not hold: {}", describe::stop(stop)));
        }
    }
    Ok(ExitCode::SUCCESS)
}
