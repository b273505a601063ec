//! `pathctl trace`: what each part knows of one ID, in words.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use model::event::identity::IdempotentId;
use serde_json::Value;

use crate::collector::trace::{Event, Stored, Trace};
use crate::collector::{Collector, GatewayArgs};
use crate::error::CliError;
use crate::missing::notice;
use crate::output;
use crate::time::moment;

/// Tell where the events of an idempotent ID are; fails if no part knows it.
#[derive(Args)]
#[command(after_help = "The token is read from the variable PATHCTL_TOKEN.")]
pub struct TraceArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    /// The ID, such as 1730956800000-0123abcd: it is in logs, parity reports and exemplars.
    #[arg(value_name = "ID", value_parser = id)]
    id: IdempotentId,
}

fn id(text: &str) -> Result<IdempotentId, String> {
    text.parse().map_err(|error: model::error::InputError| error.to_string())
}

/// Runs the command.
///
/// # Errors
/// When the gateway gives no answer that can be used.
pub async fn run(args: TraceArgs) -> Result<ExitCode, CliError> {
    let trace = Collector::connect(&args.gateway)?.trace(args.id).await?;
    if args.gateway.json {
        output::say_json(&trace)?;
    } else {
        output::say(&Told(&trace));
    }
    Ok(if is_known(&trace) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_known(trace: &Trace) -> bool {
    is_repeat(trace)
        || has_letters(trace)
        || [&trace.old, &trace.new].into_iter().flatten().any(|held| !held.is_empty())
}

fn is_repeat(trace: &Trace) -> bool {
    trace.absorbed.is_some_and(|n| n.old.unwrap_or_default() + n.new.unwrap_or_default() > 0)
}

fn has_letters(trace: &Trace) -> bool {
    trace.dead_letters.as_ref().is_some_and(|letters| !letters.is_empty())
}

/// A trace in words.
struct Told<'a>(&'a Trace);

/// What an older gateway leaves out.
const UNTOLD: &str = "this gateway does not say";

/// What could not be read.
const UNREAD: &str = "can't be read now";

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trace { idempotent_id, old, new, absorbed, dead_letters, archive, .. } = self.0;
        let mut fact = |name: &str, value: &str| {
            // What others have written stays on its line.
            writeln!(f, "  {name:<12}  {}", value.replace(char::is_control, " "))
        };
        fact("ID", idempotent_id)?;
        for event in self.events() {
            fact("event", &sentence(event))?;
            fact("", &routed(event))?;
        }
        fact("object", &held(old.as_deref()))?;
        fact("D1", &held(new.as_deref()))?;
        let count = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let repeats = absorbed.map(|n| format!("the object absorbed {}, the consumer {}", count(n.old), count(n.new)));
        fact("repeats", repeats.as_deref().unwrap_or(UNTOLD))?;
        match dead_letters {
            None if self.lacks("dead-letters") => fact("dead letters", UNREAD)?,
            None => fact("dead letters", UNTOLD)?,
            Some(letters) if letters.is_empty() => fact("dead letters", "none")?,
            Some(letters) => {
                for letter in letters {
                    let (at, by) = (moment(letter.received_at), &letter.source);
                    fact("dead letter", &format!("{}, set aside {at} by {by}: {}", letter.id, letter.reason))?;
                }
            }
        }
        if let Some(rest @ 1..) = self.0.dead_letters_not_searched {
            fact("", &format!("{rest} more were not looked into: there are too many"))?;
        }
        if let Some(archive) = archive {
            fact("archive", &format!("day {}: {}", plain(&archive.day), plain(&archive.state)))?;
        } else if self.lacks("archive") {
            fact("archive", UNREAD)?;
        } else {
            fact("archive", "its day is not archived")?;
        }
        if let Some(details) = &self.0.details {
            fact("details", &details.note)?;
        }
        f.write_str(&notice(&self.0.missing))?;
        write!(f, "{}", self.verdict())
    }
}

impl Told<'_> {
    /// Whether a part of the system could not be read.
    fn lacks(&self, part: &str) -> bool {
        self.0.missing.iter().any(|missing| missing.store == part)
    }

    /// Each event once, whichever stores hold it.
    fn events(&self) -> Vec<&Event> {
        let mut events: Vec<&Event> = Vec::new();
        for Stored { event, .. } in self.0.old.iter().chain(&self.0.new).flatten() {
            if events.iter().all(|known| known.digest != event.digest) {
                events.push(event);
            }
        }
        events
    }

    fn verdict(&self) -> &'static str {
        let Trace { old, new, details, .. } = self.0;
        let (Some(old), Some(new)) = (old, new) else {
            return "A store can't be read now, so this is not all: ask again.";
        };
        let is_at = |place| details.as_ref().is_some_and(|details| details.place == place);
        let is_dual = self.events().iter().any(|event| event.cohort == "dual");
        match (old.is_empty(), new.is_empty()) {
            (false, false) => "Both stores hold it; it counts once.",
            (true, false) | (false, true) if is_dual => {
                "Only one store holds it, though it was meant for both: if it is older than a minute, see \
                 `pathctl parity report`."
            }
            (false, true) => "The object holds it, as it was meant to.",
            (true, false) => "D1 holds it, as it was meant to.",
            (true, true) if is_repeat(self.0) => {
                "It repeats an event of the window before or after it, and counts once with that."
            }
            (true, true) if has_letters(self.0) => "No store holds it: it is set aside, and not counted.",
            (true, true) if is_at("archive") => "No store holds it any more: `pathctl archive get` fetches its day.",
            (true, true) if is_at("nowhere") => "No part knows it, and it is older than what is kept.",
            (true, true) => {
                "No part knows it: it is on its way (up to some seconds), older than details are kept, or was never \
                 sent to this gateway."
            }
        }
    }
}

fn sentence(event: &Event) -> String {
    let Event { method, path, status, response_time, timestamp, digest, .. } = event;
    format!("{method} {path} gave {status} after {response_time} ms, {} (digest {digest})", moment(*timestamp))
}

fn routed(event: &Event) -> String {
    let meant = match event.cohort.as_str() {
        "dual" => "for both stores",
        "fallback" => "for the other store, whose write failed",
        _ => "for one store",
    };
    let Event { cohort, flag_version, producer, seq, .. } = event;
    format!("{cohort}, meant {meant} by flag version {flag_version}; number {seq} of isolate {producer}")
}

fn held(stored: Option<&[Stored]>) -> String {
    let Some(stored) = stored else { return UNREAD.into() };
    match stored {
        [] => "does not hold it".into(),
        [one] => format!("holds it since {}", moment(one.stored_at)),
        many => {
            let times: Vec<String> = many.iter().map(|stored| moment(stored.stored_at)).collect();
            format!("holds {} events of it, since {}", many.len(), times.join(", "))
        }
    }
}

/// Text without quotes, and all else as JSON has it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
