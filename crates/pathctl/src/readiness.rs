//! `pathctl readiness`: whether the plan's next phase may begin, criterion by criterion.

use std::process::ExitCode;

use serde::Deserialize;

use crate::error::CliError;
use crate::gateway::GatewayArgs;
use crate::output;
use crate::table::plain;

#[derive(Deserialize)]
struct Readiness {
    ready: bool,
    criteria: Vec<Criterion>,
}

/// One criterion; what is not known has neither figure nor answer.
#[derive(Deserialize)]
struct Criterion {
    title: String,
    wanted: String,
    figure: Option<String>,
    holds: Option<bool>,
    source: String,
}

/// Runs the command.
pub fn run(gateway: &GatewayArgs) -> Result<ExitCode, CliError> {
    let answer = gateway.connect()?.get::<Readiness>("readiness")?;
    let Readiness { ready, criteria } = answer.value;
    if gateway.json {
        output::say_json(&answer.raw)?;
    } else {
        let rows = criteria.into_iter().map(|Criterion { title, wanted, figure, holds, source }| {
            let holds = match holds {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "unknown",
            };
            [title, wanted, figure.unwrap_or_else(|| "–".into()), holds.into(), source]
        });
        output::say(&plain(["<criterion", "<wanted", "<found", "<holds", "<source"], rows));
        output::say(&if ready { "ready" } else { "not ready" });
    }
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
