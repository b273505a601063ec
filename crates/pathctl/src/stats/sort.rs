//! The order in which routes are listed.

use api::stats::RouteFigures;
use clap::ValueEnum;
use model::counting::figures::{ResponseTime, StatusClasses};

/// Requests that failed, by the client's fault or the server's.
pub const fn errors(status: &StatusClasses) -> u64 {
    status.client_error + status.server_error
}

/// What routes are sorted by: the largest first, but paths by the alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RouteOrder {
    /// Most requests.
    Requests,
    /// Most 4xx and 5xx.
    Errors,
    /// Slowest median.
    P50,
    /// Slowest 95th percentile.
    P95,
    /// Slowest 99th percentile.
    P99,
    /// Name.
    Path,
}

impl RouteOrder {
    /// Sorts routes; those that are alike, by name.
    #[allow(clippy::cast_precision_loss)] // counts far below 2^53
    pub fn apply(self, routes: &mut [RouteFigures]) {
        let key = |route: &RouteFigures| {
            let time = |of: fn(&ResponseTime) -> f64| route.response_time.as_ref().map_or(f64::NEG_INFINITY, of);
            match self {
                Self::Requests => route.requests as f64,
                Self::Errors => errors(&route.status) as f64,
                Self::P50 => time(|time| time.p50),
                Self::P95 => time(|time| time.p95),
                Self::P99 => time(|time| time.p99),
                Self::Path => 0.0,
            }
        };
        routes.sort_by(|a, b| key(b).total_cmp(&key(a)).then_with(|| a.path.cmp(&b.path)));
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A route with so many requests, of which so many gave 5xx, and all of which took so long.
    pub fn route(path: &str, requests: u64, failed: u64, ms: Option<u32>) -> RouteFigures {
        let (success, server_error) = (requests - failed, failed);
        let status = StatusClasses { informational: 0, success, redirection: 0, client_error: 0, server_error };
        let time = |ms: u32| {
            let all = f64::from(ms);
            ResponseTime { mean: all, min: ms, max: ms, p50: all, p95: all, p99: all }
        };
        RouteFigures { path: path.into(), requests, status, response_time: ms.map(time) }
    }

    #[test]
    fn the_largest_come_first_and_names_by_the_alphabet() {
        let mut routes = [route("/b", 5, 0, Some(9)), route("/a", 5, 2, Some(30)), route("/c", 7, 1, None)];
        for (sort, expected) in [
            (RouteOrder::Requests, ["/c", "/a", "/b"]),
            (RouteOrder::Errors, ["/a", "/c", "/b"]),
            (RouteOrder::P95, ["/a", "/b", "/c"]),
            (RouteOrder::Path, ["/a", "/b", "/c"]),
        ] {
            sort.apply(&mut routes);
            assert_eq!(routes.each_ref().map(|route| route.path.as_str()), expected, "{sort:?}");
        }
    }
}
