//! Synthetic traffic with known truth: what a gateway in front of a shop's API sees in a day.
//!
//! Routes by Zipf's law, a rate that follows the day, lognormal response times with a slow tail, addresses of both
//! families that come back by Zipf's law, a few scanners.
//!
//! Invariant: a function of its options alone. The same options give the same requests, in order of time.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use model::event::path::UNMATCHED;
use rand::{RngExt, SeedableRng};
use rand_distr::{StandardNormal, Zipf};
use rand_pcg::Pcg64;

use crate::access_log::LogEntry;
use crate::catalogue::{self, CatalogueRoute};

/// Popularity of routes: the exponent that web traffic is usually fitted with.
const ROUTE_EXPONENT: f64 = 0.9;
/// Return of clients: flatter than that of routes, there are many occasional ones.
const CLIENT_EXPONENT: f64 = 0.7;
/// Requests per client, on average.
const REQUESTS_PER_CLIENT: u64 = 8;
/// Most clients in a workload: 10.0.0.0/8 has addresses for 16 times as many.
const MAX_CLIENTS: u64 = 1_000_000;
/// Share of clients with IPv6.
const IPV6_SHARE: f64 = 0.35;
/// Addresses that an IPv6 client uses within its /64.
const ADDRESSES_PER_NETWORK: u64 = 4;
/// Share of requests by scanners; they get 404.
const SCANNED_SHARE: f64 = 0.015;
/// Median response time of a 404, in ms.
const SCANNED_MEDIAN_MS: f64 = 80.0;
/// Spread of response times around their route's median: standard deviation of the logarithm.
const LATENCY_SIGMA: f64 = 0.6;
/// Share of requests that are slow, by a factor of 3 to 8.
const SLOW_SHARE: f64 = 0.015;
/// Longest response time, in ms.
pub const MAX_LATENCY_MS: u64 = 8_000;
/// Swing of the rate over the day, around its mean.
const DAILY_SWING: f64 = 0.6;
/// When the rate is highest, in ms after midnight UTC: 15:00.
const PEAK_MS: f64 = 15.0 * 3_600_000.0;
const DAY_MS: f64 = 24.0 * 3_600_000.0;
/// Steps in which the rate's curve is drawn.
const RATE_STEPS: u32 = 2_000;

/// What traffic to make.
#[derive(Debug, Clone)]
pub struct WorkloadOptions {
    /// Chooses among all possible workloads.
    pub seed: u64,
    /// Number of requests.
    pub requests: u64,
    /// Number of routes; at least one.
    pub routes: usize,
    /// Time of the beginning, in ms since 1970.
    pub start_ms: u64,
    /// Length, in ms.
    pub duration_ms: u64,
}

/// One request, with what the upstream will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadRequest {
    /// When it arrives, in ms since 1970.
    pub at_ms: u64,
    /// The client's address.
    pub address: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The normalised route that it must be counted under.
    pub route: Arc<str>,
    /// The upstream's status.
    pub status: u16,
    /// The upstream's time until its headers, in µs.
    pub latency_us: u64,
}

/// Yields the requests in order of time.
pub struct Workload {
    random: Pcg64,
    remaining: u64,
    routes: Vec<CatalogueRoute>,
    unmatched: Arc<str>,
    route_ranks: Zipf<f64>,
    client_ranks: Zipf<f64>,
    client_key: u64,
    clock: DailyClock,
}

impl Workload {
    /// A workload of these options.
    pub fn new(options: &WorkloadOptions) -> Self {
        let mut random = Pcg64::seed_from_u64(options.seed);
        let clients = (options.requests / REQUESTS_PER_CLIENT).clamp(1, MAX_CLIENTS);
        let routes = catalogue::routes(options.routes.max(1));
        Self {
            client_key: random.random(),
            remaining: options.requests,
            route_ranks: zipf(routes.len() as u64, ROUTE_EXPONENT),
            client_ranks: zipf(clients, CLIENT_EXPONENT),
            routes,
            unmatched: UNMATCHED.into(),
            clock: DailyClock::new(options.start_ms, options.duration_ms),
            random,
        }
    }

