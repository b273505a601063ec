//! `pathctl flag diff`: how two documents differ.

use std::process::ExitCode;

use clap::Args;
use model::flag::document::Document;
use serde_json::json;

use super::source::{self, Named};
use super::{Desk, describe};
use crate::collector::flag::Difference;
use crate::error::CliError;
use crate::output;

/// Show how a file differs from what holds, what changed since a version, or how two versions differ.
#[derive(Args)]
pub struct DiffArgs {
    /// A file, against what holds or VERSION; or a version, to what holds or VERSION. - is standard input.
    #[arg(value_name = "FILE|VERSION", value_parser = |text: &str| Ok::<_, String>(Named::from(text)))]
    first: Named,
    /// A version of the history.
    #[arg(value_name = "VERSION")]
    second: Option<u32>,
}

/// Runs the command.
///
/// # Errors
/// When a document can't be read.
pub async fn run(desk: &Desk, args: &DiffArgs) -> Result<ExitCode, CliError> {
    let ((before, from), (after, to)) = match &args.first {
        Named::File(path) => {
            let file = (source::file(path)?, path.display().to_string());
            (stored(desk, args.second).await?, file)
        }
        Named::Version(version) => (stored(desk, Some(*version)).await?, stored(desk, args.second).await?),
    };
    let differences = Difference::between(&before, &after);
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
async fn stored(desk: &Desk, version: Option<u32>) -> Result<(Document, String), CliError> {
    if let Some(version) = version {
        let history = desk.collector.flag_history().await?;
        return Ok((source::version(&history, version)?.clone(), format!("version {version}")));
    }
    let newest = Document::read(&desk.collector.newest_flag().await?.document.to_string())?;
    let name = format!("version {} (holds)", newest.version);
    Ok((newest, name))
}
