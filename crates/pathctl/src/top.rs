//! `pathctl top`: the busiest routes now, as they change.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::collector::traffic::{Figures, Stats};
use crate::collector::{Collector, GatewayArgs};
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::missing::{Missing, notice};
use crate::output;
use crate::stats::order::Sort;
use crate::stats::page::{ms, share};
use crate::table::Table;
use crate::time::{length_ms, moment, now_ms, spelled};

/// Figures are kept by the minute: a period begins with one.
const MINUTE_MS: u64 = 60_000;

/// Shortest pause between two looks, in ms: each is a read of both stores.
const MIN_EVERY_MS: u64 = 1_000;

/// Top left, where the last picture began; lines are cleared as they are written again, which does not flicker.
const HOME: &str = "\u{1b}[H";
const CLEAR: &str = "\u{1b}[2J";
const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// Watch the busiest routes: requests/s, error rate and 95th percentile, until Ctrl-C.
#[derive(Args)]
#[command(after_help = "The token is read from the variable PATHCTL_TOKEN. Where standard output is no terminal, one \
                        table is printed; with --json, a line at each look.")]
pub struct TopArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    /// Period that the figures are of; it begins with a whole minute.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = window)]
    window: u64,
    /// Time between two looks.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = length_ms)]
    every: u64,
    /// What the routes are sorted by.
    #[arg(long, value_enum, default_value_t = Sort::Requests)]
    sort: Sort,
    /// Most routes to show.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Look once.
    #[arg(long)]
    once: bool,
}

/// Reads a period of at least a minute and at most a day.
fn window(text: &str) -> Result<u64, String> {
    let ms = length_ms(text)?;
    let fits = (MINUTE_MS..=1_440 * MINUTE_MS).contains(&ms);
    fits.then_some(ms).ok_or_else(|| "give a time from 1m to 1d: figures are kept by the minute".into())
}

/// A look at the traffic.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Look {
    from: u64,
    to: u64,
    exact: bool,
    missing: Vec<Missing>,
    total: Rates,
    paths: Vec<RouteRates>,
}

#[derive(Debug, Serialize)]
struct RouteRates {
    path: String,
    #[serde(flatten)]
    rates: Rates,
}

/// What is watched of a set of requests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rates {
    requests: u64,
    requests_per_second: f64,
    errors: u64,
    p95: Option<f64>,
}

impl Rates {
    #[allow(clippy::cast_precision_loss)] // counts and times stay far below 2^53
    fn of(figures: &Figures, length_ms: u64) -> Self {
        let requests_per_second = figures.requests as f64 * 1_000.0 / length_ms.max(1) as f64;
        let p95 = figures.time(|time| time.p95);
        Self { requests: figures.requests, requests_per_second, errors: figures.errors(), p95 }
    }
}

impl Look {
    /// What was found of a period that ends at `to`.
    fn of(mut stats: Stats, to: u64, sort: Sort, limit: usize) -> Self {
        sort.apply(&mut stats.paths);
        let length_ms = to.saturating_sub(stats.from);
        let rates = |route: crate::collector::traffic::Route| {
            let rates = Rates::of(&route.figures, length_ms);
            RouteRates { path: route.path, rates }
        };
        let total = Rates::of(&stats.total, length_ms);
        let paths = stats.paths.into_iter().take(limit).map(rates).collect();
        Self { from: stats.from, to, exact: stats.exact, missing: stats.missing, total, paths }
    }

    fn text(&self) -> String {
        let Self { from, to, total, .. } = self;
        let length = spelled(to.saturating_sub(*from) / 1_000 * 1_000);
        let mut table = Table::new(["path", "req/s", "errors", "p95 ms", "requests"]);
        let mut row = |path: &str, rates: &Rates| {
            table.row([
                path.to_owned(),
                per_second(rates.requests_per_second),
                share(rates.errors, rates.requests),
                rates.p95.map_or_else(|| "–".to_owned(), ms),
                rates.requests.to_string(),
            ]);
        };
        row("all", total);
        for RouteRates { path, rates } in &self.paths {
            row(path, rates);
        }
        let exact = match (self.exact, self.missing.as_slice()) {
            (true, _) => "",
            (false, []) => ", not every request known to be counted once",
            (false, _) => ", NOT ALL OF IT",
        };
        let missing = notice(&self.missing);
        format!("{}: the last {length}, as far as it has arrived{exact}\n{missing}{table}", moment(*to))
    }
}

