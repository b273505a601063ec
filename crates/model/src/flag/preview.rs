//! What a change of the flag would do, before it is made.
//!
//! Invariant: three shares of the same requests always add up to exactly a million, and shares of many routes are
//! computed from exact weights, never from rounded shares. A route's preview is what routers would do with its
//! requests. If the requests' own paths decide, which aren't stored, the preview says so.

use serde::{Deserialize, Serialize};

use crate::event::path::{OTHER, RequestPath, UNMATCHED};
use crate::event::template::Template;

use super::change::{FieldChange, differences};
use super::document::Document;
use super::{Flag, MILLION, Mode, Rule};

/// Most routes that a preview lists.
pub const MAX_PATHS: usize = 200;

/// Where requests are expected to be recorded, in ppm; the three add up to a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Shares {
    /// By the object alone.
    pub only_old: u32,
    /// By both.
    pub both: u32,
    /// By the queue alone.
    pub only_new: u32,
}

/// One route's part of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PathPreview {
    /// Normalised route.
    pub path: String,
    /// Its requests in the basis.
    pub requests: u64,
    /// Template of the proposed document's override that holds for it.
    #[serde(rename = "override")]
    pub override_path: Option<String>,
    /// Template of an earlier override that may match some of its requests by their own paths.
    pub perhaps: Option<String>,
    /// As it is.
    pub current: Shares,
    /// As it would be.
    pub proposed: Shares,
}

/// The expected outcome of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// What the change changes.
    pub differences: Vec<FieldChange>,
    /// Shares of all requests as they are.
    pub current: Shares,
    /// Shares of all requests as they would be.
    pub proposed: Shares,
    /// The routes with most requests.
    pub paths: Vec<PathPreview>,
    /// Whether there are more routes than are listed.
    pub more: bool,
    /// What the author may not have meant.
    pub warnings: Vec<String>,
}

/// Exact weights of old, both and new.
#[derive(Debug, Clone, Copy, Default)]
struct Weights([u128; 3]);

impl Weights {
    /// Weights of that many requests under a rule, in 10⁻¹² of a request.
    fn of(rule: Rule, requests: u64) -> Self {
        let million = u128::from(MILLION);
        let (sample, queue) = (u128::from(rule.sample_ppm), u128::from(rule.queue_ppm));
        let (both, new) = match rule.mode {
            Mode::DoOnly => (0, 0),
            Mode::QueueOnly => (0, million * million),
            Mode::DualWrite => (sample * million, (million - sample) * queue),
        };
        Self([million * million - both - new, both, new].map(|weight| weight * u128::from(requests)))
    }

    fn add(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, weight)| *sum += weight);
    }

    /// Whole ppm by largest remainder, so that no share appears that has no weight; none of nothing.
    fn shares(self) -> Option<Shares> {
        let total = self.0.iter().sum::<u128>();
        let of_million = |weight: u128| weight * u128::from(MILLION);
        let floor = |weight: u128| u32::try_from(of_million(weight).checked_div(total)?).ok();
        let mut shares = [floor(self.0[0])?, floor(self.0[1])?, floor(self.0[2])?];
        let mut remainders = self.0.map(|weight| of_million(weight) % total);
        for _ in shares.iter().sum()..MILLION {
            let (share, largest) = shares.iter_mut().zip(&mut remainders).max_by_key(|(_, remainder)| **remainder)?;
            *share += 1;
            *largest = 0;
        }
        let [only_old, both, only_new] = shares;
        Some(Shares { only_old, both, only_new })
    }
}

impl Shares {
    /// What a rule alone says.
    pub fn of(rule: Rule) -> Self {
        Weights::of(rule, 1).shares().unwrap_or(Self { only_old: MILLION, both: 0, only_new: 0 })
    }
}

/// Shares of all requests; those of the document's rule where there are none.
fn overall(flag: &Flag, traffic: &[(String, u64)]) -> Shares {
    let mut sum = Weights::default();
    for (path, requests) in traffic {
        sum.add(Weights::of(flag.rule_for(&RequestPath::of_route(path)), *requests));
    }
    sum.shares().unwrap_or_else(|| Shares::of(flag.rule))
}

