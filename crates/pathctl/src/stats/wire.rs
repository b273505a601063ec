//! The traffic's part of the API: figures over both stores, each event once. Times are in ms.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::missing::Missing;

/// Figures of a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    pub from: u64,
    /// End; what is not over yet is included.
    pub to: u64,
    /// Whether each event is known to be counted once.
    pub exact: bool,
    /// What could not be read, and is in no figure.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// All routes together.
    pub total: Figures,
    /// Each route.
    pub paths: Vec<Route>,
    pub stores: Stores,
}

/// A normalised route's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    pub path: String,
    #[serde(flatten)]
    pub figures: Figures,
}

/// Figures of a set of requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    pub requests: u64,
    pub status: Classes,
    /// Response times; none without requests.
    pub response_time: Option<ResponseTime>,
    /// Distinct addresses; of a route in a list of them there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Addresses>,
}

/// Requests by status class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classes {
    #[serde(rename = "1xx")]
    pub informational: u64,
    #[serde(rename = "2xx")]
    pub success: u64,
    #[serde(rename = "3xx")]
    pub redirection: u64,
    #[serde(rename = "4xx")]
    pub client_error: u64,
    #[serde(rename = "5xx")]
    pub server_error: u64,
}

/// Response times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ResponseTime {
    pub mean: f64,
    pub min: f64,
    pub max: f64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

/// Distinct addresses: at least, and about, so many.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Addresses {
    pub lower: u64,
    pub estimate: f64,
}

/// How many events are where; none where a store could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stores {
    /// The object.
    pub old: Option<Counts>,
    /// The database.
    pub new: Option<Counts>,
    pub both: Option<u64>,
    pub only_old: Option<u64>,
    pub only_new: Option<u64>,
}

/// Events of one store: all, meant for it alone, meant for both, and come because the other path failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub requests: u64,
    pub single: u64,
    pub dual: u64,
    pub fallback: u64,
}

impl Figures {
    /// Requests that failed, by the client's fault or the server's.
    pub const fn errors(&self) -> u64 {
        self.status.client_error + self.status.server_error
    }
}

/// What routes are sorted by: the largest first, but paths by the alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
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

impl Sort {
    /// Sorts routes; those that are alike, by name.
    #[allow(clippy::cast_precision_loss)] // counts far below 2^53
    pub fn apply(self, routes: &mut [Route]) {
        let key = |Route { figures, .. }: &Route| {
            let time = |of: fn(&ResponseTime) -> f64| figures.response_time.as_ref().map_or(f64::NEG_INFINITY, of);
            match self {
                Self::Requests => figures.requests as f64,
                Self::Errors => figures.errors() as f64,
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
    pub fn route(path: &str, requests: u64, failed: u64, ms: Option<f64>) -> Route {
        let figures = Figures {
            requests,
            status: Classes { success: requests - failed, server_error: failed, ..Classes::default() },
            response_time: ms.map(|ms| ResponseTime { mean: ms, min: ms, max: ms, p50: ms, p95: ms, p99: ms }),
            addresses: None,
        };
        Route { path: path.into(), figures }
    }

    #[test]
    fn the_largest_come_first_and_names_by_the_alphabet() {
        let mut routes = [route("/b", 5, 0, Some(9.0)), route("/a", 5, 2, Some(30.0)), route("/c", 7, 1, None)];
        for (sort, expected) in [
            (Sort::Requests, ["/c", "/a", "/b"]),
            (Sort::Errors, ["/a", "/c", "/b"]),
            (Sort::P95, ["/a", "/b", "/c"]),
            (Sort::Path, ["/a", "/b", "/c"]),
        ] {
            sort.apply(&mut routes);
            assert_eq!(routes.each_ref().map(|route| route.path.as_str()), expected, "{sort:?}");
        }
    }
}