/// A rate with as many decimals as are worth reading.
fn per_second(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}

/// Runs the command until Ctrl-C. A gateway that does not answer for a while is waited for.
///
/// # Errors
/// When the gateway refuses, or gives no answer at the first look.
pub async fn run(args: TopArgs) -> Result<ExitCode, CliError> {
    let collector = Collector::connect(&args.gateway)?;
    let json = args.gateway.json;
    let live = std::io::stdout().is_terminal() && !json;
    if args.once || !(live || json) {
        show(&look(&collector, &args).await?, json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let interrupt = Interrupt::listen()?;
    let mut is_first = true;
    loop {
        match interrupt.unless(async { Ok(look(&collector, &args).await) }).await {
            Ok(Ok(found)) if live => output::say(&picture(&found.text(), is_first)),
            Ok(Ok(found)) => show(&found, json)?,
            Ok(Err(error)) if error.is_passing() && !is_first => output::note(&error),
            Ok(Err(error)) => return Err(error.into()),
            Err(CliError::Interrupted) => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(error),
        }
        is_first = false;
        let mut interrupt = interrupt.clone();
        tokio::select! {
            () = interrupt.wait() => return Ok(ExitCode::SUCCESS),
            () = tokio::time::sleep(Duration::from_millis(args.every.max(MIN_EVERY_MS))) => {}
        }
    }
}

async fn look(collector: &Collector, args: &TopArgs) -> Result<Look, crate::collector::CallError> {
    let now = now_ms();
    let from = (now - now % MINUTE_MS).saturating_sub(args.window);
    let stats = collector.stats(&format!("from={from}&to={now}")).await?;
    Ok(Look::of(stats, now, args.sort, args.limit))
}

fn show(look: &Look, json: bool) -> Result<(), CliError> {
    if json {
        return output::say_json(look);
    }
    output::say(&look.text());
    Ok(())
}

/// What draws a text over the one before.
fn picture(text: &str, is_first: bool) -> String {
    let clear = if is_first { CLEAR } else { "" };
    format!("{clear}{HOME}{}{CLEAR_LINE}{CLEAR_BELOW}", text.replace('\n', &format!("{CLEAR_LINE}\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::traffic::{Counts, Stores};
    use crate::stats::tests::route;

    fn stats() -> Stats {
        let none = Some(Counts { requests: 0, single: 0, dual: 0, fallback: 0 });
        let stores = Stores { old: none, new: none, both: Some(0), only_old: Some(0), only_new: Some(0) };
        let paths = vec![route("/quiet", 9, 0, Some(4.0)), route("/busy", 9_000, 90, Some(120.0))];
        Stats {
            from: 60_000,
            to: 180_000,
            exact: true,
            missing: Vec::new(),
            total: route("", 9_009, 90, Some(110.0)).figures,
            paths,
            stores,
        }
    }

    #[test]
    fn rates_are_of_the_time_that_has_passed() {
        let look = Look::of(stats(), 150_000, Sort::Requests, 1);
        assert!((look.total.requests_per_second - 100.1).abs() < 1e-9);
        assert_eq!(look.paths.len(), 1);
        let text = look.text();
        assert_eq!(text.lines().nth(2).unwrap(), "  all      100  1.00 %     110      9009");
        assert_eq!(text.lines().nth(3).unwrap(), "  /busy    100  1.00 %     120      9000");
        assert!(text.starts_with("1970-01-01T00:02:30Z: the last 90s"), "{text}");
    }

    #[test]
    fn a_picture_leaves_nothing_of_the_one_before() {
        assert_eq!(picture("a\nb", true), "\u{1b}[2J\u{1b}[Ha\u{1b}[K\nb\u{1b}[K\u{1b}[J");
        assert!(picture("a", false).starts_with("\u{1b}[Ha"));
    }

    #[test]
    fn a_period_is_a_minute_or_more() {
        assert_eq!(window("5m"), Ok(300_000));
        for text in ["30s", "2d", "x"] {
            assert!(window(text).is_err(), "{text}");
        }
    }
}
