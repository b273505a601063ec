//! `pathctl dead-letters`: what the queue delivered and could not be applied.
//!
//! Invariant: nothing is changed unless the operator says which letters, and agrees to how many those are.

use std::process::ExitCode;

use api::letters::{LetterSelection, LettersAnswer, PurgeAnswer, RedriveAnswer};
use clap::{Args, Subcommand};
use model::delivery::kept_letter::{KeptLetter, LetterSource, RefusedLetter};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use ureq::http::Method;

use crate::argument::{length_ms, letter_source};
use crate::consent::Consent;
use crate::error::CliError;
use crate::gateway::{ApiClient, ApiResponse, CallError, FailureCause, GatewayArgs};
use crate::output::{self, one_line};
use crate::table::plain;
use crate::time::{moment, now_ms};

/// Calls of one sweep before it is given up: each does hundreds of letters, of which 20,000 are kept.
const MAX_CALLS: usize = 200;

/// Look at dead letters (what the queue delivered and could not be counted), try them again, throw them away.
#[derive(Subcommand)]
pub enum DeadLettersCommand {
    /// List letters, the newest first.
    List(ListArgs),
    /// Show a letter with its payload.
    Show {
        /// Its ID.
        id: String,
    },
    /// Try letters again. Each of their events counts once; what is refused stays, with the reason.
    Redrive(LetterChangeArgs),
    /// Throw letters away. Their events are lost.
    Purge(LetterChangeArgs),
}

/// Which letters, but by ID.
#[derive(Args)]
struct Which {
    /// Those that this consumer found: consumer (the queue's) or dlq (the dead-letter queue's).
    #[arg(long, value_parser = letter_source)]
    source: Option<LetterSource>,
    /// Those with this text in their reason, or in why their last redrive was refused.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Those stored longer ago than this, such as 7d.
    #[arg(long, value_name = "LENGTH", value_parser = length_ms)]
    older_than: Option<u64>,
}

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    which: Which,
    /// Most letters to list.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=200))]
    limit: u64,
    /// Where the page before ended.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
}

#[derive(Args)]
pub struct LetterChangeArgs {
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

/// Runs the command.
pub fn run(gateway: &GatewayArgs, command: DeadLettersCommand) -> Result<ExitCode, CliError> {
    let json = gateway.json;
    let gateway = gateway.connect()?;
    match command {
        DeadLettersCommand::List(args) => {
            let selection = LetterSelection { after: args.after, ..args.which.selection() };
            list(&page(&gateway, &selection, args.limit)?, json)
        }
        DeadLettersCommand::Show { id } => show(&letter(&gateway, &id)?, json),
        DeadLettersCommand::Redrive(args) => redrive(&gateway, &args, json),
        DeadLettersCommand::Purge(args) => purge(&gateway, &args, json),
    }
}

impl Which {
    fn selection(&self) -> LetterSelection {
        LetterSelection {
            source: self.source,
            reason: self.reason.clone(),
            before: self.older_than.map(|ms| now_ms().saturating_sub(ms)),
            ..LetterSelection::default()
        }
    }
}

/// A value as part of a path or query, whatever is in it.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn page(gateway: &ApiClient, selection: &LetterSelection, limit: u64) -> Result<ApiResponse<LettersAnswer>, CallError> {
    let before = selection.before.map(|before| before.to_string());
    let source = selection.source.map(|source| output::name(&source));
    let given = [("source", &source), ("reason", &selection.reason), ("before", &before), ("after", &selection.after)];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let route = given.fold(format!("dead-letters?limit={limit}"), |route, (name, value)| {
        format!("{route}&{name}={}", encoded(value))
    });
    gateway.get(&route)
}

fn letter(gateway: &ApiClient, id: &str) -> Result<ApiResponse<KeptLetter>, CallError> {
    gateway.get(&format!("dead-letters/{}", encoded(id)))
}

