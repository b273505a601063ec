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

/// What the gateway answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    ready: bool,
    computed_at: u64,
    /// Each of the plan's criteria.
    pub criteria: Vec<Criterion>,
}

/// One criterion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    name: String,
    /// What it is about.
    pub title: String,
    /// What it must be.
    pub wanted: String,
    /// What it is; none if it is not known.
    pub figure: Option<String>,
    /// Whether it holds; none if it is not known.
    pub holds: Option<bool>,
    /// Where the figure comes from.
    pub source: String,
}

impl Criterion {
    /// `yes`, `NO` or `unknown`.
    pub const fn answer(&self) -> &'static str {
        match self.holds {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "unknown",
        }
    }
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
        for criterion in &readiness.criteria {
            let Criterion { title, wanted, figure, source, .. } = criterion;
            let figure = figure.as_deref().unwrap_or("–");
            table.row([title.clone(), wanted.clone(), figure.into(), criterion.answer().into(), source.clone()]);
        }
        output::say(&table);
        output::say(&if readiness.ready { "ready" } else { "not ready" });
    }
    Ok(if readiness.ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
