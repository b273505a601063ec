//! `pathctl generate`: a synthetic access log, and beside it the truth about it.
//!
//! Invariant: the same arguments write the same bytes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::catalogue::SHOP_ROUTES;
use crate::error::CliError;
use crate::output;
use crate::time;
use crate::truth::{Truth, TruthBuilder};
use crate::workload::{Workload, WorkloadOptions};

/// Most requests in a generated log: the truth about them takes 16 bytes each.
const MAX_REQUESTS: u64 = 100_000_000;

/// Write a synthetic access log (Combined Log Format and response time) with its truth in a file beside it.
#[derive(Args)]
pub struct GenerateArgs {
    /// Chooses the log; the same seed writes the same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of requests.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=MAX_REQUESTS))]
    requests: u64,
    /// Number of routes; beyond the catalogue's own, those of further services.
    #[arg(long, default_value_t = SHOP_ROUTES, value_parser = routes)]
    paths: usize,
    /// Time of the beginning (RFC 3339).
    #[arg(long, default_value = "2025-01-06T00:00:00Z", value_parser = start)]
    start: Timestamp,
    /// Length of time that the log covers, such as 90s, 15m, 24h or 7d.
    #[arg(long, default_value = "24h", value_parser = time::length)]
    duration: SignedDuration,
    /// The log to write; compressed if its name ends in .gz. The truth goes to the same name with .truth.json.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// The file beside the log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sidecar {
    seed: u64,
    start: Timestamp,
    duration_ms: u64,
    #[serde(flatten)]
    truth: Truth,
}

/// Runs the command.
///
/// # Errors
/// When a file can't be written, or the times are out of range.
pub fn run(args: &GenerateArgs) -> Result<ExitCode, CliError> {
    let truth = generate(args)?;
    output::say(&format!(
        "{}: {} requests on {} routes from {} addresses; p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms",
        args.output.display(),
        truth.total.requests,
        truth.paths.len(),
        truth.total.unique_addresses,
        truth.total.p50_ms,
        truth.total.p95_ms,
        truth.total.p99_ms,
    ));
    Ok(ExitCode::SUCCESS)
}

/// Writes the log and its truth.
fn generate(args: &GenerateArgs) -> Result<Truth, CliError> {
    let options = args.options()?;
    let failed = |error| CliError::writing(&args.output, error);
    let mut log = LogWriter::create(&args.output).map_err(failed)?;
    let bar = output::request_bar(args.requests, "generating");
    let mut truth = TruthBuilder::default();
    for request in Workload::new(&options) {
        log.write(&request.to_entry()).map_err(failed)?;
        truth.add(&request);
        bar.inc(1);
    }
    log.finish().map_err(failed)?;
    bar.finish_and_clear();
    let sidecar =
        Sidecar { seed: args.seed, start: args.start, duration_ms: options.duration_ms, truth: truth.finish() };
    write_json(&sidecar_path(&args.output), &sidecar)?;
    Ok(sidecar.truth)
}

impl GenerateArgs {
    fn options(&self) -> Result<WorkloadOptions, CliError> {
        let start_ms = u64::try_from(self.start.as_millisecond()).map_err(|_| {
            CliError::failed("reading --start", &format!("{} is before 1970", self.start), "give a later time")
        })?;
        let duration_ms = u64::try_from(self.duration.as_millis())
            .map_err(|_| CliError::failed("reading --duration", &"it is negative", "give a length such as 24h"))?;
        Ok(WorkloadOptions { seed: self.seed, requests: self.requests, routes: self.paths, start_ms, duration_ms })
    }
}

/// Writes `value` to `path` as indented JSON.
///
/// # Errors
/// When the file can't be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), CliError> {
    let failed = |error| CliError::writing(path, error);
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    serde_json::to_writer_pretty(&mut file, value).map_err(|error| failed(error.into()))?;
    writeln!(file).and_then(|()| file.flush()).map_err(failed)
}

fn sidecar_path(log: &Path) -> PathBuf {
    let mut path = log.as_os_str().to_owned();
    path.push(".truth.json");
    path.into()
}

enum LogWriter {
    Plain(BufWriter<File>),
    Gzip(BufWriter<GzEncoder<File>>),
}

impl LogWriter {
    fn create(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        Ok(if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz")) {
            Self::Gzip(BufWriter::new(GzEncoder::new(file, Compression::default())))
        } else {
            Self::Plain(BufWriter::new(file))
        })
    }

    fn write(&mut self, line: &impl std::fmt::Display) -> io::Result<()> {
        match self {
            Self::Plain(file) => writeln!(file, "{line}"),
            Self::Gzip(file) => writeln!(file, "{line}"),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Gzip(file) => file.into_inner().map_err(io::IntoInnerError::into_error)?.finish().map(drop),
        }
    }
}

fn routes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=100_000) => Ok(count),
        _ => Err("give a number of routes from 1 to 100000".into()),
    }
}

fn start(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "give a time such as 2025-01-06T00:00:00Z".into())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::log_reader::LogReader;

    fn generated(seed: u64, output: PathBuf) -> GenerateArgs {
        let start = start("2025-01-06T00:00:00Z").unwrap();
        let duration = time::length("2h").unwrap();
        let args = GenerateArgs { seed, requests: 3_000, paths: 50, start, duration, output };
        assert_eq!(generate(&args).unwrap().total.requests, 3_000);
        args
    }

    #[test]
    fn the_same_seed_writes_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = |seed, name: &str| {
            let args = generated(seed, folder.path().join(name));
            (std::fs::read(&args.output).unwrap(), std::fs::read(sidecar_path(&args.output)).unwrap())
        };
        for extension in ["log", "log.gz"] {
            let first = bytes(7, &format!("a.{extension}"));
            assert_eq!(first, bytes(7, &format!("b.{extension}")));
            assert_ne!(first, bytes(8, &format!("c.{extension}")));
        }
    }

    #[test]
    fn a_log_reads_back_whole_and_its_truth_fits_it() {
        let folder = tempfile::tempdir().unwrap();
        let args = generated(7, folder.path().join("a.log.gz"));
        let mut reader = LogReader::open(&args.output, "reading").unwrap();
        let entries: Vec<_> = reader.by_ref().map(|(_, entry)| entry).collect();
        assert_eq!(reader.into_bad_lines().count, 0);
        assert_eq!(entries.len(), 3_000);
        let start_s = args.start.as_second();
        assert!(entries.iter().all(|e| (start_s..=start_s + 7_200).contains(&e.time_s)));

        let sidecar: Value = serde_json::from_slice(&std::fs::read(sidecar_path(&args.output)).unwrap()).unwrap();
        assert_eq!(sidecar["total"]["requests"], 3_000);
        let by_path = sidecar["paths"].as_object().unwrap().values();
        assert_eq!(by_path.map(|exact| exact["requests"].as_u64().unwrap()).sum::<u64>(), 3_000);
        let not_found = entries.iter().filter(|e| e.status == 404).count();
        assert_eq!(sidecar["paths"]["(unmatched)"]["requests"], not_found);
    }

    #[test]
    fn an_output_that_cannot_be_written_is_named_with_a_remedy() {
        let start = start("2025-01-06T00:00:00Z").unwrap();
        let duration = time::length("1h").unwrap();
        let output = PathBuf::from("/no/such/folder/a.log");
        let args = GenerateArgs { seed: 1, requests: 1, paths: 1, start, duration, output };
        let error = generate(&args).unwrap_err().to_string();
        assert!(error.contains("writing /no/such/folder/a.log") && error.contains("give a path"), "{error}");
    }
}
