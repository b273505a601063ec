//! `cargo xtask replay`: sends an access log to a gateway.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use traffic::gateway::{Gateway, Target};
use traffic::log_reader::LogReader;
use traffic::replay::{ReplayPace, replay};

use crate::progress::bar;
use crate::stop_on_signal;

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

/// Fails if a request stayed unanswered or the log broke off; bad lines are no failure.
pub async fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signal()?;
    let gateway = Gateway::new(args.target, Duration::from_secs(args.timeout))?;
    let pace = match (args.speed, args.rate) {
        (Some(speed), _) => ReplayPace::Recorded(speed),
        (None, Some(rate)) => ReplayPace::Rate(rate),
        (None, None) => ReplayPace::Unbounded,
    };
    let log = open(&args.file, "replaying")?;
    let summary = replay(log, &gateway, pace, args.concurrency.into(), &stop).await;
    eprint!("{}", summary.bad_lines);
    if args.json {
        println!("{}", serde_json::to_string(&summary)?);
    } else {
        println!("{summary}");
    }
    if summary.answered == 0 && summary.sent > 0 {
        eprintln!("no request was answered: check --target, and that a gateway listens there");
    }
    let complete = summary.errors.is_empty() && summary.bad_lines.broken_off.is_none() && !summary.interrupted;
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Opens a log, with a bar that shows how much of it has been read.
pub fn open(path: &Path, doing: &'static str) -> anyhow::Result<LogReader> {
    let named = || format!("reading {}", path.display());
    let file = File::open(path).with_context(named)?;
    let size = file.metadata().with_context(named)?.len();
    let bar = bar(size, doing, "{msg:12} {wide_bar} {bytes}/{total_bytes}, {eta} left");
    LogReader::new(bar.wrap_read(file)).with_context(named)
}

/// A number above 0.
pub fn positive(text: &str) -> anyhow::Result<f64> {
    let number: f64 = text.parse()?;
    ensure!(number.is_finite() && number > 0.0, "give a number above 0");
    Ok(number)
}
