//! Traffic of the current UTC day, as counters that begin anew at midnight.
//!
//! Rates over a sliding window are no counters, and a sum over all days that are kept falls when one is deleted: the
//! reader would take that for a new beginning and count all of it again. A day that begins at 0 is what counters may do.
//!
//! Invariant: while the day lasts, every series only grows. So an event that both stores hold is not looked up by its ID
//! here, which is exact in the end but goes up and down while the stores catch up with each other, and a reader would
//! take each fall for a new beginning. Instead, of dual events that store counts which has more, and the others are
//! added: each of these figures only grows. What is counted twice is a fallback whose first write had succeeded after
//! all; `path_collector_store_requests_total` says how many could be that. The list of routes may change, but a route's
//! own counter doesn't; an `(other)` for the rest would fall as a route enters the list, so the rest is the difference to
//! the counters of all.

use litemap::LiteMap;

use crate::counting::rollup::{Rollup, Rollups};
use crate::event::Cohort;
use crate::operating::exposition::{Decimal, Exposition, Labels, Metric, MetricKind};

/// The most routes with series of their own: 100 × 21.
pub const MAX_ROUTES: usize = 100;

/// What both stores hold of the current day, by route.
pub struct Traffic<'a> {
    /// Start of the day, in ms.
    pub since_ms: u64,
    /// Of the object; none if it could not be read.
    pub old: Option<&'a Rollups>,
    /// Of D1; none if it could not be read.
    pub new: Option<&'a Rollups>,
}

/// Events of which each measure only grows.
#[derive(Default)]
struct Share {
    /// Those that one store alone was meant to hold.
    apart: Rollup,
    /// Those that were meant for both, as each store has them.
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

/// Bounds of buckets: powers of two of a second, as native histograms have them, so that both can be added up. For all
/// routes also the powers of √2 between them (2^-9.5 to 2^5.5 s), which is schema 1 of native histograms; for each only
/// the whole ones (2^-8 to 2^4 s), schema 0.
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

/// The bound in ms that the sketch is asked for.
#[allow(clippy::cast_precision_loss)] // far below 2^53
fn as_ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// Writes it all.
pub fn write(traffic: &Traffic<'_>, to: &mut Exposition) {
    // One store alone would look as if the other's events had never been: a fall, which a reader takes for a beginning.
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
            // A class that begins later must begin at 0, or its first requests are in no rate.
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
    by_count.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    by_count.into_iter().take(MAX_ROUTES).map(|(_, route)| route).collect()
}

fn histogram(metric: &mut Metric<'_>, labels: Labels<'_>, share: &Share, of: (u32, u32, u32)) {
    let buckets = bounds(of).map(|ns| {
        let up_to = share.count(|rollup| rollup.latency.at_most(as_ms(ns)));
        (Decimal::nanoseconds(ns), up_to)
    });
    let sum = Decimal::seconds(share.count(|rollup| rollup.response_time_sum));
    metric.histogram(labels, buckets, share.count(|rollup| rollup.requests), sum);
}
