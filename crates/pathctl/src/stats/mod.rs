//! `pathctl stats`: figures of a period, over both stores, each event once.

pub mod page;
pub mod sort;

use std::io;
use std::process::ExitCode;

use api::stats::{RouteFigures, StatsAnswer};
use clap::Args;
use model::counting::figures::StatusClasses;

use self::page::StatsPage;
use self::sort::RouteOrder;
use crate::argument::moment;
use crate::error::CliError;
use crate::gateway::GatewayArgs;
use crate::output::{self, notice};

/// The ranges that the API knows by name; each ends now.
const RANGES: [&str; 7] = ["15m", "1h", "6h", "24h", "7d", "30d", "90d"];

/// Routes that people are shown unless they ask for more.
const SHOWN_ROUTES: usize = 30;

/// Show requests, errors, response times and addresses, in all and by route.
#[derive(Args)]
pub struct StatsArgs {
    /// Length of a period that ends now.
    #[arg(long, value_name = "LENGTH", value_parser = RANGES, conflicts_with = "from", default_value = "1h")]
    range: String,
    /// Beginning: 2026-11-23, 2026-11-23T08:00:00Z, or ms since 1970.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<u64>,
    /// End, in the same forms. [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<u64>,
    /// Only this route, written as it is listed.
    #[arg(long, value_name = "ROUTE")]
    path: Option<String>,
    /// What the routes are sorted by.
    #[arg(long, value_enum, default_value_t = RouteOrder::Requests)]
    sort: RouteOrder,
    /// Most routes to list. [default: 30; with --csv or --json all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print the routes as CSV.
    #[arg(long)]
    csv: bool,
}

/// Runs the command.
pub fn run(gateway: &GatewayArgs, args: StatsArgs) -> Result<ExitCode, CliError> {
    let mut stats = gateway.connect()?.get::<StatsAnswer>(&args.route())?.value;
    let is_one = args.path.is_some();
    if let Some(path) = args.path {
        stats.paths.retain(|route| route.path == path);
        if stats.paths.is_empty() {
            return Err(CliError::NoSuchRoute { path });
        }
    }
    args.sort.apply(&mut stats.paths);
    if args.csv {
        // The table itself is for programs.
        eprint!("{}", notice(&stats.missing));
        stats.paths.truncate(args.limit.unwrap_or(usize::MAX));
        write_csv(&stats.paths)?;
    } else if gateway.json {
        stats.paths.truncate(args.limit.unwrap_or(usize::MAX));
        output::say_json(&stats)?;
    } else {
        let shown = stats.paths.get(..args.limit.unwrap_or(SHOWN_ROUTES)).unwrap_or(&stats.paths);
        output::say(&StatsPage { stats: &stats, shown, is_one });
    }
    Ok(ExitCode::SUCCESS)
}

impl StatsArgs {
    /// The period as the API is asked for it.
    fn route(&self) -> String {
        let to = self.to.map(|to| format!("&to={to}")).unwrap_or_default();
        match self.from {
            Some(from) => format!("stats?from={from}{to}"),
            None => format!("stats?range={}{to}", self.range),
        }
    }
}

const CSV_HEADER: [&str; 13] = [
    "path", "requests", "1xx", "2xx", "3xx", "4xx", "5xx", "mean_ms", "min_ms", "max_ms", "p50_ms", "p95_ms", "p99_ms",
];

fn write_csv(routes: &[RouteFigures]) -> Result<(), CliError> {
    let mut writer = csv::Writer::from_writer(io::stdout().lock());
    writer.write_record(CSV_HEADER)?;
    for RouteFigures { path, requests, status, response_time } in routes {
        // A spreadsheet must not take a path for a formula.
        let quote = if path.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
        let StatusClasses { informational, success, redirection, client_error, server_error } = status;
        let counts = [requests, informational, success, redirection, client_error, server_error];
        let counts = counts.map(ToString::to_string);
        let times = response_time.map(|t| [t.mean, t.min.into(), t.max.into(), t.p50, t.p95, t.p99]);
        let times = times.map(|times| times.map(|ms| ms.to_string())).unwrap_or_default();
        writer.write_record([format!("{quote}{path}")].iter().chain(&counts).chain(&times))?;
    }
    Ok(())
}
