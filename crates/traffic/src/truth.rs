//! What must be counted, exactly.
//!
//! Invariant: nothing here is shared with what it checks. Percentiles are of the sorted values, unique addresses of a
//! set, and the /64 rule is written a second time on purpose.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

/// The exact figures of a set of requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExactFigures {
    /// Number of requests.
    pub requests: u64,
    /// Median response time in ms.
    pub p50_ms: f64,
    /// 95th percentile of the response time in ms.
    pub p95_ms: f64,
    /// 99th percentile of the response time in ms.
    pub p99_ms: f64,
    /// Distinct addresses, IPv6 by its /64.
    pub unique_addresses: u64,
}

/// The exact figures in total and by route.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Truth {
    /// Over all requests.
    pub total: ExactFigures,
    /// By route.
    pub paths: BTreeMap<Arc<str>, ExactFigures>,
}

/// Collects requests until their truth is asked for. Takes 8 bytes per request, and a set entry per address.
#[derive(Debug, Default)]
pub struct TruthBuilder {
    total: Tally,
    paths: BTreeMap<Arc<str>, Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    latencies_us: Vec<u64>,
    clients: HashSet<Client>,
}

/// What counts as one client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Client {
    V4([u8; 4]),
    V6Network([u16; 4]),
    Named(String),
}

impl TruthBuilder {
    /// Adds a request of a route by a client, which took so long.
    pub fn add(&mut self, route: &Arc<str>, address: &str, latency_us: u64) {
        self.total.add(address, latency_us);
        self.paths.entry(route.clone()).or_default().add(address, latency_us);
    }

    /// The figures of all that was added.
    pub fn finish(self) -> Truth {
        let paths = self.paths.into_iter().map(|(path, tally)| (path, tally.finish())).collect();
        Truth { total: self.total.finish(), paths }
    }
}

impl Tally {
    fn add(&mut self, address: &str, latency_us: u64) {
        self.latencies_us.push(latency_us);
        self.clients.insert(Client::of(address));
    }

    fn finish(mut self) -> ExactFigures {
        self.latencies_us.sort_unstable();
        let percentile_ms = |percent| percentile(&self.latencies_us, percent).map_or(0.0, milliseconds);
        ExactFigures {
            requests: self.latencies_us.len() as u64,
            p50_ms: percentile_ms(50),
            p95_ms: percentile_ms(95),
            p99_ms: percentile_ms(99),
            unique_addresses: self.clients.len() as u64,
        }
    }
}

impl Client {
    fn of(address: &str) -> Self {
        match address.parse() {
            Ok(IpAddr::V4(v4)) => Self::V4(v4.octets()),
            Ok(IpAddr::V6(v6)) => match v6.segments() {
                [0, 0, 0, 0, 0, 0xffff, ..] => {
                    v6.to_ipv4_mapped().map_or(Self::V6Network([0; 4]), |v4| Self::V4(v4.octets()))
                }
                [a, b, c, d, ..] => Self::V6Network([a, b, c, d]),
            },
            Err(_) => Self::Named(address.to_owned()),
        }
    }
}

/// The smallest value that at least `percent` of the sorted values do not exceed (the nearest rank).
pub fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// µs in ms.
#[allow(clippy::cast_precision_loss)] // 2^53 µs are 285 years
fn milliseconds(us: u64) -> f64 {
    us as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).collect();
        for (percent, value) in [(50, 50), (95, 95), (99, 99), (100, 100), (0, 1)] {
            assert_eq!(percentile(&hundred, percent), Some(value));
        }
        assert_eq!(percentile(&[7], 99), Some(7));
        assert_eq!(percentile(&[1, 2, 3], 50), Some(2));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn ipv6_counts_by_its_network_and_ipv4_by_its_address() {
        let mut truth = TruthBuilder::default();
        for address in
            ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1", "10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2", "unknown"]
        {
            truth.add(&"/a".into(), address, 1_000);
        }
        assert_eq!(truth.finish().total.unique_addresses, 5);
    }

    #[test]
    fn the_total_is_over_all_paths_and_a_client_of_two_paths_counts_once_in_it() {
        let mut truth = TruthBuilder::default();
        for (route, latency_us) in [("/a", 1_500), ("/a", 2_500), ("/b", 9_000)] {
            truth.add(&route.into(), "10.0.0.1", latency_us);
        }
        let truth = truth.finish();
        let exact =
            |requests, p50_ms, p95_ms| ExactFigures { requests, p50_ms, p95_ms, p99_ms: p95_ms, unique_addresses: 1 };
        assert_eq!(truth.total, exact(3, 2.5, 9.0));
        assert_eq!(truth.paths["/a"], exact(2, 1.5, 2.5));
        assert_eq!(truth.paths["/b"], exact(1, 9.0, 9.0));
    }
}