fn list(page: &ApiResponse<LettersAnswer>, json: bool) -> Result<ExitCode, CliError> {
    let LettersAnswer { count, letters, next } = &page.value;
    if json {
        output::say_json(&page.raw)?;
        return Ok(ExitCode::SUCCESS);
    }
    if letters.is_empty() {
        output::say(&"no dead letter");
        return Ok(ExitCode::SUCCESS);
    }
    let rows = letters.iter().map(|letter| {
        [
            letter.id.clone(),
            moment(letter.received_at),
            output::name(&letter.source),
            letter.bytes.to_string(),
            letter.attempts.to_string(),
            letter.refused.as_ref().unwrap_or(&letter.reason).clone(),
        ]
    });
    output::say(&plain(["<id", "<stored", "<source", "bytes", "refused", "<reason"], rows));
    output::note(&format!("{} of {count}", letters.len()));
    if let Some(next) = next {
        output::note(&format!("more: --after {next}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(letter: &ApiResponse<KeptLetter>, json: bool) -> Result<ExitCode, CliError> {
    if json {
        output::say_json(&letter.raw)?;
        return Ok(ExitCode::SUCCESS);
    }
    let KeptLetter { id, received_at, sent_at, source, reason, attempts, refused, payload, .. } = &letter.value;
    output::say(&format!("{id} from {}, stored {}", output::name(source), moment(*received_at)));
    if let Some(sent_at) = sent_at {
        output::say(&format!("sent {}", moment(*sent_at)));
    }
    output::say(&format!("reason: {reason}"));
    if let Some(refused) = refused {
        output::say(&format!("redrive refused, {attempts} so far: {refused}"));
    }
    // As a terminal may show it: a payload is what others have written.
    let payload = payload.as_deref().unwrap_or_default();
    output::say(&payload.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}"));
    Ok(ExitCode::SUCCESS)
}

impl LetterChangeArgs {
    /// The letters, if the operator agrees to what would happen to so many.
    fn agreed(&self, gateway: &ApiClient, what: &str, json: bool) -> Result<Option<LetterSelection>, CliError> {
        let selection = LetterSelection { id: self.id.clone(), all: self.all, ..self.which.selection() };
        let consent = Consent::by(self.yes, "changing dead letters")?;
        let question = match &selection.id {
            _ if consent == Consent::Given => String::new(),
            Some(id) => format!("{what} dead letter {}?", letter(gateway, id)?.value.id),
            None => format!("{what} {}?", letters(page(gateway, &selection, 1)?.value.count)),
        };
        if consent.is_granted(&question) {
            return Ok(Some(selection));
        }
        if json {
            output::say_json(&json!({"changed": false}))?;
        } else {
            output::say(&"nothing was changed");
        }
        Ok(None)
    }
}

/// Tries letters again, call by call. Exit code 1 says that some stay. What was done until an error is done, and
/// repeating is harmless.
fn redrive(gateway: &ApiClient, args: &LetterChangeArgs, json: bool) -> Result<ExitCode, CliError> {
    const ROUTE: &str = "dead-letters/redrive";
    let Some(mut rest) = args.agreed(gateway, "Redrive", json)? else { return Ok(ExitCode::SUCCESS) };
    let spinner = output::spinner("redriving");
    let mut sum = RedriveAnswer::default();
    for _ in 0..MAX_CALLS {
        let done: RedriveAnswer = gateway.send(&Method::POST, ROUTE, &rest, None)?.value;
        sum.redriven += done.redriven;
        sum.stored += done.stored;
        sum.absorbed += done.absorbed;
        sum.refused += done.refused;
        sum.refusals.extend(done.refusals);
        sum.left = done.left;
        if done.after.is_none() {
            spinner.finish_and_clear();
            return redriven(&sum, json);
        }
        spinner.set_message(format!("redriving: {} left", done.left));
        rest.after = done.after;
    }
    Err(CallError::new(&Method::POST, ROUTE, FailureCause::Unfinished).into())
}

fn redriven(sum: &RedriveAnswer, json: bool) -> Result<ExitCode, CliError> {
    if json {
        output::say_json(sum)?;
    } else {
        let RedriveAnswer { stored, absorbed, refused, .. } = sum;
        let gone = letters(sum.redriven);
        output::say(&format!(
            "{gone} redriven: {stored} events counted now, {absorbed} counted before; {} refused",
            letters(*refused)
        ));
        for RefusedLetter { id, reason } in &sum.refusals {
            output::say(&one_line(&format!("  {id}: {reason}")));
        }
    }
    Ok(if sum.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Throws letters away, call by call.
fn purge(gateway: &ApiClient, args: &LetterChangeArgs, json: bool) -> Result<ExitCode, CliError> {
    const ROUTE: &str = "dead-letters/purge";
    let Some(selection) = args.agreed(gateway, "Purge", json)? else { return Ok(ExitCode::SUCCESS) };
    let spinner = output::spinner("purging");
    let mut purged = 0;
    for _ in 0..MAX_CALLS {
        let done: PurgeAnswer = gateway.send(&Method::POST, ROUTE, &selection, None)?.value;
        purged += done.purged;
        if done.left == 0 || done.purged == 0 {
            spinner.finish_and_clear();
            if json {
                output::say_json(&json!({"purged": purged, "left": done.left}))?;
            } else {
                output::say(&format!("{} purged", letters(purged)));
            }
            return Ok(ExitCode::SUCCESS);
        }
        spinner.set_message(format!("purging: {} left", done.left));
    }
    Err(CallError::new(&Method::POST, ROUTE, FailureCause::Unfinished).into())
}

fn letters(count: u64) -> String {
    format!("{count} dead letter{}", if count == 1 { "" } else { "s" })
}
