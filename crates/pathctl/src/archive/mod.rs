//! `pathctl archive`: the details that were moved to R2.
//!
//! **Lives here:** the subcommands; [`check`] holds a day's parts against its manifest.
//! **Invariant:** what is fetched is checked before it is written.

mod check;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::archive::Day;
use serde::Serialize;

use self::check::Check;
use crate::collector::archive::Days;
use crate::collector::{Collector, GatewayArgs};
use crate::error::CliError;
use crate::output;
use crate::table::Table;
use crate::time::moment;

/// List, fetch and verify archived details.
#[derive(Args)]
#[command(after_help = "The token is read from the variable PATHCTL_TOKEN.")]
pub struct ArchiveArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the newest 400 days.
    List,
    /// Fetch a day's events: gzip NDJSON by part, with the manifest, or one NDJSON file.
    Get(GetArgs),
    /// Hold parts against their manifests: checksums, lengths, rows, each event once.
    Verify {
        /// A UTC day such as 2026-11-23. [default: all days that are done]
        #[arg(value_parser = day)]
        day: Option<String>,
    },
}

#[derive(Args)]
struct GetArgs {
    /// A UTC day such as 2026-11-23.
    #[arg(value_parser = day)]
    day: String,
    /// The folder to write to; the day's files go into one of their own.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    output: PathBuf,
    /// Write one uncompressed file, DAY.ndjson, instead.
    #[arg(long)]
    plain: bool,
}

fn day(text: &str) -> Result<String, String> {
    Day::parse(text).map(|day| day.to_string()).ok_or_else(|| "give a UTC day such as 2026-11-23".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When the gateway gives no answer that can be used, or a file can't be written.
pub async fn run(args: ArchiveArgs) -> Result<ExitCode, CliError> {
    let collector = Collector::connect(&args.gateway)?;
    let json = args.gateway.json;
    match args.command {
        Command::List => list(&collector.archive_days().await?, json),
        Command::Get(args) => get(&collector, &args, json).await,
        Command::Verify { day } => verify(&collector, day, json).await,
    }
}

fn list(days: &Days, json: bool) -> Result<ExitCode, CliError> {
    if json {
        output::say_json(days)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !days.bound {
        output::note(&"no R2 bucket is bound as ARCHIVE: details are deleted on schedule, unarchived");
    }
    if days.days.is_empty() {
        output::say(&"no day is archived yet: the first is a week after its end (KEEP_DETAILS_DAYS)");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["day", "state", "parts", "events", "bytes", "done"]).words(&[0, 1, 5]);
    for day in &days.days {
        table.row([
            day.day.clone(),
            day.state.clone(),
            day.parts.to_string(),
            day.rows.to_string(),
            day.bytes.to_string(),
            day.done_at.map(moment).unwrap_or_default(),
        ]);
    }
    output::say(&table);
    Ok(ExitCode::SUCCESS)
}

/// What a day's check found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    day: String,
    rows: u64,
    bytes: u64,
    unique_digests: u64,
    failures: Vec<String>,
}

/// Fetches and checks a day; hands each part that is as the manifest says to `keep`.
async fn fetch(
    collector: &Collector,
    day: &str,
    mut keep: impl FnMut(&str, &[u8], &[u8]) -> Result<(), CliError>,
) -> Result<(Outcome, Vec<u8>), CliError> {
    let manifest = collector.manifest(day).await?;
    let mut check = Check::of(&manifest, day);
    for part in &manifest.parts {
        let file = collector.archive_part(day, &part.name).await?;
        if let Some(plain) = check.part(part, &file) {
            keep(&part.name, &file, &plain)?;
        }
    }
    let (unique_digests, failures) = check.conclude();
    let (rows, bytes) = (manifest.rows, manifest.bytes);
    let text = serde_json::to_vec(&manifest)
        .map_err(|error| CliError::failed("writing JSON", &error, "report it as a fault of this tool"))?;
    Ok((Outcome { day: day.to_owned(), rows, bytes, unique_digests, failures }, text))
}

async fn get(collector: &Collector, args: &GetArgs, json: bool) -> Result<ExitCode, CliError> {
    let write = |path: &Path, bytes: &[u8]| fs::write(path, bytes).map_err(|error| CliError::writing(path, error));
    let folder = if args.plain { args.output.clone() } else { args.output.join(&args.day) };
    fs::create_dir_all(&folder).map_err(|error| CliError::writing(&folder, error))?;
    let mut lines = Vec::new();
    let keep = |name: &str, file: &[u8], plain: &[u8]| {
        if args.plain {
            lines.extend_from_slice(plain);
            Ok(())
        } else {
            write(&folder.join(name), file)
        }
    };
    let (outcome, manifest) = fetch(collector, &args.day, keep).await?;
    if outcome.failures.is_empty() {
        if args.plain {
            write(&folder.join(format!("{}.ndjson", args.day)), &lines)?;
        } else {
            // Last, as in the bucket: with it, the day is whole.
            write(&folder.join("manifest.json"), &manifest)?;
        }
    }
    show(&[outcome], json)
}

async fn verify(collector: &Collector, day: Option<String>, json: bool) -> Result<ExitCode, CliError> {
    let days = if let Some(day) = day {
        vec![day]
    } else {
        let days = collector.archive_days().await?.days;
        days.into_iter().filter(|day| day.state == "done").map(|day| day.day).collect()
    };
    let mut outcomes = Vec::new();
    for day in days {
        outcomes.push(fetch(collector, &day, |_, _, _| Ok(())).await?.0);
    }
    show(&outcomes, json)
}

/// Exit code 1 says that a day is not as its manifest says.
fn show(outcomes: &[Outcome], json: bool) -> Result<ExitCode, CliError> {
    if json {
        output::say_json(&serde_json::json!({ "days": outcomes }))?;
    } else {
        for Outcome { day, rows, bytes, unique_digests, failures } in outcomes {
            let verdict = if failures.is_empty() { "as its manifest says" } else { "DAMAGED" };
            output::say(&format!("{day}: {rows} events, {unique_digests} digests, {bytes} bytes: {verdict}"));
            for failure in failures {
                output::say(&format!("  {failure}"));
            }
        }
    }
    let sound = outcomes.iter().all(|outcome| outcome.failures.is_empty());
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
