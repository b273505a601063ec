//! `pathctl readiness`: whether the plan's next phase may begin, criterion by criterion.

use std::process::ExitCode;

use api::readiness::ReadinessAnswer;
use model::operating::readiness::Criterion;

use crate::error::CliError;
use crate::gateway::GatewayArgs;
use crate::output;
use crate::table::plain;

/// Runs the command.
pub fn run(gateway: &GatewayArgs) -> Result<ExitCode, CliError> {
    let answer = gateway.connect()?.get::<ReadinessAnswer>("readiness")?;
    let ReadinessAnswer { ready, criteria, .. } = answer.value;
    if gateway.json {
        output::say_json(&answer.raw)?;
    } else {
        let rows = criteria.into_iter().map(|Criterion { title, wanted, figure, holds, source, .. }| {
            let holds = match holds {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "unknown",
            };
            [title.into(), wanted.into(), figure.unwrap_or_else(|| "–".into()), holds.into(), source.into()]
        });
        output::say(&plain(["<criterion", "<wanted", "<found", "<holds", "<source"], rows));
        output::say(&if ready { "ready" } else { "not ready" });
    }
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
