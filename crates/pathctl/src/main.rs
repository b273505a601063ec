//! `pathctl`, the operator's tool of Path Collector.
//!
//! One module for each subcommand, and what they share: the way to the gateway ([`gateway`], [`refusal`]), how people
//! write and read values ([`argument`], [`share`], [`time`], [`table`]), and the operator's yes ([`consent`]).

mod archive;
mod argument;
mod completions;
mod consent;
mod dead_letters;
#[cfg(test)]
mod documented;
mod error;
mod flag;
mod gateway;
mod id;
mod metrics;
mod output;
mod parity;
mod readiness;
mod refusal;
mod share;
mod stats;
mod table;
mod time;
mod top;
mod trace;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::gateway::GatewayArgs;

/// Operate Path Collector: the flag that says which store counts an event, proof that both stores agree, and what was
/// counted.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
#[command(
    after_help = "On an account, set PATHCTL_TOKEN to the gateway's secret READ_TOKEN, or to its ADMIN_TOKEN to \
                        change something."
)]
struct Cli {
    #[command(flatten)]
    gateway: GatewayArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(subcommand)]
    Flag(flag::FlagCommand),
    #[command(subcommand)]
    Parity(parity::ParityCommand),
    /// Tell whether the migration's next phase may begin, criterion by criterion; succeeds only when all hold.
    Readiness,
    Stats(stats::StatsArgs),
    Top(top::TopArgs),
    Trace(trace::TraceArgs),
    Metrics(metrics::MetricsArgs),
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLettersCommand),
    #[command(subcommand)]
    Archive(archive::ArchiveCommand),
    Id(id::IdArgs),
    Completions(completions::CompletionsArgs),
}

fn main() -> ExitCode {
    let Cli { gateway, command } = Cli::parse();
    let outcome = match command {
        Command::Flag(command) => flag::run(&gateway, command),
        Command::Parity(command) => parity::run(&gateway, command),
        Command::Readiness => readiness::run(&gateway),
        Command::Stats(args) => stats::run(&gateway, args),
        Command::Top(args) => top::run(&gateway, &args),
        Command::Trace(args) => trace::run(&gateway, &args),
        Command::Metrics(args) => metrics::run(&gateway, &args),
        Command::DeadLetters(command) => dead_letters::run(&gateway, command),
        Command::Archive(command) => archive::run(&gateway, command),
        Command::Id(args) => id::run(&args),
        Command::Completions(args) => Ok(completions::run(&args, Cli::command())),
    };
    outcome.unwrap_or_else(|error| {
        output::note(&format!("error: {error}"));
        ExitCode::FAILURE
    })
}
