//! The requests of a demo, with what must come of them.
//!
//! Invariant: each request has an ID of its own, so its digest is known before it is sent, and so are the status and
//! time of its answer.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::ensure;
use http::header::HeaderValue;
use model::error::InputError;
use model::event::identity::Digest;
use model::event::path::Normalizer;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use traffic::access_log::Entry;
use traffic::catalogue::SHOP_ROUTES;
use traffic::gateway::Outgoing;
use traffic::log_reader::BadLines;
use traffic::ray::Rays;
use traffic::truth::{Truth, TruthBuilder};
use traffic::workload::{Request, Workload, WorkloadOptions, lognormal};

use super::upstream;
use crate::replay::open;

/// Beginning of the synthetic day, in ms: 2025-01-06 00:00 UTC. The demo has its own pace; only the order matters.
const START_MS: u64 = 1_736_121_600_000;
const DAY_MS: u64 = 86_400_000;

/// By how much the demo's upstream is slower than the catalogue says: what gateway, proxy and hops add to it, some 5 ms
/// here, is then little beside it, and what the gateway measures is known within 1 %.
const SLOWDOWN: u64 = 2;

/// Medians of the response times that a log's routes are given, in ms.
const MEDIANS_MS: std::ops::Range<u64> = 80..280;
/// Spread of the response times that a log's requests are given.
const LATENCY_SIGMA: f64 = 0.6;
/// Longest response time that a log's requests are given, in ms.
const MAX_LATENCY_MS: f64 = 8_000.0;

/// One request of the demo.
pub struct Planned {
    /// What is sent.
    pub outgoing: Outgoing,
    /// The route that it must be counted under.
    pub route: Arc<str>,
    /// The status that the upstream gives.
    pub status: u16,
    /// The upstream's time until its headers, in µs.
    pub latency_us: u64,
    /// What the collector must know it by.
    pub digest: Digest,
}

/// All requests of the demo, in order, and the truth about them.
pub struct PlannedTraffic {
    /// The requests.
    pub planned: Vec<Planned>,
    /// Their exact figures.
    pub truth: Truth,
    /// Lines of the log that can't be used.
    pub bad_lines: BadLines,
}

/// Collects requests as they are planned.
struct Planner {
    rays: Rays,
    planned: Vec<Planned>,
    truth: TruthBuilder,
}

impl PlannedTraffic {
    /// Synthetic traffic. It fails only by a slip of the generator's.
    pub fn synthetic(seed: u64, requests: u64) -> anyhow::Result<Self> {
        let options = WorkloadOptions { seed, requests, routes: SHOP_ROUTES, start_ms: START_MS, duration_ms: DAY_MS };
        let mut planner = Planner::new();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a positive constant
        let longest_us = MAX_LATENCY_MS as u64 * 1_000;
        for request in Workload::new(&options) {
            let latency_us = (request.latency_us * SLOWDOWN).min(longest_us);
            planner.plan(&Request { latency_us, ..request }, None)?;
        }
        Ok(planner.finish(BadLines::default()))
    }

    /// The first `limit` usable requests of a log. Logs lack the upstream's times, as a rule: where they do, they are
    /// made up by `seed`.
    pub fn from_log(file: &Path, seed: u64, limit: u64) -> anyhow::Result<Self> {
        let mut reader = open(file, "reading")?;
        let mut planner = Planner::new();
        let mut latencies = Latencies { random: Pcg64::seed_from_u64(seed), medians_ms: HashMap::new() };
        // The demo's Worker has no templates either.
        let (normalizer, _) = Normalizer::new([]);
        while (planner.planned.len() as u64) < limit {
            let Some((line, entry)) = reader.next() else { break };
            let outcome = request_of(&entry, &normalizer, &mut latencies)
                .and_then(|request| planner.plan(&request, Some(&entry)));
            if let Err(error) = outcome {
                reader.refuse(line, &error);
            }
        }
        let bad_lines = reader.into_bad_lines();
        ensure!(
            !planner.planned.is_empty(),
            "{bad_lines}reading --log {}: no line of it is a usable request; give Common or Combined Log Format",
            file.display()
        );
        Ok(planner.finish(bad_lines))
    }
}

