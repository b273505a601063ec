//! `pathctl stats`: figures of a period, over both stores, each event once.

mod csv;
pub mod order;
pub mod page;
pub mod period;

use std::process::ExitCode;

use clap::Args;

use self::order::Sort;
use self::page::Page;
use self::period::PeriodArgs;
use crate::collector::{Collector, GatewayArgs};
use crate::error::CliError;
use crate::missing::notice;
use crate::output;

/// Show requests, errors, response times and addresses, in all and by route.
#[derive(Args)]
#[command(after_help = "The token is read from the variable PATHCTL_TOKEN.")]
pub struct StatsArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    #[command(flatten)]
    period: PeriodArgs,
    /// Only this route, written as it is listed.
    #[arg(long, value_name = "ROUTE")]
    path: Option<String>,
    /// What the routes are sorted by.
    #[arg(long, value_enum, default_value_t = Sort::Requests)]
    sort: Sort,
    /// Most routes to list. [default: 30; with --csv or --json all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print the routes as CSV.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Routes that people are shown unless they ask for more.
const SHOWN_ROUTES: usize = 30;

/// Runs the command.
///
/// # Errors
/// When the gateway gives no answer that can be used, or has no such route.
pub async fn run(args: StatsArgs) -> Result<ExitCode, CliError> {
    let mut stats = Collector::connect(&args.gateway)?.stats(&args.period.query()).await?;
    if let Some(path) = &args.path {
        stats.paths.retain(|route| route.path == *path);
        if stats.paths.is_empty() {
            let step = format!("looking for the route {path}");
            let remedy = "list the routes with `pathctl stats`, or give a longer --range";
            return Err(CliError::failed(step, &"no request of this period took it", remedy));
        }
    }
    args.sort.apply(&mut stats.paths);
    let whole = args.gateway.json || args.csv;
    let limit = args.limit.unwrap_or(if whole { usize::MAX } else { SHOWN_ROUTES });
    if whole {
        stats.paths.truncate(limit);
    }
    if args.gateway.json {
        output::say_json(&stats)?;
    } else if args.csv {
        // The table itself is for programs.
        if !stats.missing.is_empty() {
            output::note(&notice(&stats.missing).trim_end());
        }
        output::say(&csv::table(&stats.paths));
    } else {
        let shown = stats.paths.get(..limit).unwrap_or(&stats.paths);
        output::say(&Page { stats: &stats, shown, one: args.path.is_some() });
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
pub mod tests {
    use crate::collector::traffic::{Classes, Figures, ResponseTime, Route};

    /// A route with so many requests, of which so many gave 5xx, and all of which took so long.
    pub fn route(path: &str, requests: u64, failed: u64, ms: Option<f64>) -> Route {
        let figures = Figures {
            requests,
            status: Classes { success: requests - failed, server_error: failed, ..Classes::default() },
            response_time: ms.map(|ms| ResponseTime { mean: ms, min: ms, max: ms, p50: ms, p95: ms, p99: ms }),
            addresses: None,
        };
        Route { path: path.into(), figures }
    }
}
