//! Figures for people.

use std::fmt;

use api::stats::{RouteFigures, StatsAnswer};
use model::counting::figures::{Figures, ResponseTime, StatusClasses};

use super::sort::errors;
use crate::output::{notice, one_line};
use crate::table::plain;
use crate::time::moment;

/// Figures of a period, and of the routes that are shown of it.
pub struct StatsPage<'a> {
    /// All of it.
    pub stats: &'a StatsAnswer,
    /// The routes that are shown.
    pub shown: &'a [RouteFigures],
    /// Whether one route alone was asked for.
    pub is_one: bool,
}

impl fmt::Display for StatsPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StatsAnswer { from, to, exact, missing, total, paths, stores } = self.stats;
        let counted = match (exact, missing.as_slice()) {
            (true, _) => "each counted once",
            (false, []) => "not every one known to be counted once",
            (false, _) => "NOT ALL OF THEM",
        };
        writeln!(f, "{} to {}, {counted}", moment(*from), moment(*to))?;
        f.write_str(&notice(missing))?;
        if let ([route], true) = (self.shown, self.is_one) {
            let facts = facts(route.requests, &route.status, route.response_time);
            return write!(f, "{}\n{facts}", one_line(&route.path));
        }
        let (old, new) = (stores.old.map(|held| held.requests), stores.new.map(|held| held.requests));
        let counts = [old, new, stores.both, stores.only_old, stores.only_new];
        // A store that a count needs may be missing.
        let [old, new, both, only_old, only_new] =
            counts.map(|count| count.map_or_else(|| "?".to_owned(), |count| count.to_string()));
        let Figures { requests, status, response_time, addresses } = total;
        writeln!(f, "{}", facts(*requests, status, *response_time))?;
        writeln!(f, "addresses  about {:.0}, at least {}", addresses.estimate, addresses.lower)?;
        writeln!(
            f,
            "stores     {old} in the object, {new} in D1: {both} in both, {only_old} only old, {only_new} only new"
        )?;
        f.write_str(&table(self.shown))?;
        let left = paths.len().saturating_sub(self.shown.len());
        if left > 0 { write!(f, "\n  and {left} more: raise --limit") } else { Ok(()) }
    }
}

/// Figures, a fact to a line.
fn facts(requests: u64, status: &StatusClasses, response_time: Option<ResponseTime>) -> String {
    let StatusClasses { informational, success, redirection, client_error, server_error } = status;
    let times = response_time.map_or_else(
        || "none".to_owned(),
        |t| {
            let [p50, p95, p99, mean, min, max] = [t.p50, t.p95, t.p99, t.mean, t.min.into(), t.max.into()].map(ms);
            format!("p50 {p50}, p95 {p95}, p99 {p99}; mean {mean}, from {min} to {max} ms")
        },
    );
    let errors = share(errors(status), requests);
    format!(
        "requests   {requests}\nstatus     1xx {informational}, 2xx {success}, 3xx {redirection}, 4xx {client_error}, 5xx \
         {server_error}; {errors} errors\ntimes      {times}"
    )
}

fn table(routes: &[RouteFigures]) -> String {
    let rows = routes.iter().map(|route| {
        [
            route.path.clone(),
            route.requests.to_string(),
            route.status.client_error.to_string(),
            route.status.server_error.to_string(),
            share(errors(&route.status), route.requests),
            time(route.response_time, |time| time.p50),
            time(route.response_time, |time| time.p95),
            time(route.response_time, |time| time.p99),
        ]
    });
    plain(["<path", "requests", "4xx", "5xx", "errors", "p50 ms", "p95 ms", "p99 ms"], rows)
}

/// A response time, if there is any.
pub fn time(response_time: Option<ResponseTime>, of: fn(&ResponseTime) -> f64) -> String {
    response_time.map_or_else(|| "–".to_owned(), |time| ms(of(&time)))
}

/// A part of a whole in percent; of nothing, none.
#[allow(clippy::cast_precision_loss)] // counts stay far below 2^53
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "–".into() } else { format!("{:.2} %", part as f64 * 100.0 / whole as f64) }
}

/// Milliseconds with as many decimals as are worth reading.
fn ms(ms: f64) -> String {
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