/// A log's entry as a request of the demo.
fn request_of(entry: &Entry, normalizer: &Normalizer, latencies: &mut Latencies) -> Result<Request, InputError> {
    if !(200..=599).contains(&entry.status) {
        return Err(InputError::field("status", entry.status, "expected 200 to 599, which a server can answer with"));
    }
    let pathname = Outgoing::from_entry(entry, "")?.pathname()?;
    let route: Arc<str> = normalizer.normalize(&pathname, entry.status).into();
    Ok(Request {
        at_ms: 0,
        address: entry.address.clone(),
        method: entry.method.clone(),
        target: entry.target.clone(),
        latency_us: entry.response_time_us.unwrap_or_else(|| latencies.next_us(&route)),
        route,
        status: entry.status,
    })
}

/// Makes up response times: each route has its median.
struct Latencies {
    random: Pcg64,
    medians_ms: HashMap<Arc<str>, u64>,
}

impl Latencies {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // 1 ms to 8 s
    fn next_us(&mut self, route: &Arc<str>) -> u64 {
        let random = &mut self.random;
        let median = *self.medians_ms.entry(route.clone()).or_insert_with(|| random.random_range(MEDIANS_MS));
        (lognormal(random, median as f64, LATENCY_SIGMA).clamp(1.0, MAX_LATENCY_MS) * 1_000.0) as u64
    }
}

impl Planner {
    fn new() -> Self {
        Self { rays: Rays::new(), planned: Vec::new(), truth: TruthBuilder::default() }
    }

    fn plan(&mut self, request: &Request, entry: Option<&Entry>) -> Result<(), InputError> {
        let ray = self.rays.issue();
        let mut outgoing = match entry {
            Some(entry) => Outgoing::from_entry(entry, &ray)?,
            None => Outgoing::new(&request.method, &request.target, &request.address, &ray)?,
        };
        let digest = Digest::of(&request.address, &outgoing.pathname()?, &ray);
        outgoing.headers.insert(upstream::LATENCY, HeaderValue::from(request.latency_us));
        outgoing.headers.insert(upstream::STATUS, HeaderValue::from(request.status));
        self.truth.add(request);
        let Request { status, latency_us, .. } = *request;
        self.planned.push(Planned { outgoing, route: request.route.clone(), status, latency_us, digest });
        Ok(())
    }

    fn finish(self, bad_lines: BadLines) -> PlannedTraffic {
        PlannedTraffic { planned: self.planned, truth: self.truth.finish(), bad_lines }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::Write;

    use super::*;

    #[test]
    fn each_request_has_a_digest_of_its_own_and_tells_the_upstream_what_to_do() {
        let traffic = PlannedTraffic::synthetic(1, 2_000).unwrap();
        assert_eq!(traffic.truth.total.requests, 2_000);
        assert_eq!(traffic.planned.iter().map(|p| p.digest).collect::<HashSet<_>>().len(), 2_000);
        for planned in &traffic.planned {
            let header = |name| planned.outgoing.headers[name].to_str().unwrap();
            assert_eq!(header(upstream::STATUS), planned.status.to_string());
            assert!(header(upstream::LATENCY).parse::<u64>().unwrap() >= 1_000);
        }
    }

    #[test]
    fn a_log_keeps_its_status_and_route_and_is_given_times_by_seed() {
        let mut log = tempfile::NamedTempFile::new().unwrap();
        for (request, status) in [
            ("GET /users/7?x HTTP/1.1", 200),
            ("GET /nowhere HTTP/1.1", 404),
            ("GET /early HTTP/1.1", 101),
            ("GET /past HTTP/1.1", 200),
        ] {
            writeln!(log, "192.0.2.1 - - [01/Mar/2024:00:00:00 +0000] \"{request}\" {status} 1").unwrap();
        }
        let traffic = |seed| PlannedTraffic::from_log(log.path(), seed, 2).unwrap();
        let paths: Vec<_> = traffic(1).truth.paths.into_keys().collect();
        assert_eq!(paths, ["(unmatched)".into(), Arc::<str>::from("/users/{id}")]);
        assert_eq!(traffic(1).truth, traffic(1).truth);
        assert_ne!(traffic(1).truth, traffic(2).truth);
        let whole = PlannedTraffic::from_log(log.path(), 1, 100).unwrap();
        assert_eq!((whole.planned.len(), whole.bad_lines.count), (3, 1));
        assert!(whole.bad_lines.shown[0].contains("line 3: `status`"), "{:?}", whole.bad_lines);
    }

    #[test]
    fn a_log_without_a_usable_request_is_refused_with_a_remedy() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let error = PlannedTraffic::from_log(log.path(), 1, 2).err().unwrap().to_string();
        assert!(error.contains("--log") && error.contains("Common or Combined"), "{error}");
    }
}
