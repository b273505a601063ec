//! `pathctl readiness`: whether the plan's next phase may begin, criterion by criterion.

use std::process::ExitCode;

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::collector::{Collector, GatewayArgs};
use crate::error::CliError;
use crate::output;
use crate::table::Table;

/// Hold each of the plan's criteria against what is known; succeeds only when all hold.
#[derive(Args)]
#[command(after_help = "The token is read from the variable PATHCTL_TOKEN.")]
pub struct ReadinessArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Readiness {
    ready: bool,
    computed_at: u64,
    criteria: Vec<Criterion>,
}

#[derive(Serialize, Deserialize)]
struct Criterion {
    name: String,
    title: String,
    wanted: String,
    figure: Option<String>,
    holds: Option<bool>,
    source: String,
}

/// Runs the command.
///
/// # Errors
/// When the gateway gives no answer that can be used.
pub async fn run(args: ReadinessArgs) -> Result<ExitCode, CliError> {
    let readiness: Readiness = Collector::connect(&args.gateway)?.get("readiness").await?;
    if args.gateway.json {
        output::say_json(&readiness)?;
    } else {
        let mut table = Table::new(["criterion", "wanted", "found", "holds", "source"]).words(&[0, 1, 2, 3, 4]);
        for Criterion { title, wanted, figure, holds, source, .. } in &readiness.criteria {
            let holds = holds.map_or("unknown", |holds| if holds { "yes" } else { "NO" });
            let figure = figure.as_deref().unwrap_or("–");
            table.row([title.clone(), wanted.clone(), figure.into(), holds.into(), source.clone()]);
        }
        output::say(&table);
        output::say(&if readiness.ready { "ready" } else { "not ready" });
    }
    Ok(if readiness.ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
