//! `pathctl dead-letters`: what the queue delivered and could not be applied.
//!
//! **Lives here:** looking at letters; [`change`] tries them again or throws them away.
//! **Invariant:** nothing is changed unless the operator says which letters, and agrees to how many those are.

mod change;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::collector::dead_letters::{Letter, Page, Selection};
use crate::collector::{Collector, GatewayArgs};
use crate::error::CliError;
use crate::output;
use crate::table::Table;
use crate::time::{length_ms, moment, now_ms};

/// Look at dead letters, try them again, throw them away.
#[derive(Args)]
#[command(after_help = "The token is read from the variable PATHCTL_TOKEN; all but list need that of ADMIN_TOKEN.")]
pub struct DeadLettersArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List letters, the newest first.
    List(ListArgs),
    /// Show a letter with its payload.
    Show {
        /// Its ID.
        id: String,
    },
    /// Try letters again. Each of their events counts once; what is refused stays, with the reason.
    Redrive(change::ChangeArgs),
    /// Throw letters away. Their events are lost.
    Purge(change::ChangeArgs),
}

/// Which letters, but by ID.
#[derive(Args)]
struct Which {
    /// Those that this consumer found: consumer (the queue's) or dlq (the dead-letter queue's).
    #[arg(long, value_parser = ["consumer", "dlq"])]
    source: Option<String>,
    /// Those with this text in their reason, or in why their last redrive was refused.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Those stored longer ago than this, such as 7d.
    #[arg(long, value_name = "LENGTH", value_parser = length_ms)]
    older_than: Option<u64>,
}

impl Which {
    fn selection(&self) -> Selection {
        Selection {
            source: self.source.clone(),
            reason: self.reason.clone(),
            before: self.older_than.map(|ms| now_ms().saturating_sub(ms)),
            ..Selection::default()
        }
    }
}

#[derive(Args)]
struct ListArgs {
    #[command(flatten)]
    which: Which,
    /// Most letters to list.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=200))]
    limit: u64,
    /// Where the page before ended.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the gateway gives no answer that can be used, or nobody agrees.
pub async fn run(args: DeadLettersArgs) -> Result<ExitCode, CliError> {
    let collector = Collector::connect(&args.gateway)?;
    let json = args.gateway.json;
    match args.command {
        Command::List(args) => {
            let selection = Selection { after: args.after.clone(), ..args.which.selection() };
            list(&collector.dead_letters(&selection, args.limit).await?, json)
        }
        Command::Show { id } => show(&collector.dead_letter(&id).await?, json),
        Command::Redrive(args) => change::redrive(&collector, &args, json).await,
        Command::Purge(args) => change::purge(&collector, &args, json).await,
    }
}

fn list(page: &Page, json: bool) -> Result<ExitCode, CliError> {
    if json {
        output::say_json(page)?;
        return Ok(ExitCode::SUCCESS);
    }
    if page.letters.is_empty() {
        output::say(&"no dead letter");
        return Ok(ExitCode::SUCCESS);
    }
    let header = ["id", "stored", "source", "bytes", "refused", "reason"];
    let mut table = Table::new(header).words(&[0, 1, 2, 5]);
    for letter in &page.letters {
        table.row([
            letter.id.clone(),
            moment(letter.received_at),
            letter.source.clone(),
            letter.bytes.to_string(),
            letter.attempts.to_string(),
            letter.refused.as_ref().unwrap_or(&letter.reason).clone(),
        ]);
    }
    output::say(&table);
    output::note(&format!("{} of {}", page.letters.len(), page.count));
    if let Some(next) = &page.next {
        output::note(&format!("more: --after {next}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(letter: &Letter, json: bool) -> Result<ExitCode, CliError> {
    if json {
        output::say_json(letter)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::say(&format!("{} from {}, stored {}", letter.id, letter.source, moment(letter.received_at)));
    if let Some(sent_at) = letter.sent_at {
        output::say(&format!("sent {}", moment(sent_at)));
    }
    output::say(&format!("reason: {}", letter.reason));
    if let Some(refused) = &letter.refused {
        output::say(&format!("redrive refused, {} so far: {refused}", letter.attempts));
    }
    // As a terminal may show it: a payload is what others have written.
    let payload = letter.payload.as_deref().unwrap_or_default();
    output::say(&payload.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}"));
    Ok(ExitCode::SUCCESS)
}
