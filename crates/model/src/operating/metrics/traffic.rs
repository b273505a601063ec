//! Traffic of the current UTC day, as counters that start again at midnight.
//!
//! Rates over a sliding window would be no counters. A sum over all stored days falls when a day is deleted; Prometheus
//! takes a fall for a restart, and would count all of it again. A counter may start again at 0 each day.
//!
//! Invariant: within a day, every series only grows. Matching both stores' events by ID would be exact in the end, but
//! goes up and down while the stores catch up with each other. So dual events are taken from the store that has more of
//! them, and single and fallback events of both stores are added: each of these figures only grows. A fallback whose
//! first write had succeeded after all is counted twice; `path_collector_store_requests_total` shows how many these can
//! be. The list of routes may change, but a route's own counter doesn't fall. There is no `(other)` for the rest,
//! because it would fall when a route enters the list: the rest is the difference to the totals.

use litemap::LiteMap;

use crate::counting::rollup::{Rollup, Rollups};
use crate::event::Cohort;
use crate::operating::exposition::{Decimal, Exposition, Labels, Metric, MetricKind};
use crate::sorted;

/// The most routes with series of their own: 100 × 21.
pub const MAX_ROUTES: usize = 100;

/// Both stores' figures of the current day, by route.
pub struct Traffic<'a> {
    /// Start of the day, in ms.
    pub since_ms: u64,
    /// The object's. `None` if they could not be read.
    pub old: Option<&'a Rollups>,
    /// D1's. `None` if they could not be read.
    pub new: Option<&'a Rollups>,
}

/// Figures of a route that only grow within a day.
#[derive(Default)]
struct Share {
    /// Events that were meant for one store.
    apart: Rollup,
    /// Events that were meant for both stores, as each store has them.
    old: Rollup,
    new: Rollup,
}

impl Share {
    fn add(&mut self, cohort: Cohort, is_old: bool, rollup: &Rollup) {
        match (cohort, is_old) {
            (Cohort::Dual, true) => self.old.merge(rollup),
            (Cohort::Dual, false) => self.new.merge(rollup),
            _ => self.apart.merge(rollup),
        }
    }

    fn count(&self, measure: impl Fn(&Rollup) -> u64) -> u64 {
        measure(&self.apart) + measure(&self.old).max(measure(&self.new))
    }
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Bounds of the buckets: the powers of two of a second that native histograms use, so that both can be added up.
/// Single routes have whole powers (2^-8 to 2^4 s, schema 0 of native histograms). All routes together also have the
/// powers of √2 between them (2^-9.5 to 2^5.5 s, schema 1).
const ALL: (u32, u32, u32) = (0, 30, 1);
const EACH: (u32, u32, u32) = (3, 27, 2);

/// 2^-9.5 and 2^-9 s, in picoseconds: an odd and an even step.
const FIRST_PS: [u64; 2] = [1_381_067_932, 1_953_125_000];

fn bounds((first, last, step): (u32, u32, u32)) -> impl Iterator<Item = u64> {
    let of_step = |step: u32| {
        let [odd, even] = FIRST_PS;
        (if step.is_multiple_of(2) { odd } else { even } << (step / 2)) / 1_000
    };
    (first..=last).step_by(step as usize).map(of_step)
}

/// The bound in ms, for the sketch.
#[allow(clippy::cast_precision_loss)] // far below 2^53
fn as_ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// Writes the metrics of traffic.
pub fn write(traffic: &Traffic<'_>, to: &mut Exposition) {
    // Without one store's events the counters would fall, and Prometheus would take that for a restart.
    if let (Some(old), Some(new)) = (traffic.old, traffic.new) {
        merged(traffic.since_ms, old, new, to);
    }
    let mut metric =
        to.metric(MetricKind::Counter, "path_collector_store_requests", "Requests that each store holds, by cohort.");
    for (store, rollups) in [("old", traffic.old), ("new", traffic.new)] {
        let Some(rollups) = rollups else { continue };
        let mut by_cohort = [0; 3];
        for (key, rollup) in rollups {
            if let Some(count) = by_cohort.get_mut(key.cohort.index()) {
                *count += rollup.requests;
            }
        }
        for (cohort, count) in ["single", "dual", "fallback"].iter().zip(by_cohort) {
            metric.sample(&[("store", store), ("cohort", cohort)], count);
        }
    }
}

/// Both stores as one.
fn merged(since_ms: u64, old: &Rollups, new: &Rollups, to: &mut Exposition) {
    let (mut total, mut routes) = (Share::default(), LiteMap::<&str, Share>::new());
    for (rollups, is_old) in [(old, true), (new, false)] {
        for (key, rollup) in rollups {
            total.add(key.cohort, is_old, rollup);
            routes.entry(&key.path).or_default().add(key.cohort, is_old, rollup);
        }
    }
    let known = routes.len() as u64;
    let shown = busiest(routes);
    let since = Decimal::seconds(since_ms);
    to.gauge(
        "path_collector_counting_since_timestamp_seconds",
        "Start of the UTC day that traffic is counted of.",
        Some(since),
    );
    let mut metric =
        to.metric(MetricKind::Counter, "path_collector_requests", "Requests of all routes by status class, each once.");
    for (index, class) in CLASSES.iter().enumerate() {
        metric.sample(&[("class", class)], total.count(|rollup| of_class(rollup, index)));
    }
    let mut metric = to.metric(
        MetricKind::Counter,
        "path_collector_route_requests",
        "Requests of the day's busiest routes (100 at the most) by status class.",
    );
    for (path, share) in &shown {
        for (index, class) in CLASSES.iter().enumerate() {
            let count = share.count(|rollup| of_class(rollup, index));
            // A class must begin at 0: a series that appears with its first requests has no rate of them.
            if count > 0 || index > 0 {
                metric.sample(&[("path", path), ("class", class)], count);
            }
        }
    }
    let mut metric =
        to.metric(MetricKind::Histogram, "path_collector_response_time_seconds", "Time until the upstream's headers.");
    histogram(&mut metric, &[], &total, ALL);
    let mut metric = to.metric(
        MetricKind::Histogram,
        "path_collector_route_response_time_seconds",
        "Time until the upstream's headers, of the day's busiest routes (100 at the most).",
    );
    for (path, share) in &shown {
        histogram(&mut metric, &[("path", path)], share, EACH);
    }
    to.gauge("path_collector_routes", "Routes that had requests this UTC day.", Some(known));
}

fn of_class(rollup: &Rollup, index: usize) -> u64 {
    rollup.status.get(index).copied().unwrap_or_default()
}

/// The busiest routes, by name.
fn busiest(routes: LiteMap<&str, Share>) -> LiteMap<&str, Share> {
    let mut by_count: Vec<(u64, (&str, Share))> =
        routes.into_iter().map(|(path, share)| (share.count(|rollup| rollup.requests), (path, share))).collect();
    sorted::sort_by_key(&mut by_count, |(count, ..)| std::cmp::Reverse(*count));
    sorted::map_of(by_count.into_iter().take(MAX_ROUTES).map(|(_, route)| route))
}

fn histogram(metric: &mut Metric<'_>, labels: Labels<'_>, share: &Share, of: (u32, u32, u32)) {
    let buckets = bounds(of).map(|ns| {
        let up_to = share.count(|rollup| rollup.latency.at_most(as_ms(ns)));
        (Decimal::nanoseconds(ns), up_to)
    });
    let sum = Decimal::seconds(share.count(|rollup| rollup.response_time_sum));
    metric.histogram(labels, buckets, share.count(|rollup| rollup.requests), sum);
}
