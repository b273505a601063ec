//! `cargo xtask cost`: what a month of a load would cost, line by line, what that assumes, and what of the platform it fills.

mod growth;
mod limits;
mod model;
mod prices;

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use serde::Serialize;

use self::limits::Limit;
use self::model::Load;
use self::prices::{Prices, Unit};
use crate::table::markdown;

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
    #[arg(long, value_name = "PERCENT", default_value = "100%", value_parser = part)]
    sample: f64,
    /// In dual-write: share of the rest that goes to the queue.
    #[arg(long, value_name = "PERCENT", default_value = "0%", value_parser = part)]
    queue_share: f64,
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
        let (dual, to_queue) = match self.mode {
            Mode::DoOnly => (0.0, 0.0),
            Mode::QueueOnly => (0.0, 1.0),
            Mode::DualWrite => (self.sample, self.queue_share),
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
        let lines = self.lines.iter().map(|Item { what, unit, count, usd, usd_per_million, basis }| {
            let of = format!("{} {}", short(*count), unit.name());
            [format!("{usd:.2}"), format!("{usd_per_million:.5}"), of, (*what).to_owned(), basis.clone()]
        });
        let table = markdown(["USD a month", "per million", "of", "for", "because"], lines);
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
        let limits = self.limits.iter().map(|Taken { what, load, most, unit, holds_up_to_rps, .. }| {
            let up_to = holds_up_to_rps.map_or("any load".to_owned(), |rps| format!("{} requests/s", short(rps)));
            [(*what).to_owned(), short(*load), format!("{} {unit}", short(*most)), up_to]
        });
        let limits = markdown(["limit", "taken", "of", "holds up to"], limits);
        let mut text = format!("{table}\n\n{total}{}\n\n{limits}", listed("This assumes:", &self.assumptions));
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

/// Reads a percentage as a part of 1.
fn part(text: &str) -> anyhow::Result<f64> {
    let percent: f64 = text.trim_end_matches('%').trim_end().parse().context("give a percentage such as 1%")?;
    ensure!((0.0..=100.0).contains(&percent), "give 0% to 100%");
    Ok(percent / 100.0)
}

/// Prints the projection, or the table of limits.
pub fn run(args: &CostArgs) -> anyhow::Result<ExitCode> {
    let load = args.load();
    if args.limits {
        println!("{}", growth::table(&load));
        return Ok(ExitCode::SUCCESS);
    }
    let projection = Projection::of(&load, Prices::read()?);
    if args.json {
        println!("{}", serde_json::to_string(&projection)?);
    } else {
        println!("{}", projection.text());
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::{Cli, Task};

    fn load(arguments: &str) -> CostArgs {
        let words = shell_words::split(&format!("xtask cost {arguments}")).unwrap();
        let Task::Cost(args) = Cli::try_parse_from(words).unwrap().task else { panic!("{arguments}") };
        args
    }

    fn projection(arguments: &str) -> Projection {
        Projection::of(&load(arguments).load(), Prices::read().unwrap())
    }

    #[test]
    fn large_numbers_are_short() {
        assert_eq!([12.4, 1_234.0, 2.5e6, 2.592e9].map(short), ["12", "1.2 k", "2.50 M", "2.59 G"]);
    }

    #[test]
    fn a_months_cost_is_shown_line_by_line_with_what_it_assumes() {
        let text = projection("--rps 1000 --paths 100 --isolates 20").text();
        for part in
            ["queue operations", "26.0 events a message", "rollups", "parity", "cron", "readers", "prices of 20"]
        {
            assert!(text.contains(part), "{part}\nin\n{text}");
        }
        assert!(text.contains("2.59 G events") && text.contains("This assumes:"), "{text}");
    }

    #[test]
    fn lines_add_up_to_the_total() {
        for mode in ["queue-only", "do-only", "dual-write", "dual-write --sample 1% --queue-share 50%"] {
            let cost = projection(&format!("--mode {mode}"));
            let sum: f64 = cost.lines.iter().map(|line| line.usd).sum();
            assert!(cost.usd > 0.0 && (sum - cost.usd).abs() < 1e-6, "{mode}: {sum}");
            assert!((cost.usd_per_million - cost.usd / cost.events * 1e6).abs() < 1e-9);
        }
        let words = shell_words::split("xtask cost --sample 101%").unwrap();
        assert!(Cli::try_parse_from(words).is_err());
    }

    #[test]
    fn what_the_platform_does_not_hold_is_said_with_what_moves_it() {
        let cost = projection("--rps 100000 --isolates 2000 --mode dual-write");
        let text = cost.text();
        for part in ["What does not hold:", "consumer: busy", "max_concurrency", "KEEP_DETAILS_DAYS", "requests/s hold"]
        {
            assert!(text.contains(part), "{part}\nin\n{text}");
        }
        assert_eq!(cost.limits.iter().filter(|limit| !limit.holds).count(), cost.warnings.len());
        assert!(!projection("--rps 300").text().contains("What does not hold:"));
    }

    #[test]
    fn the_pages_table_of_limits_is_what_its_command_prints() {
        let page = include_str!("../../../docs/performance.md");
        let command = page.lines().find_map(|line| line.strip_prefix("cargo xtask cost ")).unwrap();
        let table = page.split("<!-- limits: begin -->").nth(1).and_then(|rest| rest.split("<!-- limits: end").next());
        let printed = growth::table(&load(command).load());
        assert_eq!(table.map(str::trim), Some(printed.as_str()), "put the command's output into the page");
    }
}
