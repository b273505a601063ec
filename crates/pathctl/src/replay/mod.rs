//! `pathctl replay`: sends an access log to a gateway.
//!
//! Method, target and address are the log's; each request has an ID of its own, so that each is counted once.

mod pace;
mod summary;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use self::pace::{Pace, Paced};
use self::summary::{Outcomes, Summary};
use crate::dispatch::{Due, dispatch};
use crate::error::CliError;
use crate::gateway::{Gateway, Outgoing, Target};
use crate::interrupt::Interrupt;
use crate::log_reader::LogReader;
use crate::output;
use crate::ray::Rays;

/// Send an access log (Common or Combined Log Format, plain or gzip) to a gateway.
#[derive(Args)]
pub struct ReplayArgs {
    /// The log. After the agent a field rt=SECONDS may follow.
    file: PathBuf,
    /// The gateway, such as `http://127.0.0.1:8787`.
    #[arg(long, value_name = "URL", value_parser = Target::parse)]
    target: Target,
    /// Keep the log's own times, so many times faster (1 is as it was).
    #[arg(long, value_name = "TIMES", value_parser = positive)]
    speed: Option<f64>,
    /// Send so many requests per second.
    #[arg(long, value_name = "PER_SECOND", value_parser = positive, conflicts_with = "speed")]
    rate: Option<f64>,
    /// Most requests under way at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    concurrency: u16,
    /// Seconds after which a request counts as unanswered.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    timeout: u64,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command. It fails if a request stayed unanswered or the log broke off; bad lines are no failure.
///
/// # Errors
/// When the log can't be opened.
pub async fn run(args: ReplayArgs) -> Result<ExitCode, CliError> {
    let interrupt = Interrupt::listen()?;
    let summary = replay(&args, &interrupt).await?;
    summary.bad_lines.report();
    if args.json {
        output::say_json(&summary)?;
    } else {
        output::say(&summary);
    }
    if summary.answered == 0 && summary.sent > 0 {
        output::note(&"no request was answered: check --target, and that a gateway listens there");
    }
    let complete = summary.errors.is_empty() && summary.bad_lines.broken_off.is_none() && !summary.interrupted;
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn replay(args: &ReplayArgs, interrupt: &Interrupt) -> Result<Summary, CliError> {
    let gateway = Gateway::new(args.target.clone(), Duration::from_secs(args.timeout))?;
    let pace = match (args.speed, args.rate) {
        (Some(speed), _) => Pace::Recorded(speed),
        (None, Some(rate)) => Pace::Rate(rate),
        (None, None) => Pace::Unbounded,
    };
    let mut reader = LogReader::open(&args.file, "replaying")?;
    let mut rays = Rays::new();
    // Only what can be sent takes a place in the rhythm.
    let sendable = std::iter::from_fn(|| {
        loop {
            let (line, entry) = reader.next()?;
            match Outgoing::from_entry(&entry, &rays.issue()) {
                Ok(outgoing) => return Some((entry.time_s, outgoing)),
                Err(error) => reader.refuse(line, &error),
            }
        }
    });
    let due = Paced::new(sendable, pace).map(|(after, outgoing)| Due { after, outgoing, tag: () });
    let mut outcomes = Outcomes::default();
    let begin = Instant::now();
    let concurrency = usize::from(args.concurrency);
    let latest = dispatch(&gateway, due, concurrency, interrupt, |(), outcome| outcomes.add(outcome)).await;
    let bad_lines = reader.into_bad_lines();
    Ok(outcomes.finish(begin.elapsed(), latest, bad_lines, interrupt.requested()))
}

/// A number above 0.
pub fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("give a number above 0".into()),
    }
}

#[cfg(test)]
mod tests;
