//! `pathctl cost`: what a month of a load would cost, line by line, and what that assumes.

mod model;
mod prices;

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use self::model::{Coalescing, Load};
use self::prices::{Prices, Unit};
use crate::error::CliError;
use crate::output;
use crate::share::Share;
use crate::table::Table;

/// A month of 30 days, in s.
const MONTH_S: f64 = 30.0 * 86_400.0;

/// What a million events shall cost at most, in US dollars.
const TARGET_USD: f64 = 0.10;

/// What a queue takes each second, and an object.
const QUEUE_MESSAGES: f64 = 5_000.0;
const OBJECT_REQUESTS: f64 = 500.0;

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
    /// Looks of people and dashboards at the last hour, each minute: one dashboard looks about 6 times.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    reads_per_minute: u32,
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
    warnings: Vec<String>,
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
            warnings: warnings(load),
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
        let mut text = format!("{table}\n{total}{}", listed("This assumes:", &self.assumptions));
        if !self.warnings.is_empty() {
            text += &listed("Limits of the platform:", &self.warnings);
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

fn warnings(load: &Load) -> Vec<String> {
    let mut texts = Vec::new();
    let messages = model::messages(load);
    if messages > QUEUE_MESSAGES {
        let events = Coalescing::of(load, load.rps).events;
        texts.push(format!(
            "{messages:.0} messages/s are more than the {QUEUE_MESSAGES} that a queue takes: raise LINGER_MS \
             (a message carries {events:.1} events)"
        ));
    }
    let records = model::records_per_object(load);
    if records > OBJECT_REQUESTS {
        texts.push(format!(
            "{records:.0} records/s are more than the {OBJECT_REQUESTS} or so that an object takes: raise LINGER_MS or \
             COLLECTOR_SHARDS"
        ));
    }
    texts
}

/// A large number in short.
fn short(count: f64) -> String {
    match count {
        count if count >= 1e9 => format!("{:.2} G", count / 1e9),
        count if count >= 1e6 => format!("{:.2} M", count / 1e6),
        count if count >= 1e3 => format!("{:.1} k", count / 1e3),
        count => format!("{count:.0}"),
    }
}

/// Runs the command.
///
/// # Errors
/// When the tool was built without a table of prices that can be read.
pub fn run(args: &CostArgs) -> Result<ExitCode, CliError> {
    let projection = Projection::of(&args.load(), Prices::read()?);
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

    #[test]
    fn what_the_platform_does_not_take_is_said_with_the_setting_that_helps() {
        let load = Load {
            rps: 100_000.0,
            paths: 10.0,
            isolates: 2_000.0,
            linger_ms: 0.0,
            flush_events: 100.0,
            shards: 1.0,
            dual: 1.0,
            only_old: 0.0,
            only_new: 0.0,
            reads_per_minute: 0.0,
        };
        let texts = warnings(&load);
        assert!(texts.len() == 2 && texts.iter().all(|text| text.contains("LINGER_MS")), "{texts:?}");
        assert_eq!(warnings(&Load { rps: 100.0, ..load }), Vec::<String>::new());
    }
}
