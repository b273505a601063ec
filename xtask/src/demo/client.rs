//! The gateway's API, as its readers use it.

use std::collections::HashSet;

use anyhow::{Context as _, bail, ensure};
use api::events::EventsAnswer;
use api::flag::{ChangeAnswer, FlagAnswer};
use api::parity::RunAnswer;
use api::readiness::ReadinessAnswer;
use api::stats::StatsAnswer;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, IF_MATCH};
use http::{HeaderMap, Method};
use model::event::identity::Digest;
use model::operating::readiness::Criterion;
use model::parity::report::ParityReport;
use model::parity::selftest::SelfTestOutcome;
use model::parity::window::Window;
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

/// The API of one gateway of this machine, which asks for no token.
pub struct LocalGateway {
    gateway: Gateway,
}

impl LocalGateway {
    pub const fn new(gateway: Gateway) -> Self {
        Self { gateway }
    }

    /// Version of the flag that the Worker obeys.
    pub async fn flag_version(&self) -> anyhow::Result<u32> {
        Ok(self.get::<FlagAnswer>("flag").await?.version)
    }

    /// Changes the flag to a document that follows version `base`.
    pub async fn change_flag(&self, document: &Value, base: u32) -> anyhow::Result<()> {
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let follows = (IF_MATCH, HeaderValue::from_str(&format!("\"{base}\""))?);
        let headers = HeaderMap::from_iter([json, follows]);
        self.call::<ChangeAnswer>(Method::PUT, "flag", headers, document.to_string().into()).await?;
        Ok(())
    }

    pub async fn stats(&self, period: Period) -> anyhow::Result<StatsAnswer> {
        self.get(&format!("stats?from={}&to={}", period.from_ms, period.to_ms)).await
    }

    /// Digests of all events of a period that a store, `old` or `new`, holds.
    pub async fn digests(&self, store: &str, period: Period) -> anyhow::Result<HashSet<Digest>> {
        let mut digests = HashSet::new();
        let mut from = period.from_ms;
        while from < period.to_ms {
            // Minute by minute, so that no answer is large.
            let to = period.to_ms.min(from + MINUTE_MS);
            let found: EventsAnswer = self.get(&format!("ids?store={store}&from={from}&to={to}")).await?;
            ensure!(!found.more && found.missing.is_empty(), "the {store} store gave only a part of a minute's events");
            digests.extend(found.events.into_iter().map(|event| event.digest));
            from = to;
        }
        Ok(digests)
    }

    /// Compares both stores over a window that is closed.
    pub async fn compare(&self, window: Window) -> anyhow::Result<ParityReport> {
        for _ in 0..MAX_RUNS {
            if let RunAnswer::Done(report) = self.post(&format!("parity/run?window={window}")).await? {
                return Ok(*report);
            }
        }
        bail!("comparing {window}: it is not finished after {MAX_RUNS} runs")
    }

    /// Has the comparator test itself.
    pub async fn selftest(&self) -> anyhow::Result<SelfTestOutcome> {
        self.post("parity/selftest").await
    }

    /// The plan's criteria for its next phase.
    pub async fn readiness(&self) -> anyhow::Result<Vec<Criterion>> {
        Ok(self.get::<ReadinessAnswer>("readiness").await?.criteria)
    }

    async fn get<T: DeserializeOwned>(&self, route: &str) -> anyhow::Result<T> {
        self.call(Method::GET, route, HeaderMap::new(), Bytes::new()).await
    }

    async fn post<T: DeserializeOwned>(&self, route: &str) -> anyhow::Result<T> {
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.call(Method::POST, route, HeaderMap::from_iter([json]), json!({}).to_string().into()).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> anyhow::Result<T> {
        let step = format!("{method} {route}");
        let answer = self.gateway.call(method, &format!("/_collector/v1/{route}"), headers, body).await;
        let answer = answer.with_context(|| step.clone())?;
        if !answer.status().is_success() {
            let text: String = String::from_utf8_lossy(answer.body()).chars().take(300).collect();
            bail!("{step}: {}: {text}", answer.status());
        }
        serde_json::from_slice(answer.body()).context(step)
    }
}
