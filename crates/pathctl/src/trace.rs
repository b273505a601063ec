//! `pathctl trace`: what each part knows of one ID, in words.

use std::fmt::{self, Write as _};
use std::process::ExitCode;

use clap::Args;
use model::event::identity::IdempotentId;
use serde::Deserialize;

use crate::error::CliError;
use crate::gateway::GatewayArgs;
use crate::missing::{Missing, notice};
use crate::output::{self, one_line};
use crate::time::moment;

/// Tell where one event is, by its idempotent ID; fails if no part knows it.
#[derive(Args)]
pub struct TraceArgs {
    /// The ID, such as 1730956800000-0123abcd: it is in logs, parity reports and exemplars.
    #[arg(value_name = "ID")]
    id: IdempotentId,
}

/// What is known of an ID. What could not be read, and what an older gateway leaves out, is none. Times are in ms.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    idempotent_id: String,
    /// What could not be read.
    #[serde(default)]
    missing: Vec<Missing>,
    /// Events under it that the object holds.
    old: Option<Vec<Stored>>,
    /// Those that D1 holds.
    new: Option<Vec<Stored>>,
    /// Repeats that dedup did not count again.
    absorbed: Option<Absorbed>,
    /// Messages with it that could not be applied.
    dead_letters: Option<Vec<Letter>>,
    /// Dead letters that were not looked into, because there are too many.
    dead_letters_not_searched: Option<u64>,
    /// The archived day that it belongs to.
    archive: Option<Archive>,
    /// Where details of its time are.
    details: Option<Details>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    stored_at: u64,
    event: Event,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    digest: String,
    timestamp: u64,
    path: String,
    method: String,
    status: u16,
    response_time: u64,
    cohort: String,
    flag_version: u32,
    producer: String,
    seq: u64,
}

#[derive(Clone, Copy, Deserialize)]
struct Absorbed {
    old: Option<u64>,
    new: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Letter {
    id: String,
    received_at: u64,
    source: String,
    reason: String,
}

#[derive(Deserialize)]
struct Archive {
    day: String,
    state: String,
}

/// `place` is `stores`, `archive`, `nowhere` or `future`.
#[derive(Deserialize)]
struct Details {
    place: String,
    note: String,
}

/// Runs the command.
pub fn run(gateway: &GatewayArgs, args: &TraceArgs) -> Result<ExitCode, CliError> {
    let trace = gateway.connect()?.get::<Trace>(&format!("trace/{}", args.id))?;
    if gateway.json {
        output::say_json(&trace.raw)?;
    } else {
        output::say(&trace.value);
    }
    Ok(if trace.value.is_known() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What an older gateway leaves out.
const UNTOLD: &str = "this gateway does not say";

/// What could not be read.
const UNREAD: &str = "can't be read now";

/// A fact on a line of its own, whatever others have written into it.
fn fact(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "  {name:<12}  {}", one_line(value))
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fact(f, "ID", &self.idempotent_id)?;
        for event in self.events() {
            fact(f, "event", &event.sentence())?;
            fact(f, "", &event.routed())?;
        }
        fact(f, "object", &held(self.old.as_deref()))?;
        fact(f, "D1", &held(self.new.as_deref()))?;
        let count = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let repeats = |n: Absorbed| format!("the object absorbed {}, the consumer {}", count(n.old), count(n.new));
        fact(f, "repeats", &self.absorbed.map_or_else(|| UNTOLD.to_owned(), repeats))?;
        self.letters(f)?;
        match &self.archive {
            Some(Archive { day, state }) => fact(f, "archive", &format!("day {day}: {state}"))?,
            None if self.lacks("archive") => fact(f, "archive", UNREAD)?,
            None => fact(f, "archive", "its day is not archived")?,
        }
        if let Some(details) = &self.details {
            fact(f, "details", &details.note)?;
        }
        f.write_str(&notice(&self.missing))?;
        f.write_str(self.verdict())
    }
}

impl Trace {
    fn is_known(&self) -> bool {
        self.is_repeat() || self.has_letters() || !self.events().is_empty()
    }

    fn is_repeat(&self) -> bool {
        self.absorbed.is_some_and(|n| n.old.unwrap_or_default() + n.new.unwrap_or_default() > 0)
    }

    fn has_letters(&self) -> bool {
        self.dead_letters.as_ref().is_some_and(|letters| !letters.is_empty())
    }

    /// Whether a part of the system could not be read.
    fn lacks(&self, part: &str) -> bool {
        self.missing.iter().any(|missing| missing.store == part)
    }

    /// Each event once, whichever stores hold it.
    fn events(&self) -> Vec<&Event> {
        let mut events: Vec<&Event> = Vec::new();
        for Stored { event, .. } in self.old.iter().chain(&self.new).flatten() {
            if events.iter().all(|known| known.digest != event.digest) {
                events.push(event);
            }
        }
        events
    }

    fn letters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dead_letters.as_deref() {
            None if self.lacks("dead-letters") => fact(f, "dead letters", UNREAD)?,
            None => fact(f, "dead letters", UNTOLD)?,
            Some([]) => fact(f, "dead letters", "none")?,
            Some(letters) => {
                for Letter { id, received_at, source, reason } in letters {
                    let aside = format!("{id}, set aside {} by {source}: {reason}", moment(*received_at));
                    fact(f, "dead letter", &aside)?;
                }
            }
        }
        match self.dead_letters_not_searched {
            Some(rest @ 1..) => fact(f, "", &format!("{rest} more were not looked into: there are too many")),
            _ => Ok(()),
        }
    }

    fn verdict(&self) -> &'static str {
        let (Some(old), Some(new)) = (&self.old, &self.new) else {
            return "A store can't be read now, so this is not all: ask again.";
        };
        let is_at = |place| self.details.as_ref().is_some_and(|details| details.place == place);
        let is_dual = self.events().iter().any(|event| event.cohort == "dual");
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
            (true, true) if is_at("archive") => "No store holds it any more: `pathctl archive get` fetches its day.",
            (true, true) if is_at("nowhere") => "No part knows it, and it is older than what is kept.",
            (true, true) => {
                "No part knows it: it is on its way (up to some seconds), older than details are kept, or was never \
                 sent to this gateway."
            }
        }
    }
}

impl Event {
    fn sentence(&self) -> String {
        let Self { method, path, status, response_time, timestamp, digest, .. } = self;
        format!("{method} {path} gave {status} after {response_time} ms, {} (digest {digest})", moment(*timestamp))
    }

    fn routed(&self) -> String {
        let Self { cohort, flag_version, producer, seq, .. } = self;
        let meant = match cohort.as_str() {
            "dual" => "for both stores",
            "fallback" => "for the other store, whose write failed",
            _ => "for one store",
        };
        format!("{cohort}, meant {meant} by flag version {flag_version}; number {seq} of isolate {producer}")
    }
}

fn held(stored: Option<&[Stored]>) -> String {
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
