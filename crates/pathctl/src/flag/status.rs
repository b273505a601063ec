//! `pathctl flag status`: how far the newest version has spread, and where its ramp stands.

use std::process::ExitCode;

use api::flag::{FlagStatusAnswer, RampStatus, StopStatus};
use clap::Args;

use super::{Desk, describe};
use crate::error::CliError;
use crate::output;
use crate::share::Share;
use crate::table::plain;
use crate::time::{length, moment};

/// Isolates that are listed.
const SHOWN_ISOLATES: usize = 20;

/// Show which version each isolate was last seen with, and where the ramp stands.
#[derive(Args)]
pub struct StatusArgs {
    /// Minutes of events to look at.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_440))]
    minutes: u32,
}

/// Runs the command.
pub fn run(desk: &Desk, args: &StatusArgs) -> Result<ExitCode, CliError> {
    let status = desk.gateway.get::<FlagStatusAnswer>(&format!("flag/status?minutes={}", args.minutes))?;
    if desk.json {
        output::say_json(&status.raw)?;
    } else {
        output::say(&text(&status.value));
    }
    if !status.value.complete {
        output::note(&"warning: only part of the events were looked at; give fewer --minutes to see all");
    }
    Ok(ExitCode::SUCCESS)
}

fn text(status: &FlagStatusAnswer) -> String {
    let version = |version: Option<u32>| version.map_or_else(|| "none that can be read".into(), |v| v.to_string());
    let source = status.source.map_or_else(|| "no source can be read".into(), |source| output::name(&source));
    let spread = status.slowest.map_or_else(
        || "no event with an older version since the change".into(),
        |slowest| format!("{} after the change the last of {} older events came", length(slowest), status.older_events),
    );
    let ttl = length(status.flag_ttl_ms);
    let mut lines = vec![
        format!("newest version  {} ({source})", version(status.newest)),
        format!("copy            {}", version(status.copy)),
        format!("in force        {} (where this was answered)", status.in_force),
        format!("isolates        {} seen, {} behind", status.isolates.len(), status.behind),
        format!("spread          {spread}"),
        format!("age             up to {ttl} in an isolate, after KV has spread the copy (a minute or more)"),
        format!("ramp            {}", status.ramp.as_ref().map_or_else(|| "none".into(), ramp)),
    ];
    lines.extend(stops(&status.stop));
    if !status.isolates.is_empty() {
        let rows = status.isolates.iter().take(SHOWN_ISOLATES).map(|isolate| {
            let (version, events) = (isolate.version.to_string(), isolate.events.to_string());
            [isolate.producer.to_string(), version, moment(isolate.last_seen), events]
        });
        let table = plain(["<isolate", "version", "<last seen", "events"], rows);
        lines.push(format!("Events from {} to {}:\n{table}", moment(status.from), moment(status.to)));
    }
    if status.isolates.len() > SHOWN_ISOLATES {
        lines.push(format!("  and {} more isolates", status.isolates.len() - SHOWN_ISOLATES));
    }
    lines.join("\n")
}

/// The stops that hold, and where they are known; where nothing can be read, that none is known.
fn stops(status: &StopStatus) -> Vec<String> {
    let place = |name, holds: Option<bool>| match holds {
        Some(true) => format!("{name}: stopped"),
        Some(false) => format!("{name}: not stopped"),
        None => format!("{name}: can't be read"),
    };
    let places = [place("D1", status.history), place("object", status.object), place("KV", status.copy)].join(", ");
    if status.holding.is_empty() {
        return vec![format!("stop            none known ({places})")];
    }
    let lines = status.holding.iter().map(|stop| format!("STOPPED         {}", describe::stop(stop)));
    lines.chain([format!("                {places}; end each by `pathctl flag release ID`")]).collect()
}

fn ramp(ramp: &RampStatus) -> String {
    let steps = ramp.steps.len();
    let holding = ramp.holding.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let state = output::name(&ramp.state);
    let Some(step) = ramp.steps.get(ramp.next) else { return format!("{state}, all {steps} steps are taken") };
    let due = if ramp.due_at == 0 { "at once".into() } else { moment(ramp.due_at) };
    let (number, share, every) = (ramp.next + 1, Share::of_ppm(*step), length(ramp.every_ms));
    format!("{state}{holding}; step {number} of {steps}, {share}, is due {due}; then every {every}")
}
