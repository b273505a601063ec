//! Differences between sums that no event explains.
//!
//! Invariant: the events fetched for a minute account for the whole difference of its sums, and the minutes looked into
//! account for that of each route over the window. Where they don't, something may have been missed.

use litemap::LiteMap;

use serde::{Deserialize, Serialize};

use crate::sorted::{self, distinct};

use super::ask::SetSum;
use super::minute::MinuteFindings;

/// Minutes and routes that are named.
const MAX_NAMED: usize = 100;

/// Sums by route, of the old store and of the new one.
pub type PathSums = (LiteMap<String, SetSum>, LiteMap<String, SetSum>);

/// Where sums differ and the fetched events don't show why. A report with any of these doesn't pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UnresolvedDifferences {
    /// Starts of minutes, in ms; at most 100.
    pub minutes: Vec<u64>,
    /// Routes whose difference over the window is not the sum of the differences of its minutes; at most 100.
    pub paths: Vec<String>,
}

impl UnresolvedDifferences {
    /// The differences of the routes' sums over a window that its minutes don't account for.
    pub fn of(found: &[MinuteFindings], paths: &PathSums) -> Self {
        let mut rest = apart(paths);
        for (path, difference) in found.iter().flat_map(|found| &found.apart) {
            let left = rest.entry(path.clone()).or_default();
            *left = left.less(difference);
        }
        // Of routes that minutes tell of together only their sum is known.
        let together = total(found.iter().map(|found| &found.others.apart));
        if found.iter().any(|found| found.others.routes > 0) && total(rest.values()) == together {
            rest.clear();
        }
        let minutes = found.iter().filter(|found| found.is_unresolved).map(|found| found.start);
        let paths = rest.iter().filter(|(_, rest)| **rest != SetSum::default()).map(|(path, _)| path.clone());
        Self { minutes: minutes.take(MAX_NAMED).collect(), paths: paths.take(MAX_NAMED).collect() }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.minutes.is_empty() && self.paths.is_empty()
    }

    /// In words.
    pub(super) fn summary(&self) -> String {
        format!(
            "sums differ in {} minutes and {} routes, and the stores' events don't show why",
            self.minutes.len(),
            self.paths.len()
        )
    }
}

/// The difference between both stores' sums, for each route where they differ.
pub fn apart((old, new): &PathSums) -> LiteMap<String, SetSum> {
    let nothing = SetSum::default();
    let of = |paths: &LiteMap<String, SetSum>, path: &String| *paths.get(path).unwrap_or(&nothing);
    let difference = |path: String| {
        let difference = of(old, &path).less(&of(new, &path));
        (path, difference)
    };
    let all = distinct(old.keys().chain(new.keys()).cloned());
    sorted::map_of(all.into_iter().map(difference).filter(|(_, difference)| *difference != nothing))
}

/// Adds up the sums of several sets.
pub fn total<'a>(sums: impl Iterator<Item = &'a SetSum>) -> SetSum {
    let mut total = SetSum::default();
    sums.for_each(|sum| total.add(sum));
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parity::minute::PooledRoutes;

    fn sums(routes: &[(&str, u64)]) -> LiteMap<String, SetSum> {
        let sum = |digests| SetSum { requests: 1, digests, values: 0 };
        routes.iter().map(|(path, digests)| ((*path).to_owned(), sum(*digests))).collect()
    }

    /// `/a` and `/b` differ, so that their differences sum up to nothing; `/same` does not.
    fn paths() -> PathSums {
        (sums(&[("/a", 5), ("/b", 1), ("/same", 7)]), sums(&[("/a", 2), ("/b", 4), ("/same", 7)]))
    }

    fn paths_left(found: &[MinuteFindings]) -> Vec<String> {
        UnresolvedDifferences::of(found, &paths()).paths
    }

    #[test]
    fn what_minutes_do_not_explain_of_a_routes_difference_is_named() {
        for found in [&[][..], &[MinuteFindings::default()]] {
            assert_eq!(paths_left(found), ["/a", "/b"], "that they sum up to nothing explains neither");
        }
        let minute = |path: &str, difference| MinuteFindings {
            apart: LiteMap::from_iter([(path.to_owned(), difference)]),
            ..MinuteFindings::default()
        };
        let differences = apart(&paths());
        assert_eq!(differences.keys().collect::<Vec<_>>(), ["/a", "/b"]);
        let (a, b) = (*differences.get("/a").unwrap(), *differences.get("/b").unwrap());
        assert_eq!(paths_left(&[minute("/a", a)]), ["/b"]);
        assert!(UnresolvedDifferences::of(&[minute("/a", a), minute("/b", b)], &paths()).is_empty());
        assert_eq!(paths_left(&[minute("/a", a), minute("/b", b), minute("/same", a)]), ["/same"]);
    }

    #[test]
    fn of_routes_that_are_told_of_together_their_sum_explains_all() {
        let together = |routes, digests| {
            let apart = SetSum { requests: 0, digests, values: 0 };
            MinuteFindings {
                others: PooledRoutes { apart, routes, ..PooledRoutes::default() },
                ..MinuteFindings::default()
            }
        };
        assert_eq!(paths_left(&[together(2, 0)]), [""; 0]);
        assert_eq!(paths_left(&[together(2, 1)]), ["/a", "/b"]);
        assert_eq!(total(apart(&paths()).values()), SetSum::default());
    }

    #[test]
    fn minutes_that_do_not_show_their_difference_are_named() {
        let minute = |start, is_unresolved| MinuteFindings { start, is_unresolved, ..MinuteFindings::default() };
        let nothing = (LiteMap::new(), LiteMap::new());
        let found = UnresolvedDifferences::of(&[minute(1, true), minute(2, false), minute(3, true)], &nothing);
        assert_eq!((found.minutes.as_slice(), found.is_empty()), ([1, 3].as_slice(), false));
        assert!(UnresolvedDifferences::of(&[minute(2, false)], &nothing).is_empty());
        assert!(!UnresolvedDifferences { paths: vec!["/a".into()], ..UnresolvedDifferences::default() }.is_empty());
    }
}
