//! `pathctl flag history`: what held, since when, by whom, why, and what each change changed.

use std::process::ExitCode;

use clap::Args;
use model::flag::change::{FieldChange, differences};
use model::flag::document::DatedDocument;
use serde::Serialize;

use super::{Desk, describe, document};
use crate::error::CliError;
use crate::output;
use crate::table::plain;
use crate::time::moment;

/// List what held, newest first.
#[derive(Args)]
pub struct HistoryArgs {
    /// Most versions to list; the gateway shows 100.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    limit: u8,
}

/// A version, and what it changed against the one before, if that is known.
#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    change: &'a DatedDocument,
    differences: Option<Vec<FieldChange>>,
}

/// Runs the command.
pub fn run(desk: &Desk, args: &HistoryArgs) -> Result<ExitCode, CliError> {
    let history = document::history(&desk.gateway)?;
    let before = history.iter().skip(1).map(Some).chain([None]);
    let entries: Vec<Entry<'_>> = history
        .iter()
        .zip(before)
        .take(args.limit.into())
        .map(|(change, before)| {
            let differences = before.map(|before| differences(&before.document, &change.document));
            Entry { change, differences }
        })
        .collect();
    if desk.json {
        output::say_json(&serde_json::json!({ "history": entries }))?;
    } else if entries.is_empty() {
        output::say(&"no change yet: the built-in document holds");
    } else {
        output::say(&table(&entries));
    }
    Ok(ExitCode::SUCCESS)
}

fn table(entries: &[Entry<'_>]) -> String {
    let header = ["version", "<when", "<who", "<mode and shares", "<why", "<changed"];
    let rows = entries.iter().map(|Entry { change: DatedDocument { changed_at, document }, differences }| {
        [
            document.version.to_string(),
            moment(*changed_at),
            document.updated_by.clone(),
            describe::rule(document),
            document.reason.clone(),
            differences.as_deref().map_or_else(|| "?".into(), describe::differences_shortly),
        ]
    });
    plain(header, rows)
}
