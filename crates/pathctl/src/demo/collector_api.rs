//! The collector's read API, as a stranger would use it: the names are its contract, written a second time on purpose.

use std::collections::HashSet;

use model::event::identity::Digest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::CliError;
use crate::gateway::Gateway;

/// Events are fetched minute by minute, so that no answer is large.
const CHUNK_MS: u64 = 60_000;

const REMEDY: &str = "see the Worker's log";

/// Times from and to, in ms since 1970; the end is not in it.
#[derive(Debug, Clone, Copy)]
pub struct Period {
    /// Beginning.
    pub from_ms: u64,
    /// End.
    pub to_ms: u64,
}

/// One of the two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// The object.
    Old,
    /// Queue and database.
    New,
}

/// Figures over both stores, each event once.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Stats {
    /// Whether each event is known to be counted once.
    pub exact: bool,
    /// All paths together.
    pub total: Figures,
    /// Each path.
    pub paths: Vec<PathFigures>,
    /// What is where.
    pub stores: Stores,
}

/// A path's figures.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PathFigures {
    /// The normalised route.
    pub path: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Figures of a set of requests.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// How many.
    pub requests: u64,
    /// Response times, if there are any.
    pub response_time: Option<ResponseTime>,
    /// Distinct addresses; of a path in the list there are none.
    pub addresses: Option<Addresses>,
}

/// Percentiles in ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct ResponseTime {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// Distinct addresses.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Addresses {
    /// At least so many.
    pub lower: u64,
    /// About so many.
    pub estimate: f64,
}

/// What is where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stores {
    /// The object.
    pub old: StoreCounts,
    /// The database.
    pub new: StoreCounts,
    /// Events that both hold.
    pub both: u64,
    /// Events that only the object holds.
    pub only_old: u64,
    /// Events that only the database holds.
    pub only_new: u64,
}

/// What one store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct StoreCounts {
    /// Events.
    pub requests: u64,
    /// Those that were meant for both stores.
    pub dual: u64,
    /// Those that came here because the other path failed.
    pub fallback: u64,
}

#[derive(Deserialize)]
struct FlagReport {
    version: u32,
}

#[derive(Deserialize)]
struct Events {
    events: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    digest: Digest,
}

impl ResponseTime {
    /// Those of no requests are 0.
    pub fn of(figures: &Figures) -> Self {
        figures.response_time.unwrap_or_default()
    }
}

impl Store {
    const fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

/// The API of one gateway.
pub struct CollectorApi {
    gateway: Gateway,
}

impl CollectorApi {
    /// The API behind this gateway.
    pub const fn new(gateway: Gateway) -> Self {
        Self { gateway }
    }

    /// Version of the flag that the Worker obeys.
    ///
    /// # Errors
    /// When there is no answer or it can't be read.
    pub async fn flag_version(&self) -> Result<u32, CliError> {
        Ok(self.read::<FlagReport>("/_collector/v1/flag").await?.version)
    }

    /// Figures of a period.
    ///
    /// # Errors
    /// When there is no answer or it can't be read.
    pub async fn stats(&self, period: Period) -> Result<Stats, CliError> {
        self.read(&format!("/_collector/v1/stats?from={}&to={}", period.from_ms, period.to_ms)).await
    }

    /// Digests of all events of a period that a store holds.
    ///
    /// # Errors
    /// When there is no answer or it can't be read.
    pub async fn digests(&self, store: Store, period: Period) -> Result<HashSet<Digest>, CliError> {
        let mut digests = HashSet::new();
        let mut from = period.from_ms;
        while from < period.to_ms {
            let to = period.to_ms.min(from + CHUNK_MS);
            let target = format!("/_collector/v1/ids?store={}&from={from}&to={to}", store.name());
            let found: Events = self.read(&target).await?;
            digests.extend(found.events.into_iter().map(|event| event.digest));
            from = to;
        }
        Ok(digests)
    }

    async fn read<T: DeserializeOwned>(&self, target: &str) -> Result<T, CliError> {
        let step = || format!("reading {target}");
        let (status, body) =
            self.gateway.get(target).await.map_err(|error| CliError::failed(step(), &error, REMEDY))?;
        if !status.is_success() {
            let text: String = String::from_utf8_lossy(&body).chars().take(300).collect();
            return Err(CliError::failed(step(), &format!("{status}: {text}"), REMEDY));
        }
        serde_json::from_slice(&body).map_err(|error| CliError::failed(step(), &error, REMEDY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_example_is_read() {
        let figures = r#""requests":2,"status":{"1xx":0,"2xx":2,"3xx":0,"4xx":0,"5xx":0},
            "responseTime":{"mean":1.5,"min":1,"max":2,"p50":1,"p95":2.0,"p99":2},"addresses":{"lower":1,"estimate":1.0}"#;
        let counts = r#"{"requests":2,"single":0,"dual":2,"fallback":0}"#;
        let text = format!(
            r#"{{"from":0,"to":1,"exact":true,"total":{{{figures}}},"paths":[{{"path":"/a",{figures}}}],
            "stores":{{"old":{counts},"new":{counts},"both":2,"onlyOld":0,"onlyNew":0}}}}"#
        );
        let stats: Stats = serde_json::from_str(&text).unwrap();
        assert_eq!((stats.total.requests, stats.stores.old.dual, stats.stores.both), (2, 2, 2));
        assert!((ResponseTime::of(&stats.paths[0].figures).p95 - 2.0).abs() < 1e-9);
        let empty = r#"{"requests":0,"responseTime":null,"addresses":{"lower":0,"estimate":0.0}}"#;
        assert_eq!(ResponseTime::of(&serde_json::from_str(empty).unwrap()), ResponseTime::default());
    }

    #[test]
    fn digests_are_read_from_whole_events() {
        let text = r#"{"store":"old","events":[{"digest":"00000000000000ff","path":"/a","more":1}]}"#;
        let events: Events = serde_json::from_str(text).unwrap();
        assert_eq!(events.events[0].digest, Digest(255));
    }
}
