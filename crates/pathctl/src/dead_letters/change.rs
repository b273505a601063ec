//! `pathctl dead-letters redrive` and `purge`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::Which;
use crate::collector::Collector;
use crate::collector::dead_letters::Selection;
use crate::consent::Consent;
use crate::error::CliError;
use crate::output;

#[derive(Args)]
pub(super) struct ChangeArgs {
    /// The letter with this ID.
    #[arg(conflicts_with_all = ["source", "reason", "older_than", "all"])]
    #[arg(required_unless_present_any = ["source", "reason", "older_than", "all"])]
    id: Option<String>,
    #[command(flatten)]
    which: Which,
    /// All letters.
    #[arg(long, conflicts_with_all = ["source", "reason", "older_than"])]
    all: bool,
    /// Don't ask.
    #[arg(long)]
    yes: bool,
}

impl ChangeArgs {
    fn selection(&self) -> Selection {
        Selection { id: self.id.clone(), all: self.all, ..self.which.selection() }
    }
}

/// Tries letters again. Exit code 1 says that some stay.
pub(super) async fn redrive(collector: &Collector, args: &ChangeArgs, json: bool) -> Result<ExitCode, CliError> {
    let selection = args.selection();
    if !agreed(collector, args, &selection, "Redrive").await? {
        return declined(json);
    }
    let spinner = output::spinner("redriving");
    let done = collector.redrive(&selection, |left| spinner.set_message(format!("redriving: {left} left"))).await;
    spinner.finish_and_clear();
    let done = done?;
    if json {
        output::say_json(&done)?;
    } else {
        let (gone, stays) = (letters(done.redriven), letters(done.refused));
        output::say(&format!(
            "{gone} redriven: {} events counted now, {} counted before; {stays} refused",
            done.stored, done.absorbed
        ));
        for refusal in &done.refusals {
            output::say(&format!("  {}: {}", refusal.id, refusal.reason.replace(char::is_control, " ")));
        }
    }
    Ok(if done.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Throws letters away.
pub(super) async fn purge(collector: &Collector, args: &ChangeArgs, json: bool) -> Result<ExitCode, CliError> {
    let selection = args.selection();
    if !agreed(collector, args, &selection, "Purge").await? {
        return declined(json);
    }
    let spinner = output::spinner("purging");
    let done = collector.purge(&selection, |left| spinner.set_message(format!("purging: {left} left"))).await;
    spinner.finish_and_clear();
    let done = done?;
    if json {
        output::say_json(&done)?;
    } else {
        output::say(&format!("{} purged", letters(done.purged)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the operator agrees to what would happen to so many letters.
async fn agreed(collector: &Collector, args: &ChangeArgs, selection: &Selection, what: &str) -> Result<bool, CliError> {
    let consent = Consent::by(args.yes, "changing dead letters")?;
    if consent == Consent::Given {
        return Ok(true);
    }
    let question = match &selection.id {
        Some(id) => format!("{what} dead letter {}?", collector.dead_letter(id).await?.id),
        None => format!("{what} {}?", letters(collector.dead_letters(selection, 1).await?.count)),
    };
    Ok(consent.is_granted(&question))
}

fn declined(json: bool) -> Result<ExitCode, CliError> {
    #[derive(Serialize)]
    struct Nothing {
        changed: bool,
    }
    if json {
        output::say_json(&Nothing { changed: false })?;
    } else {
        output::say(&"nothing was changed");
    }
    Ok(ExitCode::SUCCESS)
}

fn letters(count: u64) -> String {
    format!("{count} dead letter{}", if count == 1 { "" } else { "s" })
}