/// Previews the change from `current` to `proposed`, on the requests of each normalised route in `traffic`, the busiest
/// first.
pub fn preview(current: &Document, proposed: &Document, traffic: &[(String, u64)]) -> Preview {
    let (before, after) = (current.flag(), proposed.flag());
    let shares = (overall(&before, traffic), overall(&after, traffic));
    let row = |(path, requests): &(String, u64)| PathPreview {
        path: path.clone(),
        requests: *requests,
        override_path: after
            .override_for(&RequestPath::of_route(path))
            .map(|(template, _)| template.as_str().to_owned()),
        perhaps: perhaps(&after, path).map(|template| template.as_str().to_owned()),
        current: Shares::of(before.rule_for(&RequestPath::of_route(path))),
        proposed: Shares::of(after.rule_for(&RequestPath::of_route(path))),
    };
    Preview {
        differences: differences(current, proposed),
        current: shares.0,
        proposed: shares.1,
        paths: traffic.iter().take(MAX_PATHS).map(row).collect(),
        more: traffic.len() > MAX_PATHS,
        warnings: warnings(current, proposed, shares, traffic),
    }
}

/// The first override that may hold for some requests of a route, by their own paths, before the one that holds for the
/// route.
fn perhaps<'a>(flag: &'a Flag, route: &str) -> Option<&'a Template> {
    let undecided = flag.overrides.iter().map(|(template, _)| template).take_while(|template| !template.matches(route));
    undecided.into_iter().find(|template| may_match(template, route))
}

/// Whether a template may match the own path of a request that was counted under this route.
fn may_match(template: &Template, route: &str) -> bool {
    [UNMATCHED, OTHER].contains(&route) || Template::parse(route).is_ok_and(|route| template.overlaps(&route))
}

fn warnings(
    current: &Document,
    proposed: &Document,
    (before, after): (Shares, Shares),
    traffic: &[(String, u64)],
) -> Vec<String> {
    let mut warnings = idle_overrides(&proposed.flag(), traffic);
    let mut warn = |holds: bool, text: String| warnings.extend(holds.then_some(text));
    let flag = proposed.flag();
    let undecided: u64 = traffic.iter().filter(|(route, _)| perhaps(&flag, route).is_some()).map(|(_, n)| n).sum();
    warn(
        undecided > 0,
        format!(
            "an override may hold for some of {undecided} requests by their own paths, which aren't stored: their \
             shares are told by their routes"
        ),
    );
    let dual = proposed.mode == Mode::DualWrite;
    warn(dual && proposed.sample_ppm == 0, "samplePpm is 0: no event is on both paths, so nothing is compared".into());
    warn(
        !dual && proposed.queue_ppm > 0,
        format!("queuePpm {} has no effect in the mode {}", proposed.queue_ppm, proposed.mode.name()),
    );
    let salted = proposed.salt != current.salt && (dual || current.mode == Mode::DualWrite);
    warn(salted, "the salt changes: other events than before fall into the sample and into the queue's share".into());
    for (name, was, will) in [("both", before.both, after.both), ("onlyNew", before.only_new, after.only_new)] {
        warn(will < was, format!("the share {name} shrinks from {was} to {will} ppm"));
    }
    let guarded = proposed.guard.is_some_and(|guard| guard.action != super::document::GuardAction::None);
    let grows = after.only_new > before.only_new || proposed.ramp.as_ref().is_some_and(|ramp| !ramp.paused);
    warn(grows && !guarded, "the queue's share grows and no guard would roll it back".into());
    warnings
}

