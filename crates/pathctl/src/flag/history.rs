//! `pathctl flag history`: what held, since when, by whom, why, and what each change changed.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::{Desk, describe};
use crate::collector::flag::{Change, Difference};
use crate::error::CliError;
use crate::output;
use crate::table::Table;
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
struct Entry {
    #[serde(flatten)]
    change: Change,
    differences: Option<Vec<Difference>>,
}

/// Runs the command.
///
/// # Errors
/// When the history can't be read.
pub async fn run(desk: &Desk, args: &HistoryArgs) -> Result<ExitCode, CliError> {
    let mut entries = entries(desk.collector.flag_history().await?);
    entries.truncate(args.limit.into());
    if desk.json {
        output::say_json(&serde_json::json!({ "history": entries }))?;
    } else if entries.is_empty() {
        output::say(&"no change yet: the built-in document holds");
    } else {
        output::say(&table(&entries));
    }
    Ok(ExitCode::SUCCESS)
}

fn entries(history: Vec<Change>) -> Vec<Entry> {
    let before = history.iter().skip(1).map(Some).chain([None]);
    let differences: Vec<Option<Vec<Difference>>> = history
        .iter()
        .zip(before)
        .map(|(change, before)| before.map(|before| Difference::between(&before.document, &change.document)))
        .collect();
    history.into_iter().zip(differences).map(|(change, differences)| Entry { change, differences }).collect()
}

fn table(entries: &[Entry]) -> Table {
    let mut table = Table::new(["version", "when", "who", "mode and shares", "why", "changed"]).words(&[1, 2, 3, 4, 5]);
    for Entry { change: Change { changed_at, document }, differences } in entries {
        let changed = differences.as_deref().map_or_else(|| "?".into(), describe::differences_shortly);
        table.row([
            document.version.to_string(),
            moment(*changed_at),
            document.updated_by.clone(),
            describe::rule(document),
            document.reason.clone(),
            changed,
        ]);
    }
    table
}
