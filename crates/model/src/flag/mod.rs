//! The flag: which path events take.
//!
//! Invariant: a document with an invalid value is refused as a whole, and the reader keeps the last good one.

use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::event::path::RequestPath;
use crate::event::template::Template;

pub mod change;
pub mod document;
pub mod evaluate;
pub mod obeyed;
pub mod preview;
pub mod ramp;
pub mod ramp_step;
pub mod route;
pub mod spread;
pub mod stop;

use document::Document;
use stop::Stop;

/// One million: shares are in parts per million (ppm).
pub const MILLION: u32 = 1_000_000;

/// The document that is in force until another is read.
pub const DEFAULT_DOCUMENT: &str = include_str!("../../../../flags/default.json");

/// Which store records an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Old path: the object alone.
    #[default]
    DoOnly,
    /// New path: the queue alone.
    QueueOnly,
    /// A sample on both, the rest shared out between them.
    DualWrite,
}

impl Mode {
    /// The name in documents, logs and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DoOnly => "do-only",
            Self::QueueOnly => "queue-only",
            Self::DualWrite => "dual-write",
        }
    }
}

/// A mode with its shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Which store records.
    pub mode: Mode,
    /// In `dual-write`: share of events written to both, in ppm.
    pub sample_ppm: u32,
    /// In `dual-write`: share of the rest that goes to the queue only, in ppm; the others go to the object only.
    pub queue_ppm: u32,
}

/// The flag, checked and ready to route with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Grows by one at every change; stamped on events. 0 is the built-in default.
    pub version: u32,
    /// Changes which events fall into the sample.
    pub salt: String,
    /// The rule where no override matches.
    pub rule: Rule,
    /// First match wins.
    pub overrides: Vec<(Template, Rule)>,
    /// The stop that is obeyed instead of the document, if one holds.
    pub stop: Option<Stop>,
}

impl Default for Flag {
    /// [`DEFAULT_DOCUMENT`]; should that ever not parse (a test holds that it does), the old path.
    fn default() -> Self {
        Self::parse(DEFAULT_DOCUMENT).unwrap_or(Self {
            version: 0,
            salt: String::new(),
            rule: Rule { mode: Mode::DoOnly, sample_ppm: 0, queue_ppm: 0 },
            overrides: Vec::new(),
            stop: None,
        })
    }
}

impl Flag {
    /// Reads a document as the edge does: unknown fields are ignored.
    ///
    /// # Errors
    /// Names the field, what was found, and what would be valid.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        Document::read(text).map(|document| document.flag())
    }

    /// The flag while this stop holds: the old path alone, for every request.
    #[must_use]
    pub fn stopped_by(&self, stop: &Stop) -> Self {
        let rule = Rule { mode: Mode::DoOnly, sample_ppm: 0, queue_ppm: 0 };
        Self { rule, overrides: Vec::new(), stop: Some(stop.clone()), ..self.clone() }
    }

    /// The rule for a request.
    pub fn rule_for(&self, place: &RequestPath<'_>) -> Rule {
        self.override_for(place).map_or(self.rule, |(_, rule)| *rule)
    }

    /// The override for a request, if any: the first one that matches its own path or its route.
    pub fn override_for(&self, place: &RequestPath<'_>) -> Option<&(Template, Rule)> {
        self.overrides.iter().find(|(template, _)| template.matches(&place.canonical) || template.matches(&place.route))
    }
}

