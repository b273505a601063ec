//! `pathctl`, the operator's tool of Path Collector.
//!
//! **Lives here:** one module per subcommand (`id`, `generate`, `replay`, `demo`, `flag`, `parity`,
//! `readiness`, `dead-letters`, `archive`, `stats`, `top`, `trace`, `metrics`, `cost`, `completions`) and what they
//! share: the access log ([`access_log`], [`log_reader`]), the synthetic traffic
//! ([`workload`] over [`catalogue`] and [`random`]), its exact figures ([`truth`]), the way to the gateway ([`gateway`], [`dispatch`]), the collector's API behind it
//! ([`collector`]), and how people write shares and times ([`mod@share`], [`time`]).
//! **May import:** `model`, so that the tool and the Worker share one definition of each value.
//! **Never:** what the figures under test are computed with. Truth is exact and knows no sketch.

mod access_log;
mod archive;
mod catalogue;
mod collector;
mod completions;
mod consent;
mod cost;
mod dead_letters;
mod demo;
mod dispatch;
#[cfg(test)]
mod documented;
mod error;
mod flag;
mod gateway;
mod generate;
mod id;
mod interrupt;
mod log_reader;
mod metrics;
mod missing;
mod output;
mod parity;
mod percent;
mod random;
mod ray;
mod readiness;
mod replay;
mod share;
mod stats;
mod table;
mod time;
mod top;
mod trace;
mod truth;
mod workload;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::error::CliError;

/// The operator's tool of Path Collector.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Id(id::IdArgs),
    Generate(generate::GenerateArgs),
    Replay(replay::ReplayArgs),
    Demo(demo::DemoArgs),
    Flag(flag::FlagArgs),
    Parity(parity::ParityArgs),
    Readiness(readiness::ReadinessArgs),
    DeadLetters(dead_letters::DeadLettersArgs),
    Archive(archive::ArchiveArgs),
    Stats(stats::StatsArgs),
    Top(top::TopArgs),
    Trace(trace::TraceArgs),
    Metrics(metrics::MetricsArgs),
    Cost(cost::CostArgs),
    Completions(completions::CompletionsArgs),
}

/// Exit code after Ctrl-C, as shells give it: 128 and the signal's number.
const EXIT_INTERRUPTED: u8 = 128 + 2;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Id(args) => id::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Replay(args) => in_runtime(replay::run(args)),
        Command::Demo(args) => in_runtime(demo::run(args)),
        Command::Flag(args) => in_runtime(flag::run(args)),
        Command::Parity(args) => in_runtime(parity::run(args)),
        Command::Readiness(args) => in_runtime(readiness::run(args)),
        Command::DeadLetters(args) => in_runtime(dead_letters::run(args)),
        Command::Archive(args) => in_runtime(archive::run(args)),
        Command::Stats(args) => in_runtime(stats::run(args)),
        Command::Top(args) => in_runtime(top::run(args)),
        Command::Trace(args) => in_runtime(trace::run(args)),
        Command::Metrics(args) => in_runtime(metrics::run(args)),
        Command::Cost(args) => cost::run(&args),
        Command::Completions(args) => Ok(completions::run(&args, Cli::command())),
    };
    match outcome {
        Ok(code) => code,
        Err(CliError::Interrupted) => {
            output::note(&CliError::Interrupted);
            ExitCode::from(EXIT_INTERRUPTED)
        }
        Err(error) => {
            output::note(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs a command that waits for the network.
fn in_runtime(command: impl Future<Output = Result<ExitCode, CliError>>) -> Result<ExitCode, CliError> {
    tokio::runtime::Runtime::new()
        .map_err(|error| CliError::failed("starting the runtime", &error, "free memory or threads, then try again"))?
        .block_on(command)
}
