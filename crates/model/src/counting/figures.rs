//! Figures of one rollup, in the form that people and programs read.

use serde::{Deserialize, Serialize};

use super::rollup::Rollup;

/// Figures of a set of requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Number of requests, each counted once.
    pub requests: u64,
    /// Requests by status class.
    pub status: StatusClasses,
    /// Time until the upstream's headers, in ms; none without requests.
    pub response_time: Option<ResponseTime>,
    /// Distinct client addresses; an address counts anew each UTC day.
    pub addresses: UniqueAddresses,
}

/// Requests by status class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatusClasses {
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

/// Response times in ms. Percentiles have 1 % relative error, the rest none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResponseTime {
    /// Arithmetic mean.
    pub mean: f64,
    /// Smallest.
    pub min: u32,
    /// Largest.
    pub max: u32,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// Distinct client addresses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UniqueAddresses {
    /// Lower bound; exact while they are few.
    pub lower: u64,
    /// Estimate with 1.6 % standard error; exact while they are few.
    pub estimate: f64,
}

impl From<&Rollup> for StatusClasses {
    fn from(rollup: &Rollup) -> Self {
        let [informational, success, redirection, client_error, server_error] = rollup.status;
        Self { informational, success, redirection, client_error, server_error }
    }
}

/// Response times between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HistogramBin {
    /// Lower bound in ms, exclusive; 0 is inclusive.
    pub from_ms: u32,
    /// Upper bound in ms, inclusive.
    pub to_ms: u32,
    /// How many.
    pub count: u64,
}

/// Bounds of the bins in ms: five to a decade.
const BOUNDS_MS: [u32; 31] = [
    1, 2, 3, 5, 7, 10, 20, 30, 50, 70, 100, 200, 300, 500, 700, 1_000, 2_000, 3_000, 5_000, 7_000, 10_000, 20_000,
    30_000, 50_000, 70_000, 100_000, 200_000, 500_000, 1_000_000, 3_000_000, 10_000_000,
];

/// The histogram of response times: all bins from the first to the last that is not empty.
pub fn histogram(rollup: &Rollup) -> Vec<HistogramBin> {
    let (mut bins, mut below, mut from_ms) = (Vec::new(), 0, 0);
    for to_ms in BOUNDS_MS {
        let at_most = rollup.latency.at_most(f64::from(to_ms));
        bins.push(HistogramBin { from_ms, to_ms, count: at_most - below });
        (below, from_ms) = (at_most, to_ms);
    }
    let is_full = |bin: &HistogramBin| bin.count > 0;
    let last = bins.iter().rposition(is_full).map_or(0, |at| at + 1);
    let first = bins.iter().position(is_full).unwrap_or_default();
    bins.truncate(last);
    bins.split_off(first.min(last))
}

impl From<&Rollup> for Figures {
    #[allow(clippy::cast_precision_loss)] // counts stay far below 2^53
    fn from(rollup: &Rollup) -> Self {
        Self {
            requests: rollup.requests,
            status: rollup.into(),
            response_time: ResponseTime::of(rollup),
            addresses: UniqueAddresses {
                lower: rollup.addresses.lower_bound(),
                // An estimate may err upwards, but no request has two addresses.
                estimate: rounded(rollup.addresses.estimate().min(rollup.requests as f64)),
            },
        }
    }
}

impl ResponseTime {
    /// The response times of a rollup. None if it is empty.
    #[allow(clippy::cast_precision_loss)] // sums stay far below 2^53
    pub fn of(rollup: &Rollup) -> Option<Self> {
        let (min, max) = rollup.response_time_range?;
        // A percentile is the middle of a bin that may reach beyond the values; the exact bounds cut it.
        let quantile = |q| rollup.latency.quantile(q).map(|ms| rounded(ms.clamp(f64::from(min), f64::from(max))));
        Some(Self {
            mean: rounded(rollup.response_time_sum as f64 / rollup.requests as f64),
            min,
            max,
            p50: quantile(0.5)?,
            p95: quantile(0.95)?,
            p99: quantile(0.99)?,
        })
    }
}

/// To three decimals: microseconds of a ms figure.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::event::address::ClientIpHash;
    use crate::event::tests::example;

    #[test]
    fn there_are_never_more_addresses_than_requests() {
        let of = |requests: u64| {
            let mut rollup = Rollup::default();
            for n in 0..requests {
                rollup.add(&Event { client_ip_hash: ClientIpHash(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)), ..example() });
            }
            Figures::from(&rollup).addresses.estimate
        };
        #[allow(clippy::cast_precision_loss)]
        for requests in (600..6_000).step_by(300) {
            assert!(of(requests) <= requests as f64, "{} of {requests}", of(requests));
        }
    }

    #[test]
    fn figures_of_nothing_have_no_response_time() {
        let figures = Figures::from(&Rollup::default());
        assert_eq!((figures.requests, figures.response_time), (0, None));
    }

    #[test]
    fn a_histogram_has_every_request_once_between_its_outermost_bins() {
        assert_eq!(histogram(&Rollup::default()), []);
        let mut rollup = Rollup::default();
        for response_time in [4, 4, 4, 15, 900] {
            rollup.add(&Event { response_time, ..example() });
        }
        let bins = histogram(&rollup);
        assert_eq!((bins[0], bins[bins.len() - 1].count), (HistogramBin { from_ms: 3, to_ms: 5, count: 3 }, 1));
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), 5);
        assert!(bins.windows(2).all(|pair| pair[0].to_ms == pair[1].from_ms));
    }

    #[test]
    fn figures_of_a_few_are_exact() {
        let mut rollup = Rollup::default();
        for (status, response_time) in [(200, 10), (201, 0), (404, 20), (503, 30)] {
            rollup.add(&Event { status, response_time, ..example() });
        }
        let text = serde_json::to_value(Figures::from(&rollup)).unwrap();
        assert_eq!(text["status"], serde_json::json!({"1xx":0,"2xx":2,"3xx":0,"4xx":1,"5xx":1}));
        assert_eq!((&text["responseTime"]["mean"], &text["responseTime"]["max"]), (&15.0.into(), &30.into()));
        assert_eq!(text["addresses"], serde_json::json!({"lower":1,"estimate":1.0}));
    }
}
