//! `pathctl trace`: what each part knows of one ID, in words.

use std::fmt::{self, Write as _};
use std::process::ExitCode;

use api::trace::{ArchivedDay, StoredEvent, TraceAnswer};
use clap::Args;
use model::delivery::kept_letter::FoundLetter;
use model::event::identity::IdempotentId;
use model::event::{Cohort, Event};
use model::reading::missing::MissingPart;
use model::reading::trace::DetailsPlace;

use crate::error::CliError;
use crate::gateway::GatewayArgs;
use crate::output::{self, name, notice, one_line};
use crate::time::moment;

/// Tell where one event is, by its idempotent ID; fails if no part knows it.
#[derive(Args)]
pub struct TraceArgs {
    /// The ID, such as 1730956800000-0123abcd: it is in logs, parity reports and exemplars.
    #[arg(value_name = "ID")]
    id: IdempotentId,
}

/// Runs the command.
pub fn run(gateway: &GatewayArgs, args: &TraceArgs) -> Result<ExitCode, CliError> {
    let trace = gateway.connect()?.get::<TraceAnswer>(&format!("trace/{}", args.id))?;
    if gateway.json {
        output::say_json(&trace.raw)?;
    } else {
        output::say(&Told(&trace.value));
    }
    Ok(if Told(&trace.value).is_known() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A trace in words.
struct Told<'a>(&'a TraceAnswer);

/// What could not be read.
const UNREAD: &str = "can't be read now";

/// A fact on a line of its own, whatever others have written into it.
fn fact(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "  {name:<12}  {}", one_line(value))
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fact(f, "ID", &self.0.idempotent_id.to_string())?;
        for event in self.events() {
            fact(f, "event", &sentence(event))?;
            fact(f, "", &routed(event))?;
        }
        fact(f, "object", &held(self.0.old.as_deref()))?;
        fact(f, "D1", &held(self.0.new.as_deref()))?;
        let count = |n: Option<usize>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let absorbed = self.0.absorbed;
        let repeats = format!("the object absorbed {}, the consumer {}", count(absorbed.old), count(absorbed.new));
        fact(f, "repeats", &repeats)?;
        self.letters(f)?;
        match &self.0.archive {
            Some(ArchivedDay { day, state }) => fact(f, "archive", &format!("day {day}: {}", name(state)))?,
            None if self.lacks(MissingPart::Archive) => fact(f, "archive", UNREAD)?,
            None => fact(f, "archive", "its day is not archived")?,
        }
        if let Some(details) = &self.0.details {
            fact(f, "details", &details.note)?;
        }
        f.write_str(&notice(&self.0.missing))?;
        f.write_str(self.verdict())
    }
}

impl Told<'_> {
    fn is_known(&self) -> bool {
        self.is_repeat() || self.has_letters() || !self.events().is_empty()
    }

    fn is_repeat(&self) -> bool {
        let absorbed = self.0.absorbed;
        absorbed.old.unwrap_or_default() + absorbed.new.unwrap_or_default() > 0
    }

    fn has_letters(&self) -> bool {
        self.0.dead_letters.as_ref().is_some_and(|letters| !letters.is_empty())
    }

    /// Whether a part of the system could not be read.
    fn lacks(&self, part: MissingPart) -> bool {
        self.0.missing.iter().any(|missing| missing.store == part)
    }

    /// Each event once, whichever stores hold it.
    fn events(&self) -> Vec<&Event> {
        let mut events: Vec<&Event> = Vec::new();
        for StoredEvent { event, .. } in self.0.old.iter().chain(&self.0.new).flatten() {
            if events.iter().all(|known| known.digest != event.digest) {
                events.push(event);
            }
        }
        events
    }

    fn letters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.dead_letters.as_deref() {
            None => fact(f, "dead letters", UNREAD)?,
            Some([]) => fact(f, "dead letters", "none")?,
            Some(letters) => {
                for FoundLetter { id, received_at, source, reason } in letters {
                    let source = name(source);
                    let aside = format!("{id}, set aside {} by {source}: {reason}", moment(*received_at));
                    fact(f, "dead letter", &aside)?;
                }
            }
        }
        match self.0.dead_letters_not_searched {
            Some(rest @ 1..) => fact(f, "", &format!("{rest} more were not looked into: there are too many")),
            _ => Ok(()),
        }
    }

    fn verdict(&self) -> &'static str {
        let (Some(old), Some(new)) = (&self.0.old, &self.0.new) else {
            return "A store can't be read now, so this is not all: ask again.";
        };
        let is_at = |place| self.0.details.as_ref().is_some_and(|details| details.place == place);
        let is_dual = self.events().iter().any(|event| event.cohort == Cohort::Dual);
        match (old.is_empty(), new.is_empty()) {
            (false, false) => "Both stores hold it; it counts once.",
            (true, false) | (false, true) if is_dual => {
                "Only one store holds it, though it was meant for both: if it is older than a minute, see \
                 `pathctl parity report`."
            }
            (false, true) => "The object holds it, as it was meant to.",
            (true, false) => "D1 holds it, as it was meant to.",
            (true, true) if self.is_repeat() => {
                "It repeats an event of the window before or after it, and counts once with that."
            }
            (true, true) if self.has_letters() => "No store holds it: it is set aside, and not counted.",
            (true, true) if is_at(DetailsPlace::Archive) => {
                "No store holds it any more: `pathctl archive get` fetches its day."
            }
            (true, true) if is_at(DetailsPlace::Nowhere) => "No part knows it, and it is older than what is kept.",
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
    let Event { cohort, flag_version, producer, seq, .. } = event;
    let meant = match cohort {
        Cohort::Dual => "for both stores",
        Cohort::Fallback => "for the other store, whose write failed",
        Cohort::Single => "for one store",
    };
    format!("{}, meant {meant} by flag version {flag_version}; number {seq} of isolate {producer}", name(cohort))
}

fn held(stored: Option<&[StoredEvent]>) -> String {
    let Some(stored) = stored else { return UNREAD.into() };
    let mut times = String::new();
    for (index, stored) in stored.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        let _ = write!(times, "{comma}{}", moment(stored.stored_at)); // writing to a string can't fail
    }
    match stored.len() {
        0 => "does not hold it".into(),
        1 => format!("holds it since {times}"),
        many => format!("holds {many} events of it, since {times}"),
    }
}
