//! `cargo xtask cost`: what a month of a load would cost, line by line, what that assumes, and what of the platform it
//! fills.

mod limits;
mod load;
mod prices;
mod ratios;

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};

use self::load::CostLoad;
use self::prices::{Prices, Unit};
use crate::table::markdown;

/// A month of 30 days, in s.
const MONTH_S: f64 = 30.0 * 86_400.0;

/// What a million events shall cost at most, in US dollars.
const TARGET_USD: f64 = 0.10;

/// Project what a month of a load costs, from measured ratios, and which of the platform's limits it reaches.
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
    /// A setting of the gateway, such as `LINGER_MS:1000`; its default holds otherwise. May be repeated.
    #[arg(long, value_name = "NAME:VALUE", value_parser = setting)]
    var: Vec<(String, String)>,
    /// Batches that the consumer handles at once. [default: that of wrangler.toml]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=250))]
    max_concurrency: Option<u32>,
    /// Looks of people and dashboards at the last hour, each minute: one dashboard looks about 6 times.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    reads_per_minute: u32,
    /// Print the table of the platform's limits alone.
    #[arg(long)]
    limits: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    DoOnly,
    QueueOnly,
    DualWrite,
}

/// Reads a percentage as a part of 1.
fn part(text: &str) -> anyhow::Result<f64> {
    let percent: f64 = text.trim_end_matches('%').trim_end().parse().context("give a percentage such as 1%")?;
    ensure!((0.0..=100.0).contains(&percent), "give 0% to 100%");
    Ok(percent / 100.0)
}

fn setting(text: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = text.split_once(':').context("give a name and a value, such as LINGER_MS:1000")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl CostArgs {
    fn load(&self) -> anyhow::Result<CostLoad> {
        let (dual, to_queue) = match self.mode {
            Mode::DoOnly => (0.0, 0.0),
            Mode::QueueOnly => (0.0, 1.0),
            Mode::DualWrite => (self.sample, self.queue_share),
        };
        let mut load = CostLoad {
            rps: self.rps.into(),
            paths: self.paths.into(),
            isolates: self.isolates.into(),
            dual,
            only_old: (1.0 - dual) * (1.0 - to_queue),
            only_new: (1.0 - dual) * to_queue,
            reads_per_minute: self.reads_per_minute.into(),
            ..CostLoad::with(&self.var)?
        };
        if let Some(most) = self.max_concurrency {
            load.consumer.lanes = most.into();
        }
        Ok(load)
    }
}

/// A month's cost as text.
fn month(load: &CostLoad, prices: &Prices) -> String {
    let events = load.rps * MONTH_S;
    let per_million = |usd: f64| usd / events * 1e6;
    let lines = ratios::lines(load);
    let usd = |line: &ratios::CostLine| prices.of(line.unit, line.per_second * MONTH_S);
    let total: f64 = lines.iter().map(usd).sum();
    let written = lines.iter().filter(|line| [Unit::D1RowsWritten, Unit::ObjectRowsWritten].contains(&line.unit));
    let rows_written = written.map(|line| line.per_second).sum::<f64>() / load.rps;
    let rows = lines.iter().map(|line| {
        let of = format!("{} {}", short(line.per_second * MONTH_S), line.unit.name());
        let (usd, each) = (usd(line), per_million(usd(line)));
        [format!("{usd:.2}"), format!("{each:.5}"), of, line.what.to_owned(), line.basis.clone()]
    });
    let table = markdown(["USD a month", "per million", "of", "for", "because"], rows);
    let verdict = if per_million(total) <= TARGET_USD { "within" } else { "above" };
    format!(
        "{table}\n\n{total:.2} USD a month for {} events: {:.4} per million, {verdict} the target of {TARGET_USD:.2}; \
         {rows_written:.4} rows written per event",
        short(events),
        per_million(total),
    )
}

fn assumptions(load: &CostLoad, prices: &Prices) -> Vec<String> {
    let isolate_min = ratios::ISOLATE_S / 60.0;
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

/// Prints the projection, or the limits alone.
pub fn run(args: &CostArgs) -> anyhow::Result<ExitCode> {
    let load = args.load()?;
    if !args.limits {
        let prices = Prices::read()?;
        println!("{}\n\nThis assumes:", month(&load, &prices));
        for assumption in assumptions(&load, &prices) {
            println!("  - {assumption}");
        }
        println!("\nWhat of the platform it fills; bold is too much, with the setting that alone would do:\n");
    }
    println!("{}", limits::table(&load));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::{Cli, Task};

    fn load(arguments: &str) -> anyhow::Result<CostLoad> {
        let words = shell_words::split(&format!("xtask cost {arguments}"))?;
        let Task::Cost(args) = Cli::try_parse_from(words)?.task else { panic!("{arguments}") };
        args.load()
    }

    #[test]
    fn large_numbers_are_short() {
        assert_eq!([12.4, 1_234.0, 2.5e6, 2.592e9].map(short), ["12", "1.2 k", "2.50 M", "2.59 G"]);
    }

    #[test]
    fn a_months_cost_is_shown_line_by_line() {
        let text = month(&load("--rps 1000 --paths 100 --isolates 20").unwrap(), &Prices::read().unwrap());
        for part in
            ["queue operations", "26.0 events a message", "rollups", "parity", "cron", "readers", "2.59 G events"]
        {
            assert!(text.contains(part), "{part}\nin\n{text}");
        }
        let column = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse::<f64>().ok());
        let total: f64 = text.lines().find_map(|line| line.split_once(" USD a month for")).unwrap().0.parse().unwrap();
        let sum: f64 = column.sum();
        assert!(total > 0.0 && (sum - total).abs() < 0.1, "{sum} {total}");
    }

    #[test]
    fn settings_are_read_as_the_gateway_reads_them() {
        let set = load("--var LINGER_MS:1000 --var KEEP_DETAILS_DAYS:30 --max-concurrency 4").unwrap();
        let found = [set.linger_ms, set.details_days, set.flush_events, set.consumer.lanes];
        assert_eq!(found.map(|number| number.to_string()), ["1000", "30", "100", "4"]);
        for (refused, part) in [
            ("--var LINGER_MS:4001", "4000"),
            ("--var UPSTREAM_URL:x", "moves neither"),
            ("--var LINGER_MS", "LINGER_MS:1000"),
            ("--sample 101%", "100%"),
        ] {
            let error = format!("{:#}", load(refused).unwrap_err());
            assert!(error.contains(part), "{refused}: {error}");
        }
    }

    #[test]
    fn the_pages_table_of_limits_is_what_its_command_prints() {
        let page = include_str!("../../../docs/performance.md");
        let command = page.lines().find_map(|line| line.strip_prefix("cargo xtask cost ")).unwrap();
        let table = page.split("<!-- limits: begin -->").nth(1).and_then(|rest| rest.split("<!-- limits: end").next());
        let printed = limits::table(&load(command).unwrap());
        assert_eq!(table.map(str::trim), Some(printed.as_str()), "put the command's output into the page");
    }
}