/// Overrides that hold for nothing: an earlier one is always first, or no route of the basis matches.
fn idle_overrides(flag: &Flag, traffic: &[(String, u64)]) -> Vec<String> {
    let mut found = Vec::new();
    let mut earlier: Vec<&Template> = Vec::new();
    for (template, _) in &flag.overrides {
        let path = template.as_str();
        if let Some(first) = earlier.iter().find(|first| first.covers(template)) {
            found.push(format!("the override {path} never holds: {} comes first", first.as_str()));
        } else if !traffic.is_empty() && !traffic.iter().any(|(route, _)| may_match(template, route)) {
            found.push(format!("the override {path} matches none of the routes seen"));
        }
        earlier.push(template);
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn document(fields: &str) -> Document {
        Document::read(&format!(r#"{{"schema":1,"version":1,{fields}}}"#)).unwrap()
    }

    fn traffic(routes: &[(&str, u64)]) -> Vec<(String, u64)> {
        routes.iter().map(|(path, requests)| ((*path).to_owned(), *requests)).collect()
    }

    fn triple(shares: Shares) -> [u32; 3] {
        [shares.only_old, shares.both, shares.only_new]
    }

    #[test]
    fn a_share_of_the_queue_is_one_of_what_the_sample_leaves() {
        let rule = |mode, sample_ppm, queue_ppm| triple(Shares::of(Rule { mode, sample_ppm, queue_ppm }));
        assert_eq!(rule(Mode::DualWrite, 10_000, 500_000), [495_000, 10_000, 495_000]);
        assert_eq!(rule(Mode::DualWrite, MILLION, 500_000), [0, MILLION, 0]);
        assert_eq!(rule(Mode::DoOnly, 10_000, 500_000), [MILLION, 0, 0]);
        assert_eq!(rule(Mode::QueueOnly, 10_000, 0), [0, 0, MILLION]);
    }

    #[test]
    fn routes_weigh_as_much_as_they_have_requests_and_the_first_override_holds() {
        let before = document(r#""mode":"do-only""#);
        let after = document(
            r#""mode":"do-only","overrides":[{"path":"/a/{id}","mode":"queue-only"},{"path":"/{*r}","mode":"dual-write"}]"#,
        );
        let found = preview(&before, &after, &traffic(&[("/a/{id}", 300), ("(unmatched)", 100), ("/b", 100)]));
        assert_eq!((triple(found.current), triple(found.proposed)), ([MILLION, 0, 0], [398_000, 2_000, 600_000]));
        let rows: Vec<_> = found.paths.iter().map(|row| (row.path.as_str(), row.override_path.as_deref())).collect();
        assert_eq!(rows, [("/a/{id}", Some("/a/{id}")), ("(unmatched)", None), ("/b", Some("/{*r}"))]);
        assert_eq!(triple(found.paths[0].proposed), [0, 0, MILLION]);
        assert_eq!(found.differences.len(), 1);
        let alone = preview(&before, &after, &[]);
        assert_eq!((triple(alone.proposed), alone.paths.len()), ([MILLION, 0, 0], 0), "the rule alone");
    }

    #[test]
    fn where_own_paths_decide_that_is_said() {
        let after = document(
            r#""mode":"queue-only","guard":{"maxDiffPpm":1,"minEvents":1,"action":"rollback"},
                "overrides":[{"path":"/users/me","mode":"do-only"},{"path":"/pay/{*rest}","mode":"do-only"}]"#,
        );
        let routes = traffic(&[("/users/{id}", 8), ("/pay/{id}", 4), ("(unmatched)", 2), ("(other)", 1), ("/b", 1)]);
        let found = preview(&document(r#""mode":"do-only""#), &after, &routes);
        let rows: Vec<_> =
            found.paths.iter().map(|row| (row.override_path.as_deref(), row.perhaps.as_deref())).collect();
        let by_own_path = (None, Some("/users/me"));
        assert_eq!(rows, [by_own_path, (Some("/pay/{*rest}"), None), by_own_path, by_own_path, (None, None)]);
        assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
        assert!(found.warnings[0].contains("some of 11 requests"), "{:?}", found.warnings);
    }

    #[test]
    fn more_routes_than_are_listed_are_counted_all_the_same() {
        let many: Vec<(String, u64)> = (0..300).map(|n| (format!("/r{n}"), 1)).collect();
        let after = document(r#""mode":"do-only","overrides":[{"path":"/r299","mode":"queue-only"}]"#);
        let found = preview(&document(r#""mode":"do-only""#), &after, &many);
        assert_eq!((found.paths.len(), found.more, found.proposed.only_new), (MAX_PATHS, true, 3_333));
        assert!(!preview(&after, &after, &many[..MAX_PATHS]).more);
    }

    #[test]
    fn what_the_author_may_not_have_meant_is_said() {
        let before = r#""mode":"dual-write","samplePpm":10000,"queuePpm":500000"#;
        let routes = traffic(&[("/a", 1)]);
        for (after, words) in [
            (before, vec![]),
            (
                r#""mode":"dual-write","samplePpm":0,"queuePpm":500000"#,
                vec!["nothing is compared", "both shrinks", "guard"],
            ),
            (r#""mode":"dual-write","samplePpm":10000,"queuePpm":500000,"salt":"x""#, vec!["salt"]),
            (r#""mode":"dual-write","samplePpm":10000,"queuePpm":1"#, vec!["onlyNew shrinks from 495000 to 1 ppm"]),
            (r#""mode":"queue-only","queuePpm":5"#, vec!["no effect", "both shrinks", "guard"]),
            (r#""mode":"queue-only","guard":{"maxDiffPpm":1,"minEvents":1,"action":"rollback"}"#, vec!["both shrinks"]),
            (
                r#""mode":"dual-write","samplePpm":10000,"queuePpm":500000,"ramp":{"steps":[600000],"everyMs":60000}"#,
                vec!["guard"],
            ),
            (
                r#""mode":"dual-write","samplePpm":10000,"queuePpm":500000,"overrides":[
                    {"path":"/{*r}","mode":"dual-write"},{"path":"/a","mode":"do-only"}]"#,
                vec!["/a never holds: /{*r} comes first"],
            ),
            (
                r#""mode":"dual-write","samplePpm":10000,"queuePpm":500000,"overrides":[{"path":"/b","mode":"do-only"}]"#,
                vec!["/b matches none"],
            ),
        ] {
            let found = preview(&document(before), &document(after), &routes).warnings;
            assert_eq!(found.len(), words.len(), "{after}: {found:?}");
            for (warning, word) in found.iter().zip(words) {
                assert!(warning.contains(word), "{word:?} in {warning:?}");
            }
        }
    }

    #[test]
    fn another_salt_is_told_of_where_shares_are_drawn_before_or_after() {
        let of = |mode: &str, salt: &str| document(&format!(r#""mode":"{mode}","samplePpm":10000,"salt":"{salt}""#));
        for (before, after, is_told) in [
            (of("dual-write", ""), of("dual-write", "x"), true),
            (of("dual-write", ""), of("do-only", "x"), true),
            (of("do-only", ""), of("dual-write", "x"), true),
            (of("do-only", ""), of("queue-only", "x"), false),
            (of("dual-write", "x"), of("dual-write", "x"), false),
        ] {
            let warnings = preview(&before, &after, &[]).warnings;
            assert_eq!(warnings.iter().any(|warning| warning.contains("the salt changes")), is_told, "{warnings:?}");
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_to_exactly_a_million(
            routes in prop::collection::vec((0..=MILLION, 0..=MILLION, 0u64..1_000_000_000), 1..20),
        ) {
            let mut sum = Weights::default();
            for (sample_ppm, queue_ppm, requests) in &routes {
                let rule = Rule { mode: Mode::DualWrite, sample_ppm: *sample_ppm, queue_ppm: *queue_ppm };
                prop_assert_eq!(triple(Shares::of(rule)).iter().sum::<u32>(), MILLION);
                sum.add(Weights::of(rule, *requests));
            }
            if let Some(shares) = sum.shares() {
                prop_assert_eq!(triple(shares).iter().sum::<u32>(), MILLION);
                for (share, weight) in triple(shares).iter().zip(sum.0) {
                    prop_assert!(*share == 0 || weight > 0);
                }
            } else {
                prop_assert!(routes.iter().all(|(_, _, requests)| *requests == 0));
            }
        }
    }
}