/// A share in ppm.
fn share(field: &str, ppm: u32) -> Result<u32, InputError> {
    if ppm <= MILLION {
        Ok(ppm)
    } else {
        Err(InputError::field(field, ppm, "give parts per million, 0 to 1000000 (1 % is 10000)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::known_routes::{KnownRoutes, MAX_ROUTES, ordinary_path};
    use crate::event::path::{Normalizer, OTHER, UNMATCHED};
    use crate::flag::stop::StopAct;

    #[test]
    fn the_default_and_the_presets_are_valid() {
        assert_eq!(Flag::parse(DEFAULT_DOCUMENT).unwrap().rule.mode, Mode::DoOnly);
        assert_eq!(Flag::default(), Flag::parse(DEFAULT_DOCUMENT).unwrap());
        let shares = |text| {
            let rule = Flag::parse(text).unwrap().rule;
            (rule.mode, rule.sample_ppm, rule.queue_ppm)
        };
        assert_eq!(shares(include_str!("../../../../flags/do-only.json")).0, Mode::DoOnly);
        assert_eq!(shares(include_str!("../../../../flags/queue-only.json")).0, Mode::QueueOnly);
        assert_eq!(shares(include_str!("../../../../flags/scheme-a.json")), (Mode::DualWrite, MILLION, 0));
        assert_eq!(shares(include_str!("../../../../flags/scheme-b.json")), (Mode::DualWrite, 10_000, 0));
    }

    #[test]
    fn the_first_matching_override_wins() {
        let flag = Flag::parse(
            r#"{"schema":1,"version":1,"overrides":[
                {"path":"/a/{id}","mode":"queue-only"},{"path":"/a/{*rest}","mode":"dual-write","samplePpm":5}]}"#,
        )
        .unwrap();
        let rule_for = |route| flag.rule_for(&RequestPath::of_route(route));
        assert_eq!(rule_for("/a/{id}").mode, Mode::QueueOnly);
        assert_eq!(rule_for("/a/b/c"), Rule { mode: Mode::DualWrite, sample_ppm: 5, queue_ppm: 0 });
        assert_eq!(rule_for("/b").mode, Mode::DoOnly);
    }

    #[test]
    fn a_stop_sends_every_route_by_the_old_path_whatever_its_override_says() {
        let flag = Flag::parse(
            r#"{"schema":1,"version":4,"mode":"dual-write","overrides":[{"path":"/a","mode":"queue-only"}]}"#,
        )
        .unwrap();
        let stop = Stop::new([1; 4], StopAct { at: 1, by: "op".into(), reason: "test".into() });
        let stopped = flag.stopped_by(&stop);
        for route in ["/a", "/b"] {
            assert_eq!(stopped.rule_for(&RequestPath::of_route(route)).mode, Mode::DoOnly, "{route}");
        }
        assert_eq!((stopped.version, stopped.stop), (4, Some(stop)));
    }

    #[test]
    fn an_override_holds_whatever_the_answer_is_and_whatever_came_before() {
        let flag = Flag::parse(
            r#"{"schema":1,"version":1,"mode":"queue-only","overrides":[
                {"path":"/payments/{*rest}","mode":"do-only"},{"path":"/users/me","mode":"do-only"}]}"#,
        )
        .unwrap();
        let (normalizer, _) = Normalizer::new(["/users/{name}", "/payments/{id}"]);
        let mut known = KnownRoutes::default();
        for odd in 0..=MAX_ROUTES {
            known.admit(normalizer.place(&ordinary_path(odd)), 200);
        }
        for (path, counted, mode) in [
            ("/payments/7", "/payments/{id}", Mode::DoOnly),
            ("/payments/7/refund", UNMATCHED, Mode::DoOnly),
            ("//payments//7/refund", UNMATCHED, Mode::DoOnly),
            ("/x/../Payments/7;v=1/./re%66und/", UNMATCHED, Mode::DoOnly),
            ("/payments/", UNMATCHED, Mode::DoOnly),
            ("/users/me", "/users/{name}", Mode::DoOnly),
            ("/users/jane", "/users/{name}", Mode::QueueOnly),
            ("/wp-login.php", UNMATCHED, Mode::QueueOnly),
        ] {
            let place = normalizer.place(path);
            assert_eq!(flag.rule_for(&place).mode, mode, "{path}");
            assert_eq!(known.admit(place, 404), counted, "{path}");
        }
        let place = normalizer.place("/payments/7/late");
        assert_eq!((flag.rule_for(&place).mode, known.admit(place, 200).as_str()), (Mode::DoOnly, OTHER));
    }
}
