//! `cargo xtask`: what developers run beside the build.

mod cost;
mod demo;
#[cfg(test)]
mod documented;
mod generate;
mod openapi;
mod planted;
mod progress;
mod replay;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Try Path Collector (the demo, traffic made up or replayed, the cost of a load), and write what is made of its sources.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Demo(demo::DemoArgs),
    Generate(generate::GenerateArgs),
    Replay(replay::ReplayArgs),
    Cost(cost::CostArgs),
    /// Write docs/openapi.json from the types and routes of the API.
    Openapi,
    Planted(planted::PlantedArgs),
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().task {
        Task::Demo(args) => demo::run(args).await,
        Task::Generate(args) => generate::run(&args),
        Task::Replay(args) => replay::run(args).await,
        Task::Cost(args) => cost::run(&args),
        Task::Openapi => openapi::run(),
        Task::Planted(args) => planted::run(&args),
    }
}

/// A token that is cancelled by Ctrl-C, `kill` or a closed terminal. None of them ends the process any more: whoever
/// has started others must be left the time to end them.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let (mut signals, stop) = (signal(kind)?, stop.clone());
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                stop.cancel();
            }
        });
    }
    Ok(stop)
}
