//! `pathctl cost`: what a month of a load would cost, line by line, what that assumes, and what of the platform it fills.

mod growth;
mod limits;
mod model;
mod prices;

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use self::limits::Limit;
use self::model::Load;
use self::prices::{Prices, Unit};
use crate::error::CliError;
use crate::output;
use crate::share::Share;
use crate::table::Table;

/// A month of 30 days, in s.
const MONTH_S: f64 = 30.0 * 86_400.0;

/// What a million events shall cost at most, in US dollars.
const TARGET_USD: f64 = 0.10;

/// Project what a month of a load costs, from measured ratios. Asks no gateway.
#[derive(Args)]
pub struct CostArgs {
    /// Requests each second, on average.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rps: u32,
    /// Routes.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    paths: u32,
    /// Isolates that the platform spreads the requests over: each gathers its own messages.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    isolates: u32,
    /// Which path events take.
    #[arg(long, value_enum, default_value_t = Mode::QueueOnly)]
    mode: Mode,
    /// In dual-write: share that goes to both.
    #[arg(long, value_name = "SHARE", default_value = "100%")]
    sample: Share,
    /// In dual-write: share of the rest that goes to the queue.
    #[arg(long, value_name = "SHARE", default_value = "0%")]
    queue_share: Share,
    /// The gateway's setting `LINGER_MS`.
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    linger_ms: u32,
    /// The gateway's setting `FLUSH_EVENTS`.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=150))]
    flush_events: u32,
    /// The gateway's setting `COLLECTOR_SHARDS`.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    shards: u32,
    /// The gateway's setting `ID_WINDOW_MS`.
    #[arg(long, value_name = "MS", default_value_t = 60_000, value_parser = clap::value_parser!(u32).range(1_000..=3_600_000))]
    id_window_ms: u32,
    /// The gateway's setting `KEEP_DETAILS_DAYS`.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(7..=90))]
    keep_details_days: u32,
    /// The gateway's setting `KEEP_HOURS_DAYS`.
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(8..=400))]
    keep_hours_days: u32,
    /// Batches that the consumer handles at once: `max_concurrency` in wrangler.toml.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=250))]
    max_concurrency: u32,
    /// Looks of people and dashboards at the last hour, each minute: one dashboard looks about 6 times.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    reads_per_minute: u32,
    /// Print what the platform's limits leave of this load, of 10 and of 100 times as much, as a table in Markdown.
    #[arg(long, conflicts_with = "json")]
    limits: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    DoOnly,
    QueueOnly,
    DualWrite,
}

impl CostArgs {
    fn load(&self) -> Load {
        let part = |share: Share| f64::from(share.ppm) / 1e6;
        let (dual, to_queue) = match self.mode {
            Mode::DoOnly => (0.0, 0.0),
            Mode::QueueOnly => (0.0, 1.0),
            Mode::DualWrite => (part(self.sample), part(self.queue_share)),
        };
        Load {
            rps: self.rps.into(),
            paths: self.paths.into(),
            isolates: self.isolates.into(),
            linger_ms: self.linger_ms.into(),
            flush_events: self.flush_events.into(),
            shards: self.shards.into(),
            window_ms: self.id_window_ms.into(),
            details_days: self.keep_details_days.into(),
            hours_days: self.keep_hours_days.into(),
            consumers: self.max_concurrency.into(),
            dual,
            only_old: (1.0 - dual) * (1.0 - to_queue),
            only_new: (1.0 - dual) * to_queue,
            reads_per_minute: self.reads_per_minute.into(),
        }
    }
}

/// A month's cost.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Projection {
    events: f64,
    usd: f64,
    usd_per_million: f64,
    target_usd_per_million: f64,
    rows_written_per_event: f64,
    lines: Vec<Item>,
    prices_as_of: String,
    assumptions: Vec<String>,
    limits: Vec<Taken>,
    warnings: Vec<String>,
}

/// How much of a limit is taken.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Taken {
    what: &'static str,
    load: f64,
    most: f64,
    unit: &'static str,
    holds: bool,
    holds_up_to_rps: Option<f64>,
    settings: Vec<&'static str>,
    source: &'static str,
}