    fn address(&mut self) -> String {
        let client = rank(&self.client_ranks, &mut self.random);
        let mut own = Pcg64::seed_from_u64(self.client_key ^ client);
        // An odd multiplier permutes the numbers below a power of two: clients never share an address.
        let spread = client.wrapping_mul(0x9e37_79b1);
        if own.random_bool(IPV6_SHARE) {
            // 2001:db8::/32 is for documentation (RFC 3849): nobody's.
            let network = 0x2001_0db8_u128 << 96 | u128::from(spread & 0xffff_ffff) << 64;
            let host = (0..=self.random.random_range(0..ADDRESSES_PER_NETWORK)).fold(0, |_, _| own.random::<u64>());
            Ipv6Addr::from_bits(network | u128::from(host)).to_string()
        } else {
            // 10.0.0.0/8 is private (RFC 1918): nobody's.
            let host = u32::try_from(spread & 0x00ff_ffff).unwrap_or_default();
            Ipv4Addr::from_bits(10 << 24 | host).to_string()
        }
    }

    fn status(&mut self, method: &str) -> u16 {
        let usual = match method {
            "POST" => 201,
            "DELETE" => 204,
            _ => 200,
        };
        match self.random.random::<f64>() {
            u if u < 0.010 => 401,
            u if u < 0.016 => 400,
            u if u < 0.020 => 429,
            u if u < 0.023 => 500,
            u if u < 0.025 => 503,
            u if u < 0.075 && method == "GET" => 304,
            _ => usual,
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)] // 1 ms to 8 s
    fn latency_us(&mut self, median_ms: f64) -> u64 {
        // Lognormal around the median.
        let usual = median_ms * (LATENCY_SIGMA * self.random.sample::<f64, _>(StandardNormal)).exp();
        let factor = if self.random.random_bool(SLOW_SHARE) { self.random.random_range(3.0..8.0) } else { 1.0 };
        ((usual * factor).clamp(1.0, MAX_LATENCY_MS as f64) * 1_000.0) as u64
    }
}

impl Iterator for Workload {
    type Item = WorkloadRequest;

    fn next(&mut self) -> Option<WorkloadRequest> {
        let at_ms = self.clock.next_of(self.remaining, &mut self.random);
        self.remaining = self.remaining.checked_sub(1)?;
        let address = self.address();
        if self.random.random_bool(SCANNED_SHARE) {
            return Some(WorkloadRequest {
                at_ms,
                address,
                method: "GET".into(),
                target: catalogue::scanned_target(&mut self.random).into(),
                route: self.unmatched.clone(),
                status: 404,
                latency_us: self.latency_us(SCANNED_MEDIAN_MS),
            });
        }
        let route = self.routes.get(usize::try_from(rank(&self.route_ranks, &mut self.random)).ok()?)?.clone();
        Some(WorkloadRequest {
            at_ms,
            address,
            target: route.target(&mut self.random),
            status: self.status(route.method),
            latency_us: self.latency_us(route.median_ms),
            method: route.method.into(),
            route: route.name,
        })
    }
}

impl WorkloadRequest {
    /// The line that a gateway would log.
    pub fn to_entry(&self) -> LogEntry {
        LogEntry {
            address: self.address.clone(),
            time_s: i64::try_from(self.at_ms / 1_000).unwrap_or(i64::MAX),
            method: self.method.clone(),
            target: self.target.clone(),
            status: self.status,
            bytes: Some(200 + self.latency_us % 9_000),
            referer: None,
            agent: Some("shop-client/2.4".into()),
            response_time_us: Some(self.latency_us),
        }
    }
}

/// Ranks from 1 to `ranks`, each with a weight of 1 / rank^exponent.
#[allow(clippy::cast_precision_loss, clippy::expect_used)] // ranks are 1 to some millions, exponents constants above 0
fn zipf(ranks: u64, exponent: f64) -> Zipf<f64> {
    Zipf::new(ranks as f64, exponent).expect("there is a rank, and the exponent is positive")
}

/// A rank, counted from 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a whole number from 1 up
fn rank(ranks: &Zipf<f64>, random: &mut Pcg64) -> u64 {
    random.sample(ranks) as u64 - 1
}

