//! What became of sets of events: of each route, and of all.
//!
//! Invariant: routes are judged so that together they fail by chance no more often than one alone.

use litemap::LiteMap;

use serde::{Deserialize, Serialize};

use super::ask::Sum;
use super::bounds;
use super::minute::{Found, Tally};
use super::verdict::{Counts, Verdict, judge, judge_all};

/// Name under which routes with too few events are judged together.
pub const POOLED: &str = "(pooled)";

/// What became of one set of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// What is concluded.
    pub verdict: Verdict,
    /// Events in either store that were meant for both.
    pub union: u64,
    /// Counts of differences.
    #[serde(flatten)]
    pub tally: Tally,
    /// All mismatches: what one store alone has, and what differs in value.
    pub mismatches: u64,
    /// Those without an explanation.
    pub unexplained: u64,
    /// Mismatches in the union, 0 to 1.
    pub rate: f64,
    /// With 95 % confidence the rate is not below.
    pub lower_bound: f64,
    /// With 95 % confidence the rate is not above.
    pub upper_bound: f64,
}

/// A route's comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathComparison {
    /// The route, or [`POOLED`].
    pub path: String,
    /// How it compares. Its bounds are its own; its verdict is corrected for the number of routes.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// Union and tally of each route.
pub(super) fn tallies(old_paths: &LiteMap<String, Sum>, found: &[Found]) -> LiteMap<String, (u64, Tally)> {
    let mut tallies: LiteMap<String, (u64, Tally)> = LiteMap::new();
    for (path, sum) in old_paths {
        tallies.entry(path.clone()).or_default().0 += sum.requests;
    }
    for (path, tally) in found.iter().flat_map(|found| &found.tallies) {
        let (union, sum) = tallies.entry(path.clone()).or_default();
        *union += tally.beyond_old;
        sum.add(tally);
    }
    tallies.retain(|_, (union, _)| *union > 0);
    tallies
}

impl Comparison {
    pub(super) fn of(union: u64, tally: Tally, limit: f64) -> Self {
        let mismatches = tally.mismatches();
        Self {
            verdict: judge(Counts { union, mismatches }, limit),
            union,
            tally,
            mismatches,
            unexplained: tally.unexplained(),
            rate: share(mismatches, union),
            lower_bound: bounds::lower(mismatches, union),
            upper_bound: bounds::upper(mismatches, union),
        }
    }
}

/// Each route's comparison, the worst first, and whether one fails. Routes with too few events to ever pass are judged
/// together: alone they could only say that they are few.
pub(super) fn by_path(tallies: &LiteMap<String, (u64, Tally)>, limit: f64) -> (Vec<PathComparison>, bool) {
    let fewest = bounds::fewest(limit);
    let mut pool = (0, Tally::default());
    let mut sets: Vec<(&str, u64, Tally)> = Vec::new();
    for (path, (union, tally)) in tallies {
        if *union < fewest {
            pool.0 += union;
            pool.1.add(tally);
        } else {
            sets.push((path, *union, *tally));
        }
    }
    if pool.0 > 0 {
        sets.push((POOLED, pool.0, pool.1));
    }
    let counts: Vec<Counts> =
        sets.iter().map(|(_, union, tally)| Counts { union: *union, mismatches: tally.mismatches() }).collect();
    let verdicts = judge_all(&counts, limit);
    let fails = verdicts.contains(&Verdict::Fail);
    let judged = sets.into_iter().zip(verdicts).map(|((path, union, tally), verdict)| PathComparison {
        path: path.to_owned(),
        comparison: Comparison { verdict, ..Comparison::of(union, tally, limit) },
    });
    let mut paths: Vec<PathComparison> = judged.collect();
    paths.sort_by(|a, b| {
        let (x, y) = (&a.comparison, &b.comparison);
        y.mismatches.cmp(&x.mismatches).then(y.union.cmp(&x.union)).then_with(|| a.path.cmp(&b.path))
    });
    (paths, fails)
}

/// The verdict in words.
pub(super) fn summary(total: &Comparison, is_closed: bool, limit: f64, some_path_fails: bool) -> String {
    let Comparison { union, mismatches, unexplained, tally, .. } = total;
    let percent = |rate: f64| format!("{:.3} %", rate * 100.0);
    let (upper, lower, limit_text) = (percent(total.upper_bound), percent(total.lower_bound), percent(limit));
    match total.verdict {
        Verdict::Pending if !is_closed => "the window is not closed yet".to_owned(),
        Verdict::Pending => format!("{} events are still on their way to the new store", tally.queued),
        Verdict::Inconclusive if *union == 0 => "no event was meant for both stores".to_owned(),
        Verdict::Inconclusive if *mismatches == 0 => format!(
            "{union} events, all the same; at least {} are needed to prove a rate below {limit_text}",
            bounds::fewest(limit)
        ),
        Verdict::Inconclusive => {
            format!("{mismatches} of {union} differ: the rate is between {lower} and {upper}, the limit {limit_text}")
        }
        Verdict::Pass if *mismatches == 0 => format!("{union} events, all the same: the rate is below {upper}"),
        Verdict::Pass => {
            format!(
                "{mismatches} of {union} differ, {unexplained} unexplained: the rate is below {upper}, the limit {limit_text}"
            )
        }
        Verdict::Fail if some_path_fails && total.lower_bound <= limit => {
            format!("{mismatches} of {union} differ, and a route by itself exceeds the limit of {limit_text}")
        }
        Verdict::Fail => {
            format!(
                "{mismatches} of {union} differ, {unexplained} unexplained: the rate is above {lower}, the limit {limit_text}"
            )
        }
    }
}

/// A part of a whole, 0 to 1; of nothing it is 0.
#[allow(clippy::cast_precision_loss)] // counts stay far below 2^53
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
