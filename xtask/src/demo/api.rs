//! The gateway's API, as a stranger would use it: the names are its contract, written a second time on purpose.

use std::collections::HashSet;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, IF_MATCH};
use http::{HeaderMap, Method};
use model::event::identity::Digest;
use model::parity::report::Report;
use model::parity::window::Window;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use traffic::gateway::Gateway;

use super::MINUTE_MS;

/// Runs of one comparison before it is given up: each looks into two hours of minutes that differ.
const MAX_RUNS: usize = 50;

/// Times from and to, in ms since 1970; the end is not in it.
#[derive(Debug, Clone, Copy)]
pub struct Period {
    pub from_ms: u64,
    pub to_ms: u64,
}

/// Figures over both stores, each event once.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Stats {
    pub total: Figures,
    pub paths: Vec<PathFigures>,
    pub stores: Stores,
}

/// Figures of one normalised route.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PathFigures {
    pub path: String,
    #[serde(flatten)]
    pub figures: Figures,
}

/// Figures of a set of requests.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    pub requests: u64,
    response_time: Option<ResponseTime>,
    addresses: Option<Addresses>,
}

/// Percentiles in ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct ResponseTime {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct Addresses {
    estimate: f64,
}

/// How many events are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stores {
    pub old: StoreCounts,
    pub new: StoreCounts,
    pub only_old: u64,
    pub only_new: u64,
}

/// Events of one store: all, and those that were meant for both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct StoreCounts {
    pub requests: u64,
    pub dual: u64,
}

/// What the comparator's test of itself came to, as reports by the name of what went wrong.
#[derive(Deserialize)]
pub struct SelfTest {
    pub passed: bool,
    pub failures: Vec<String>,
    pub first: Report,
    pub second: Report,
    pub worlds: Vec<World>,
}

/// The report on a window in which one thing went wrong.
#[derive(Deserialize)]
pub struct World {
    pub name: String,
    pub report: Report,
}

/// One of the plan's criteria for its next phase.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Criterion {
    pub title: String,
    pub wanted: String,
    pub figure: Option<String>,
    pub holds: Option<bool>,
    pub source: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Comparison {
    Done(Box<Report>),
    #[serde(rename_all = "camelCase")]
    Unfinished {
        #[allow(dead_code)] // it tells the two apart
        minutes_left: u64,
    },
}

impl Figures {
    /// Those of no requests are 0.
    pub fn times(&self) -> ResponseTime {
        self.response_time.unwrap_or_default()
    }

    /// About how many distinct addresses there are; 0 of a route in a list, which has none.
    pub fn unique_addresses(&self) -> f64 {
        self.addresses.map_or(0.0, |addresses| addresses.estimate)
    }

    /// Made-up figures for tests.
    #[cfg(test)]
    pub fn of(requests: u64, p95: f64, estimate: f64) -> Self {
        let response_time = Some(ResponseTime { p50: 1.0, p95, p99: 300.0 });
        Self { requests, response_time, addresses: Some(Addresses { estimate }) }
    }
}

/// The API of one gateway of this machine, which asks for no token.
pub struct Api {
    gateway: Gateway,
}

impl Api {
    pub const fn new(gateway: Gateway) -> Self {
        Self { gateway }
    }

    /// Version of the flag that the Worker obeys.
    pub async fn flag_version(&self) -> anyhow::Result<u32> {
        #[derive(Deserialize)]
        struct Flag {
            version: u32,
        }
        Ok(self.get::<Flag>("flag").await?.version)
    }

    /// Changes the flag to a document that follows version `base`.
    pub async fn change_flag(&self, document: &Value, base: u32) -> anyhow::Result<()> {
        let follows = (IF_MATCH, HeaderValue::from_str(&format!("\"{base}\""))?);
        self.send::<Value>(Method::PUT, "flag", document, Some(follows)).await?;
        Ok(())
    }

    pub async fn stats(&self, period: Period) -> anyhow::Result<Stats> {
        self.get(&format!("stats?from={}&to={}", period.from_ms, period.to_ms)).await
    }

    /// Digests of all events of a period that a store, `old` or `new`, holds.
    pub async fn digests(&self, store: &str, period: Period) -> anyhow::Result<HashSet<Digest>> {
        #[derive(Deserialize)]
        struct Events {
            events: Vec<Event>,
        }
        #[derive(Deserialize)]
        struct Event {
            digest: Digest,
        }
        let mut digests = HashSet::new();
        let mut from = period.from_ms;
        while from < period.to_ms {
            // Minute by minute, so that no answer is large.
            let to = period.to_ms.min(from + MINUTE_MS);
            let found: Events = self.get(&format!("ids?store={store}&from={from}&to={to}")).await?;
            digests.extend(found.events.into_iter().map(|event| event.digest));
            from = to;
        }
        Ok(digests)
    }

    /// Compares both stores over a window that is closed.
    pub async fn compare(&self, window: Window) -> anyhow::Result<Report> {
        for _ in 0..MAX_RUNS {
            let route = format!("parity/run?window={window}");
            if let Comparison::Done(report) = self.send(Method::POST, &route, &json!({}), None).await? {
                return Ok(*report);
            }
        }
        bail!("comparing {window}: it is not finished after {MAX_RUNS} runs")
    }

    /// Has the comparator test itself.
    pub async fn selftest(&self) -> anyhow::Result<SelfTest> {
        self.send(Method::POST, "parity/selftest", &json!({}), None).await
    }

    /// The plan's criteria for its next phase.
    pub async fn readiness(&self) -> anyhow::Result<Vec<Criterion>> {
        #[derive(Deserialize)]
        struct Readiness {
            criteria: Vec<Criterion>,
        }
        Ok(self.get::<Readiness>("readiness").await?.criteria)
    }

    async fn get<T: DeserializeOwned>(&self, route: &str) -> anyhow::Result<T> {
        self.call(Method::GET, route, HeaderMap::new(), Bytes::new()).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        value: &Value,
        header: Option<(http::HeaderName, HeaderValue)>,
    ) -> anyhow::Result<T> {
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let headers = std::iter::once(json).chain(header).collect();
        self.call(method, route, headers, value.to_string().into()).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> anyhow::Result<T> {
        let step = || format!("{method} {route}");
        let target = format!("/_collector/v1/{route}");
        let answer = self.gateway.call(method.clone(), &target, headers, body).await.with_context(step)?;
        if !answer.status().is_success() {
            let text: String = String::from_utf8_lossy(answer.body()).chars().take(300).collect();
            bail!("{}: {}: {text}", step(), answer.status());
        }
        serde_json::from_slice(answer.body()).with_context(step)
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
        assert_eq!((stats.total.requests, stats.stores.old.dual), (2, 2));
        assert!((stats.paths[0].figures.times().p95 - 2.0).abs() < 1e-9);
        let empty: Figures = serde_json::from_str(r#"{"requests":0,"responseTime":null}"#).unwrap();
        assert_eq!(empty.times(), ResponseTime::default());
    }
}