/// Arrival times in order, as often as the time of day has it.
struct DailyClock {
    start_ms: u64,
    step_ms: f64,
    /// Share of all requests up to the end of each step.
    cumulative: Vec<f64>,
    /// Share of all requests that have arrived.
    elapsed: f64,
}

impl DailyClock {
    #[allow(clippy::cast_precision_loss)] // times in ms are far below 2^53
    fn new(start_ms: u64, duration_ms: u64) -> Self {
        let step_ms = duration_ms as f64 / f64::from(RATE_STEPS);
        let rate = |step: u32| {
            let at_ms = start_ms as f64 + (f64::from(step) + 0.5) * step_ms;
            1.0 + DAILY_SWING * ((at_ms - PEAK_MS) / DAY_MS * std::f64::consts::TAU).cos()
        };
        let total: f64 = (0..RATE_STEPS).map(rate).sum();
        let mut sum = 0.0;
        let cumulative = (0..RATE_STEPS)
            .map(|step| {
                sum += rate(step) / total;
                sum
            })
            .collect();
        Self { start_ms, step_ms, cumulative, elapsed: 0.0 }
    }

    /// Time of the first of `remaining` arrivals. The least of n uniform numbers in [a, 1) is
    /// 1 - (1 - a) * u^(1/n), so that sorted times need no list of them.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn next_of(&mut self, remaining: u64, random: &mut Pcg64) -> u64 {
        self.elapsed = 1.0 - (1.0 - self.elapsed) * (1.0 - random.random::<f64>()).powf(1.0 / remaining.max(1) as f64);
        let step = self.cumulative.partition_point(|sum| *sum <= self.elapsed).min(self.cumulative.len() - 1);
        let before = step.checked_sub(1).and_then(|s| self.cumulative.get(s)).copied().unwrap_or_default();
        let after = self.cumulative.get(step).copied().unwrap_or(1.0);
        let part = ((self.elapsed - before) / (after - before)).clamp(0.0, 1.0);
        self.start_ms + ((step as f64 + part) * self.step_ms) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const NOON_MS: u64 = 1_736_164_800_000;

    fn workload(seed: u64, requests: u64) -> Vec<WorkloadRequest> {
        let day = WorkloadOptions { seed, requests, routes: 40, start_ms: NOON_MS, duration_ms: 86_400_000 };
        Workload::new(&day).collect()
    }

    #[test]
    fn the_same_options_give_the_same_requests_and_another_seed_others() {
        assert_eq!(workload(1, 500), workload(1, 500));
        assert_ne!(workload(1, 500), workload(2, 500));
    }

    #[test]
    fn times_are_in_order_within_the_duration_and_follow_the_day() {
        let requests = workload(3, 50_000);
        assert_eq!(requests.len(), 50_000);
        assert!(requests.is_sorted_by_key(|r| r.at_ms));
        assert!(requests.iter().all(|r| (NOON_MS..=NOON_MS + 86_400_000).contains(&r.at_ms)));
        let in_hour = |hour: u64| requests.iter().filter(|r| r.at_ms / 3_600_000 % 24 == hour).count();
        assert!(in_hour(15) > 3 * in_hour(3), "{} {}", in_hour(15), in_hour(3));
    }

    #[test]
    fn traffic_has_the_shape_it_promises() {
        let requests = workload(4, 50_000);
        let percent = |of: &dyn Fn(&WorkloadRequest) -> bool| requests.iter().filter(|r| of(r)).count() / 500;
        assert_eq!(percent(&|r| &*r.route == UNMATCHED), 1);
        assert!((28..42).contains(&percent(&|r| r.address.contains(':'))));
        assert_eq!(percent(&|r| r.status >= 500), 0);
        let clients: HashSet<_> = requests.iter().map(|r| &r.address).collect();
        assert!((3_000..15_000).contains(&clients.len()), "{}", clients.len());
        let mut latencies: Vec<_> = requests.iter().map(|r| r.latency_us).collect();
        latencies.sort_unstable();
        assert!((380_000..520_000).contains(&latencies[47_500]), "{}", latencies[47_500]);
        assert!(latencies[49_500] > 700_000, "{}", latencies[49_500]);
    }

    #[test]
    fn no_requests_are_no_requests() {
        assert_eq!(workload(5, 0), []);
    }
}
