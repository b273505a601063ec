//! How long the client waited for its answers.
//!
//! Invariant: measured where the requests are sent, by another process than the gateway and another clock than its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use traffic::truth::{milliseconds, percentile};

/// Times in total and by route. Takes 16 bytes per answer.
#[derive(Debug, Default)]
pub struct Waited {
    total_us: Vec<u64>,
    paths_us: HashMap<Arc<str>, Vec<u64>>,
}

impl Waited {
    /// Adds an answer.
    pub fn add(&mut self, route: &Arc<str>, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.total_us.push(us);
        self.paths_us.entry(route.clone()).or_default().push(us);
    }

    /// The 95th percentile over all answers, in ms; zero without any.
    pub fn total_p95_ms(&self) -> f64 {
        p95_ms(self.total_us.clone())
    }

    /// The 95th percentile of a route, in ms; zero for one without answers.
    pub fn path_p95_ms(&self, route: &str) -> f64 {
        self.paths_us.get(route).map_or(0.0, |times| p95_ms(times.clone()))
    }
}

fn p95_ms(mut times: Vec<u64>) -> f64 {
    times.sort_unstable();
    percentile(&times, 95).map_or(0.0, milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_answers_and_of_each_route() {
        let mut waited = Waited::default();
        let (a, b) = (Arc::from("/a"), Arc::from("/b"));
        for ms in 1..=100 {
            waited.add(&a, Duration::from_millis(ms));
        }
        waited.add(&b, Duration::from_millis(500));
        assert_eq!(waited.total_p95_ms().to_string(), "96");
        assert_eq!(["/a", "/b", "/c"].map(|route| waited.path_p95_ms(route).to_string()), ["95", "500", "0"]);
    }
}
