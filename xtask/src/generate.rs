//! `cargo xtask generate`: a synthetic access log, and beside it the truth about it.
//!
//! Invariant: the same arguments write the same bytes.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use jiff::{Span, SpanRelativeTo, Timestamp};
use serde::Serialize;
use traffic::catalogue::SHOP_ROUTES;
use traffic::truth::{Truth, TruthBuilder};
use traffic::workload::{Workload, WorkloadOptions};

use crate::progress::request_bar;

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
    #[arg(long, default_value_t = SHOP_ROUTES as u64, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    paths: u64,
    /// Time of the beginning (RFC 3339).
    #[arg(long, default_value = "2025-01-06T00:00:00Z")]
    start: Timestamp,
    /// Length of time that the log covers, such as 90s, 15m, 24h or 7d.
    #[arg(long, default_value = "24h")]
    duration: Span,
    /// The log to write. The truth goes to the same name with .truth.json.
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

/// Writes the log and its truth, and prints the latter's main figures.
pub fn run(args: &GenerateArgs) -> anyhow::Result<ExitCode> {
    let Truth { total, paths } = generate(args)?;
    println!(
        "{}: {} requests on {} routes from {} addresses; p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms",
        args.output.display(),
        total.requests,
        paths.len(),
        total.unique_addresses,
        total.p50_ms,
        total.p95_ms,
        total.p99_ms,
    );
    Ok(ExitCode::SUCCESS)
}

fn generate(args: &GenerateArgs) -> anyhow::Result<Truth> {
    let named = || format!("writing {}", args.output.display());
    let options = args.options()?;
    let mut log = BufWriter::new(File::create(&args.output).with_context(named)?);
    let bar = request_bar(args.requests, "generating");
    let mut truth = TruthBuilder::default();
    for request in Workload::new(&options) {
        writeln!(log, "{}", request.to_entry()).with_context(named)?;
        truth.add(&request.route, &request.address, request.latency_us);
        bar.inc(1);
    }
    log.flush().with_context(named)?;
    bar.finish_and_clear();
    let sidecar =
        Sidecar { seed: args.seed, start: args.start, duration_ms: options.duration_ms, truth: truth.finish() };
    write_json(&sidecar_path(&args.output), &sidecar)?;
    Ok(sidecar.truth)
}

impl GenerateArgs {
    fn options(&self) -> anyhow::Result<WorkloadOptions> {
        let length = self.duration.to_duration(SpanRelativeTo::days_are_24_hours()).context("reading --duration")?;
        Ok(WorkloadOptions {
            seed: self.seed,
            requests: self.requests,
            routes: usize::try_from(self.paths)?,
            start_ms: self.start.as_millisecond().try_into().context("--start is before 1970")?,
            duration_ms: length.as_millis().try_into().context("--duration is negative")?,
        })
    }
}

/// Writes `value` as indented JSON.
pub fn write_json(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        serde_json::to_writer_pretty(&mut file, value)?;
        writeln!(file)?;
        file.flush()
    };
    write().with_context(|| format!("writing {}", path.display()))
}

fn sidecar_path(log: &Path) -> PathBuf {
    let mut path = log.as_os_str().to_owned();
    path.push(".truth.json");
    path.into()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::replay::open;

    fn generated(seed: u64, output: PathBuf) -> GenerateArgs {
        let start = "2025-01-06T00:00:00Z".parse().unwrap();
        let args = GenerateArgs { seed, requests: 3_000, paths: 50, start, duration: "2h".parse().unwrap(), output };
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
        let first = bytes(7, "a.log");
        assert_eq!(first, bytes(7, "b.log"));
        assert_ne!(first, bytes(8, "c.log"));
    }

    #[test]
    fn a_log_reads_back_whole_and_its_truth_fits_it() {
        let folder = tempfile::tempdir().unwrap();
        let args = generated(7, folder.path().join("a.log"));
        let mut reader = open(&args.output, "reading").unwrap();
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
}
