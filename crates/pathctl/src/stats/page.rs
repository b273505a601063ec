//! Figures for people.

use std::fmt;

use crate::collector::traffic::{Figures, Route, Stats};
use crate::missing::notice;
use crate::table::Table;
use crate::time::moment;

/// Figures of a period, and of the routes that are shown of it.
pub struct Page<'a> {
    /// All of it.
    pub stats: &'a Stats,
    /// The routes that are shown.
    pub shown: &'a [Route],
    /// Whether one route alone was asked for.
    pub one: bool,
}

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stats { from, to, exact, missing, total, paths, stores } = self.stats;
        let counted = match (exact, missing.as_slice()) {
            (true, _) => "each counted once",
            (false, []) => "not every one known to be counted once",
            (false, _) => "NOT ALL OF THEM",
        };
        writeln!(f, "{} to {}, {counted}", moment(*from), moment(*to))?;
        f.write_str(&notice(missing))?;
        match self.shown {
            [route] if self.one => {
                write!(f, "{}\n{}", route.path.replace(char::is_control, " "), facts(&route.figures))
            }
            _ => {
                writeln!(f, "{}", facts(total))?;
                writeln!(
                    f,
                    "stores     {} in the object, {} in D1: {} in both, {} only old, {} only new",
                    known(stores.old.map(|held| held.requests)),
                    known(stores.new.map(|held| held.requests)),
                    known(stores.both),
                    known(stores.only_old),
                    known(stores.only_new)
                )?;
                write!(f, "{}", table(self.shown))?;
                let left = paths.len().saturating_sub(self.shown.len());
                if left > 0 { write!(f, "\n  and {left} more: raise --limit") } else { Ok(()) }
            }
        }
    }
}

/// A count, or a question mark where a store that it needs is missing.
fn known(count: Option<u64>) -> String {
    count.map_or_else(|| "?".to_owned(), |count| count.to_string())
}

/// Figures, a fact to a line.
fn facts(figures: &Figures) -> String {
    let classes = figures.status;
    let times = figures.response_time.map_or_else(
        || "none".to_owned(),
        |t| {
            let [p50, p95, p99, mean, min, max] = [t.p50, t.p95, t.p99, t.mean, t.min, t.max].map(ms);
            format!("p50 {p50}, p95 {p95}, p99 {p99}; mean {mean}, from {min} to {max} ms")
        },
    );
    let addresses = figures.addresses.map_or_else(String::new, |addresses| {
        format!("\naddresses  about {:.0}, at least {}", addresses.estimate, addresses.lower)
    });
    format!(
        "requests   {}\nstatus     1xx {}, 2xx {}, 3xx {}, 4xx {}, 5xx {}; {} errors\ntimes      {times}{addresses}",
        figures.requests,
        classes.informational,
        classes.success,
        classes.redirection,
        classes.client_error,
        classes.server_error,
        share(figures.errors(), figures.requests),
    )
}

fn table(routes: &[Route]) -> Table {
    let header = ["path", "requests", "4xx", "5xx", "errors", "p50 ms", "p95 ms", "p99 ms"];
    let mut table = Table::new(header);
    for Route { path, figures } in routes {
        let time = |of| figures.time(of).map_or_else(|| "–".to_owned(), ms);
        table.row([
            path.clone(),
            figures.requests.to_string(),
            figures.status.client_error.to_string(),
            figures.status.server_error.to_string(),
            share(figures.errors(), figures.requests),
            time(|t| t.p50),
            time(|t| t.p95),
            time(|t| t.p99),
        ]);
    }
    table
}

/// A part of a whole in percent; of nothing, none.
#[allow(clippy::cast_precision_loss)] // counts stay far below 2^53
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "–".into() } else { format!("{:.2} %", part as f64 * 100.0 / whole as f64) }
}

/// Milliseconds with as many decimals as are worth reading.
pub fn ms(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_times_are_short() {
        assert_eq!((share(1, 3), share(0, 5), share(0, 0)), ("33.33 %".into(), "0.00 %".into(), "–".into()));
        assert_eq!((ms(0.25), ms(9.94), ms(12.6)), ("0.2".into(), "9.9".into(), "13".into()));
    }
}
