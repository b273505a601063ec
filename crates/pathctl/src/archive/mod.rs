//! `pathctl archive`: days whose details were moved to R2.
//!
//! Invariant: what is fetched is held against its manifest before it is kept.

mod check;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use api::archive::ArchiveAnswer;
use clap::{Args, Subcommand};
use model::archive::manifest::Manifest;
use model::reading::trace::ArchiveProgress;
use serde::Serialize;

use self::check::ArchiveCheck;
use crate::argument::day;
use crate::error::CliError;
use crate::gateway::{ApiClient, ApiResponse, GatewayArgs};
use crate::output;
use crate::table::plain;
use crate::time::moment;

/// List, fetch and verify archived events.
#[derive(Subcommand)]
pub enum ArchiveCommand {
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
pub struct GetArgs {
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

/// Runs the command.
pub fn run(gateway: &GatewayArgs, command: ArchiveCommand) -> Result<ExitCode, CliError> {
    let json = gateway.json;
    let gateway = gateway.connect()?;
    match command {
        ArchiveCommand::List => list(&gateway.get("archive")?, json),
        ArchiveCommand::Get(args) => get(&gateway, &args, json),
        ArchiveCommand::Verify { day } => verify(&gateway, day, json),
    }
}

fn list(answer: &ApiResponse<ArchiveAnswer>, json: bool) -> Result<ExitCode, CliError> {
    let ArchiveAnswer { bound, days } = &answer.value;
    if json {
        output::say_json(&answer.raw)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !bound {
        output::note(&"no R2 bucket is bound as ARCHIVE: details are deleted on schedule, unarchived");
    }
    if days.is_empty() {
        output::say(&"no day is archived yet: the first is a week after its end (KEEP_DETAILS_DAYS)");
        return Ok(ExitCode::SUCCESS);
    }
    let rows = days.iter().map(|day| {
        let [parts, rows, bytes] = [day.parts, day.rows, day.bytes].map(|count| count.to_string());
        [day.day.clone(), output::name(&day.state), parts, rows, bytes, day.done_at.map(moment).unwrap_or_default()]
    });
    output::say(&plain(["<day", "<state", "parts", "events", "bytes", "<done"], rows));
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

/// Fetches and checks a day; hands each part that is as the manifest says to `keep`: its name, as it is stored, and
/// uncompressed.
fn fetch(
    gateway: &ApiClient,
    day: &str,
    mut keep: impl FnMut(&str, &[u8], &[u8]) -> Result<(), CliError>,
) -> Result<(Outcome, Manifest), CliError> {
    let manifest: Manifest = gateway.get(&format!("archive/{day}"))?.value;
    let mut check = ArchiveCheck::of(&manifest, day);
    for part in &manifest.parts {
        let file = gateway.archived(day, &part.name)?;
        if let Some(plain) = check.part(part, &file) {
            keep(&part.name, &file, &plain)?;
        }
    }
    let (unique_digests, failures) = check.conclude();
    let (rows, bytes) = (manifest.rows, manifest.bytes);
    Ok((Outcome { day: day.to_owned(), rows, bytes, unique_digests, failures }, manifest))
}

fn get(gateway: &ApiClient, args: &GetArgs, json: bool) -> Result<ExitCode, CliError> {
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
    let (outcome, manifest) = fetch(gateway, &args.day, keep)?;
    if outcome.failures.is_empty() {
        if args.plain {
            write(&folder.join(format!("{}.ndjson", args.day)), &lines)?;
        } else {
            // Last, as in the bucket: with it, the day is whole.
            write(&folder.join("manifest.json"), &serde_json::to_vec(&manifest)?)?;
        }
    }
    show(&[outcome], json)
}

fn verify(gateway: &ApiClient, day: Option<String>, json: bool) -> Result<ExitCode, CliError> {
    let days = if let Some(day) = day {
        vec![day]
    } else {
        let days = gateway.get::<ArchiveAnswer>("archive")?.value.days;
        days.into_iter().filter(|day| day.state == ArchiveProgress::Done).map(|day| day.day).collect()
    };
    let outcomes = days.iter().map(|day| Ok(fetch(gateway, day, |_, _, _| Ok(()))?.0));
    show(&outcomes.collect::<Result<Vec<_>, CliError>>()?, json)
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
