//! The traffic's part of the API: figures over both stores, each event once.

use serde::{Deserialize, Serialize};

use super::{CallError, Collector};
use crate::missing::Missing;

/// Figures of a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Beginning, in ms.
    pub from: u64,
    /// End, in ms; what is not over yet is included.
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
    /// What is where.
    pub stores: Stores,
}

/// A route's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// The normalised route.
    pub path: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Figures of a set of requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// How many.
    pub requests: u64,
    /// How many of each status class.
    pub status: Classes,
    /// Response times; none without requests.
    pub response_time: Option<ResponseTime>,
    /// Distinct addresses; of a route in a list of them there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Addresses>,
}

/// Requests by status class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classes {
    /// Informational.
    #[serde(rename = "1xx")]
    pub informational: u64,
    /// Success.
    #[serde(rename = "2xx")]
    pub success: u64,
    /// Redirection.
    #[serde(rename = "3xx")]
    pub redirection: u64,
    /// Client error.
    #[serde(rename = "4xx")]
    pub client_error: u64,
    /// Server error.
    #[serde(rename = "5xx")]
    pub server_error: u64,
}

/// Response times in ms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ResponseTime {
    /// Arithmetic mean.
    pub mean: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// Distinct addresses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Addresses {
    /// At least so many.
    pub lower: u64,
    /// About so many.
    pub estimate: f64,
}

/// What is where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stores {
    /// The object; none if it could not be read.
    pub old: Option<Counts>,
    /// The database; none if it could not be read.
    pub new: Option<Counts>,
    /// Events that both hold; this and what follows is none where a store could not be read.
    pub both: Option<u64>,
    /// Events that only the object holds.
    pub only_old: Option<u64>,
    /// Events that only the database holds.
    pub only_new: Option<u64>,
}

/// What one store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Events.
    pub requests: u64,
    /// Those that were meant for this store alone.
    pub single: u64,
    /// Those that were meant for both.
    pub dual: u64,
    /// Those that came here because the other path failed.
    pub fallback: u64,
}

impl Figures {
    /// Requests that failed, by the client's fault or the server's.
    pub const fn errors(&self) -> u64 {
        self.status.client_error + self.status.server_error
    }

    /// A response time, if there is any.
    pub fn time(&self, of: fn(&ResponseTime) -> f64) -> Option<f64> {
        self.response_time.as_ref().map(of)
    }
}

impl Collector {
    /// Figures of a period; `query` says which.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn stats(&self, query: &str) -> Result<Stats, CallError> {
        self.get(&format!("stats?{query}")).await
    }
}
