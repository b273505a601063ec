//! The requests of a demo, with what must come of them.
//!
//! Invariant: each request has an ID of its own, so its digest is known before it is sent, and so are the status and
//! time of its answer.

use std::sync::Arc;

use http::header::HeaderValue;
use model::event::identity::Digest;
use traffic::catalogue::SHOP_ROUTES;
use traffic::gateway::OutgoingRequest;
use traffic::ray::Rays;
use traffic::truth::{Truth, TruthBuilder};
use traffic::workload::{MAX_LATENCY_MS, Workload, WorkloadOptions, WorkloadRequest};

use super::upstream;

/// Beginning of the synthetic day, in ms: 2025-01-06 00:00 UTC. The demo has its own pace; only the order matters.
const START_MS: u64 = 1_736_121_600_000;
const DAY_MS: u64 = 86_400_000;

/// By how much the demo's upstream is slower than the catalogue says: what gateway, proxy and hops add to it, some 5 ms
/// here, is then little beside it, and what the gateway measures is known within 1 %.
const SLOWDOWN: u64 = 2;

/// One request of the demo.
pub struct DemoRequest {
    /// What is sent.
    pub outgoing: OutgoingRequest,
    /// The route that it must be counted under.
    pub route: Arc<str>,
    /// The status that the upstream gives.
    pub status: u16,
    /// The upstream's time until its headers, in µs.
    pub latency_us: u64,
    /// What the collector must know it by.
    pub digest: Digest,
}

/// The demo's requests in order, and the truth about them.
pub fn planned(seed: u64, requests: u64) -> anyhow::Result<(Vec<DemoRequest>, Truth)> {
    let options = WorkloadOptions { seed, requests, routes: SHOP_ROUTES, start_ms: START_MS, duration_ms: DAY_MS };
    let mut truth = TruthBuilder::default();
    let mut rays = Rays::new();
    let plan = |request: WorkloadRequest| {
        let request =
            WorkloadRequest { latency_us: (request.latency_us * SLOWDOWN).min(MAX_LATENCY_MS * 1_000), ..request };
        truth.add(&request.route, &request.address, request.latency_us);
        let ray = rays.issue();
        let mut outgoing = OutgoingRequest::new(&request.method, &request.target, &request.address, &ray)?;
        let digest = Digest::of(&request.address, &outgoing.pathname()?, &ray);
        outgoing.headers.insert(upstream::LATENCY, HeaderValue::from(request.latency_us));
        outgoing.headers.insert(upstream::STATUS, HeaderValue::from(request.status));
        let WorkloadRequest { route, status, latency_us, .. } = request;
        Ok(DemoRequest { outgoing, route, status, latency_us, digest })
    };
    let planned = Workload::new(&options).map(plan).collect::<anyhow::Result<_>>()?;
    Ok((planned, truth.finish()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_request_has_a_digest_of_its_own_and_tells_the_upstream_what_to_do() {
        let (planned, truth) = planned(1, 2_000).unwrap();
        assert_eq!(truth.total.requests, 2_000);
        assert_eq!(planned.iter().map(|p| p.digest).collect::<HashSet<_>>().len(), 2_000);
        for planned in &planned {
            let header = |name| planned.outgoing.headers[name].to_str().unwrap();
            assert_eq!(header(upstream::STATUS), planned.status.to_string());
            assert!(header(upstream::LATENCY).parse::<u64>().unwrap() >= 1_000);
        }
    }
}
