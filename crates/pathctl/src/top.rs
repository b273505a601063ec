//! `pathctl top`: the busiest routes now, as they change.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use api::stats::{RouteFigures, StatsAnswer};
use clap::Args;
use model::counting::figures::Figures;
use model::error::InputError;
use model::reading::missing::MissingData;
use serde::Serialize;

use crate::argument::length_ms;
use crate::error::CliError;
use crate::gateway::{ApiClient, CallError, GatewayArgs};
use crate::output::{self, notice};
use crate::stats::page::{share, time};
use crate::stats::sort::{RouteOrder, errors};
use crate::table::plain;
use crate::time::{length, moment, now_ms};

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
#[command(after_help = "Where standard output is no terminal, one table is printed; with --json, a line at each look.")]
pub struct TopArgs {
    /// Period that the figures are of; it begins with a whole minute.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = window)]
    window: u64,
    /// Pause between two looks.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = length_ms)]
    every: u64,
    /// What the routes are sorted by.
    #[arg(long, value_enum, default_value_t = RouteOrder::Requests)]
    sort: RouteOrder,
    /// Most routes to show.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Look once.
    #[arg(long)]
    once: bool,
}

/// Reads a period of at least a minute and at most a day.
fn window(text: &str) -> Result<u64, InputError> {
    let ms = length_ms(text)?;
    let fits = (MINUTE_MS..=1_440 * MINUTE_MS).contains(&ms);
    let remedy = "give a time from 1m to 24h: figures are kept by the minute";
    fits.then_some(ms).ok_or_else(|| InputError::field("window", text, remedy))
}

/// A look at the traffic.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Look {
    from: u64,
    to: u64,
    exact: bool,
    missing: Vec<MissingData>,
    total: Rates,
    paths: Vec<Rates>,
}

/// What is watched of a route, or of all together.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rates {
    path: String,
    requests: u64,
    requests_per_second: f64,
    errors: u64,
    p95: Option<f64>,
    #[serde(skip)]
    row: [String; 5],
}

impl Rates {
    #[allow(clippy::cast_precision_loss)] // counts and times stay far below 2^53
    fn of(route: RouteFigures, length_ms: u64) -> Self {
        let RouteFigures { path, requests, status, response_time } = route;
        let errors = errors(&status);
        let rate = requests as f64 * 1_000.0 / length_ms.max(1) as f64;
        // As many decimals as are worth reading.
        let shown = if rate < 100.0 { format!("{rate:.1}") } else { format!("{rate:.0}") };
        let p95 = time(response_time, |time| time.p95);
        let row = [path.clone(), shown, share(errors, requests), p95, requests.to_string()];
        let p95 = response_time.map(|time| time.p95);
        Self { path, requests, requests_per_second: rate, errors, p95, row }
    }
}

impl Look {
    /// What was found of a period that ends at `to`.
    fn of(mut stats: StatsAnswer, to: u64, sort: RouteOrder, limit: usize) -> Self {
        sort.apply(&mut stats.paths);
        let length_ms = to.saturating_sub(stats.from);
        let Figures { requests, status, response_time, .. } = stats.total;
        let total = RouteFigures { path: "all".into(), requests, status, response_time };
        let total = Rates::of(total, length_ms);
        let paths = stats.paths.into_iter().take(limit).map(|route| Rates::of(route, length_ms)).collect();
        Self { from: stats.from, to, exact: stats.exact, missing: stats.missing, total, paths }
    }

    fn text(&self) -> String {
        let Self { from, to, total, paths, missing, .. } = self;
        let last = length(to.saturating_sub(*from) / 1_000 * 1_000);
        let rows = std::iter::once(total).chain(paths).map(|rates| rates.row.clone());
        let table = plain(["<path", "req/s", "errors", "p95 ms", "requests"], rows);
        let exact = match (self.exact, missing.as_slice()) {
            (true, _) => "",
            (false, []) => ", not every request known to be counted once",
            (false, _) => ", NOT ALL OF IT",
        };
        let missing = notice(missing);
        format!("{}: the last {last}, as far as it has arrived{exact}\n{missing}{table}", moment(*to))
    }
}

/// Runs the command until Ctrl-C. A gateway that does not answer for a while is waited for.
pub fn run(gateway: &GatewayArgs, args: &TopArgs) -> Result<ExitCode, CliError> {
    let json = gateway.json;
    let gateway = gateway.connect()?;
    let is_live = std::io::stdout().is_terminal() && !json;
    let is_once = args.once || !(is_live || json);
    let mut is_first = true;
    loop {
        match look(&gateway, args) {
            Ok(found) if json => output::say_json(&found)?,
            Ok(found) if is_once => output::say(&found.text()),
            Ok(found) => output::say(&picture(&found.text(), is_first)),
            Err(error) if error.is_passing() && !is_first => output::note(&error),
            Err(error) => return Err(error.into()),
        }
        if is_once {
            return Ok(ExitCode::SUCCESS);
        }
        is_first = false;
        sleep(Duration::from_millis(args.every.max(MIN_EVERY_MS)));
    }
}

fn look(gateway: &ApiClient, args: &TopArgs) -> Result<Look, CallError> {
    let now = now_ms();
    let from = (now - now % MINUTE_MS).saturating_sub(args.window);
    let stats = gateway.get(&format!("stats?from={from}&to={now}"))?.value;
    Ok(Look::of(stats, now, args.sort, args.limit))
}

/// What draws a text over the one before.
fn picture(text: &str, is_first: bool) -> String {
    let clear = if is_first { CLEAR } else { "" };
    format!("{clear}{HOME}{}{CLEAR_LINE}{CLEAR_BELOW}", text.replace('\n', &format!("{CLEAR_LINE}\n")))
}

#[cfg(test)]
mod tests {
    use api::stats::StoreOverlap;
    use model::counting::figures::UniqueAddresses;

    use super::*;
    use crate::stats::sort::tests::route;

    #[test]
    fn rates_are_of_the_time_that_has_passed() {
        let all = route("all", 9_009, 90, Some(110));
        let addresses = UniqueAddresses { lower: 1, estimate: 1.0 };
        let total = Figures { requests: 9_009, status: all.status, response_time: all.response_time, addresses };
        let paths = vec![route("/quiet", 9, 0, Some(4)), route("/busy", 9_000, 90, Some(120))];
        let stores = StoreOverlap { old: None, new: None, both: None, only_old: None, only_new: None };
        let (from, to) = (60_000, 180_000);
        let stats = StatsAnswer { from, to, exact: true, missing: Vec::new(), total, paths, stores };
        let look = Look::of(stats, 150_000, RouteOrder::Requests, 1);
        assert!((look.total.requests_per_second - 100.1).abs() < 1e-9);
        assert_eq!(look.paths.len(), 1);
        let text = look.text();
        assert_eq!(text.lines().nth(2).unwrap(), "  all      100  1.00 %     110      9009");
        assert_eq!(text.lines().nth(3).unwrap(), "  /busy    100  1.00 %     120      9000");
        assert!(text.starts_with("1970-01-01T00:02:30Z: the last 1m 30s"), "{text}");
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
