//! The order in which routes are listed.

use clap::ValueEnum;

use crate::collector::traffic::{ResponseTime, Route};

/// What routes are sorted by: the largest first, but paths by the alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// Most requests.
    Requests,
    /// Most 4xx and 5xx.
    Errors,
    /// Slowest median.
    P50,
    /// Slowest 95th percentile.
    P95,
    /// Slowest 99th percentile.
    P99,
    /// Name.
    Path,
}

impl Sort {
    /// Sorts routes; those that are alike, by name.
    pub fn apply(self, routes: &mut [Route]) {
        let time = |of: fn(&ResponseTime) -> f64| {
            move |a: &Route, b: &Route| {
                let key = |route: &Route| route.figures.time(of).unwrap_or(f64::NEG_INFINITY);
                key(b).total_cmp(&key(a))
            }
        };
        routes.sort_by(|a, b| {
            let order = match self {
                Self::Requests => b.figures.requests.cmp(&a.figures.requests),
                Self::Errors => b.figures.errors().cmp(&a.figures.errors()),
                Self::P50 => time(|t| t.p50)(a, b),
                Self::P95 => time(|t| t.p95)(a, b),
                Self::P99 => time(|t| t.p99)(a, b),
                Self::Path => std::cmp::Ordering::Equal,
            };
            order.then_with(|| a.path.cmp(&b.path))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::tests::route;

    #[test]
    fn the_largest_come_first_and_names_by_the_alphabet() {
        let mut routes = [route("/b", 5, 0, Some(9.0)), route("/a", 5, 2, Some(30.0)), route("/c", 7, 1, None)];
        for (sort, expected) in [
            (Sort::Requests, ["/c", "/a", "/b"]),
            (Sort::Errors, ["/a", "/c", "/b"]),
            (Sort::P95, ["/a", "/b", "/c"]),
            (Sort::Path, ["/a", "/b", "/c"]),
        ] {
            sort.apply(&mut routes);
            assert_eq!(routes.each_ref().map(|route| route.path.as_str()), expected, "{sort:?}");
        }
    }
}