impl Taken {
    fn of(limit: &Limit, load: &Load) -> Self {
        Self {
            what: limit.what,
            load: (limit.load)(load),
            most: limit.most,
            unit: limit.unit,
            holds: limit.holds(load),
            holds_up_to_rps: limit.holds_up_to(load),
            settings: limit.levers.iter().map(|lever| lever.name).collect(),
            source: limit.source,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    what: &'static str,
    unit: Unit,
    count: f64,
    usd: f64,
    usd_per_million: f64,
    basis: String,
}

impl Projection {
    fn of(load: &Load, prices: Prices) -> Self {
        let events = load.rps * MONTH_S;
        let per_million = |usd: f64| usd / events * 1e6;
        let item = |line: model::Line| {
            let count = line.per_second * MONTH_S;
            let usd = prices.of(line.unit, count);
            let model::Line { what, unit, basis, .. } = line;
            Item { what, unit, count, usd, usd_per_million: per_million(usd), basis }
        };
        let lines: Vec<Item> = model::lines(load).into_iter().map(item).collect();
        let usd = lines.iter().map(|line| line.usd).sum();
        let written = [Unit::D1RowsWritten, Unit::ObjectRowsWritten];
        let rows: f64 = lines.iter().filter(|line| written.contains(&line.unit)).map(|line| line.count).sum();
        Self {
            events,
            usd,
            usd_per_million: per_million(usd),
            target_usd_per_million: TARGET_USD,
            rows_written_per_event: rows / events,
            lines,
            assumptions: assumptions(load, &prices),
            prices_as_of: prices.as_of,
            limits: limits::ALL.iter().map(|limit| Taken::of(limit, load)).filter(|taken| taken.load > 0.0).collect(),
            warnings: limits::ALL.iter().filter_map(|limit| warning(limit, load)).collect(),
        }
    }

    fn text(&self) -> String {
        let mut table = Table::new(["USD a month", "per million", "of", "for", "because"]).words(&[2, 3, 4]);
        for Item { what, unit, count, usd, usd_per_million, basis } in &self.lines {
            let of = format!("{} {}", short(*count), unit.name());
            table.row([format!("{usd:.2}"), format!("{usd_per_million:.5}"), of, (*what).to_owned(), basis.clone()]);
        }
        let verdict = if self.usd_per_million <= self.target_usd_per_million { "within" } else { "above" };
        let total = format!(
            "{:.2} USD a month for {} events: {:.4} per million, {verdict} the target of {:.2}; {:.4} rows written per event",
            self.usd,
            short(self.events),
            self.usd_per_million,
            self.target_usd_per_million,
            self.rows_written_per_event
        );
        let listed = |title: &str, texts: &[String]| {
            texts.iter().fold(format!("\n{title}"), |text, line| format!("{text}\n  - {line}"))
        };
        let mut limits = Table::new(["limit", "taken", "of", "", "holds up to"]).words(&[0, 3]);
        for Taken { what, load, most, unit, holds_up_to_rps, .. } in &self.limits {
            let up_to = holds_up_to_rps.map_or("any load".to_owned(), |rps| format!("{} requests/s", short(rps)));
            limits.row([(*what).to_owned(), short(*load), short(*most), (*unit).to_owned(), up_to]);
        }
        let mut text = format!("{table}\n{total}{}\n{limits}", listed("This assumes:", &self.assumptions));
        if !self.warnings.is_empty() {
            text += &listed("What does not hold:", &self.warnings);
        }
        text
    }
}

fn assumptions(load: &Load, prices: &Prices) -> Vec<String> {
    let isolate_min = model::ISOLATE_S / 60.0;
    let mut texts = vec![
        format!("prices of {} ({}); nothing of what is included is taken off", prices.as_of, prices.plan),
        "a month of 30 days, requests at this rate all the time, all routes about equally busy".to_owned(),
        format!("requests spread evenly over {} isolates at random moments; each lives {isolate_min:.0} min", load.isolates),
        "a message below 60 KB, a steady state (what is written is deleted later), no retries, no duplicates, no failures"
            .to_owned(),
        "default settings where no option says otherwise; no dead letters, no archive".to_owned(),
    ];
    texts.extend(prices.not_counted.iter().map(|text| format!("not counted: {text}")));
    texts
}

/// What is said of a limit that does not hold.
fn warning(limit: &Limit, load: &Load) -> Option<String> {
    let Limit { what, unit, most, levers, .. } = limit;
    if limit.holds(load) {
        return None;
    }
    let help = match (limit.moved(load), levers) {
        (Some((name, value)), _) => format!("{name} = {value} alone would do"),
        (None, []) => "no setting moves it".to_owned(),
        (None, levers) => {
            let names: Vec<&str> = levers.iter().map(|lever| lever.name).collect();
            format!("{} moves it, but alone not enough", names.join(" or "))
        }
    };
    let up_to = limit.holds_up_to(load).map(|rps| format!("; as it is set, up to {} requests/s hold", short(rps)));
    let taken = short((limit.load)(load));
    Some(format!("{what}: {taken} of {} {unit}: {help}{}", short(*most), up_to.unwrap_or_default()))
}

/// A large number in short.
fn short(count: f64) -> String {
    match count {
        count if count >= 1e9 => format!("{:.2} G", count / 1e9),
        count if count >= 1e6 => format!("{:.2} M", count / 1e6),
        count if count >= 1e3 => format!("{:.1} k", count / 1e3),
        count if count >= 10.0 || count.fract() == 0.0 => format!("{count:.0}"),
        count => format!("{count:.2}"),
    }
}

/// Runs the command.
///
/// # Errors
/// When the tool was built without a table of prices that can be read.
pub fn run(args: &CostArgs) -> Result<ExitCode, CliError> {
    let load = args.load();
    if args.limits {
        output::say(&growth::markdown(&load));
        return Ok(ExitCode::SUCCESS);
    }
    let projection = Projection::of(&load, Prices::read()?);
    if args.json {
        output::say_json(&projection)?;
    } else {
        output::say(&projection.text());
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_short() {
        assert_eq!([12.4, 1_234.0, 2.5e6, 2.592e9].map(short), ["12", "1.2 k", "2.50 M", "2.59 G"]);
    }
}
