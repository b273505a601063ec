//! The flag document: which path events take.
//!
//! Invariant: reading tolerates unknown fields (an older Worker meets a newer document), but never a value it can't
//! obey: a document with one is refused whole and the reader keeps its last good one.

use serde::{Deserialize, Serialize};

use super::error::InputError;
use super::template::Template;

/// One million: shares are in parts per million (ppm).
pub const MILLION: u32 = 1_000_000;

/// Longest flag document in bytes; 100 overrides of 256 bytes fit twice.
pub const MAX_FLAG_BYTES: usize = 64_000;

/// Most overrides in a document: they are tried in order for every request.
pub const MAX_OVERRIDES: usize = 100;

/// Longest salt in bytes.
pub const MAX_SALT_BYTES: usize = 64;

/// The document that is in force until another is read.
pub const DEFAULT_DOCUMENT: &str = include_str!("../../flags/default.json");

/// Which store records an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
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
    /// What holds where no override does.
    pub rule: Rule,
    /// First match wins.
    pub overrides: Vec<(Template, Rule)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema: u32,
    version: u32,
    #[serde(default)]
    mode: Mode,
    #[serde(default = "default_sample_ppm")]
    sample_ppm: u32,
    #[serde(default)]
    queue_ppm: u32,
    #[serde(default)]
    salt: String,
    #[serde(default)]
    overrides: Vec<Override>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Override {
    path: String,
    mode: Mode,
    sample_ppm: Option<u32>,
    queue_ppm: Option<u32>,
}

/// The default sample: 1 %.
const fn default_sample_ppm() -> u32 {
    MILLION / 100
}

impl Default for Flag {
    /// [`DEFAULT_DOCUMENT`]; should that ever not parse (a test holds that it does), the old path.
    fn default() -> Self {
        Self::parse(DEFAULT_DOCUMENT).unwrap_or(Self {
            version: 0,
            salt: String::new(),
            rule: Rule { mode: Mode::DoOnly, sample_ppm: 0, queue_ppm: 0 },
            overrides: Vec::new(),
        })
    }
}

impl Flag {
    /// Reads a document as the edge does: unknown fields are ignored.
    ///
    /// # Errors
    /// Names the field, what was found, and what would be valid.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        if text.len() > MAX_FLAG_BYTES {
            return Err(InputError::TooLarge {
                what: "flag document",
                size: text.len(),
                unit: "bytes",
                limit: MAX_FLAG_BYTES,
                remedy: "shorten its overrides",
            });
        }
        let deserializer = &mut serde_json::Deserializer::from_str(text);
        let document: Document = serde_path_to_error::deserialize(deserializer).map_err(|error| {
            let (path, reason) = (error.path().to_string(), error.inner().to_string());
            if path == "." {
                InputError::Malformed {
                    what: "flag document",
                    reason,
                    remedy: "give a JSON object as in flags/default.json",
                }
            } else {
                InputError::Field { field: path, found: reason, remedy: "see flags/ for valid documents".into() }
            }
        })?;
        document.check()
    }

    /// The rule for a normalised path.
    pub fn rule_for(&self, path: &str) -> Rule {
        self.overrides.iter().find(|(template, _)| template.matches(path)).map_or(self.rule, |(_, rule)| *rule)
    }
}

impl Document {
    fn check(self) -> Result<Flag, InputError> {
        if self.schema != 1 {
            return Err(InputError::field("schema", self.schema, "this Worker reads schema 1"));
        }
        if self.salt.len() > MAX_SALT_BYTES {
            return Err(InputError::field("salt", &self.salt, format!("give at most {MAX_SALT_BYTES} bytes")));
        }
        if self.overrides.len() > MAX_OVERRIDES {
            return Err(InputError::TooLarge {
                what: "`overrides`",
                size: self.overrides.len(),
                unit: "entries",
                limit: MAX_OVERRIDES,
                remedy: "join paths with a wildcard such as /api/{*rest}",
            });
        }
        let rule = Rule {
            mode: self.mode,
            sample_ppm: share("samplePpm", self.sample_ppm)?,
            queue_ppm: share("queuePpm", self.queue_ppm)?,
        };
        let mut overrides = Vec::with_capacity(self.overrides.len());
        for (index, entry) in self.overrides.into_iter().enumerate() {
            let at = |name: &str| format!("overrides[{index}].{name}");
            let template =
                Template::parse(&entry.path).map_err(|reason| InputError::field(at("path"), &entry.path, reason))?;
            let rule = Rule {
                mode: entry.mode,
                sample_ppm: share(&at("samplePpm"), entry.sample_ppm.unwrap_or(rule.sample_ppm))?,
                queue_ppm: share(&at("queuePpm"), entry.queue_ppm.unwrap_or(rule.queue_ppm))?,
            };
            overrides.push((template, rule));
        }
        Ok(Flag { version: self.version, salt: self.salt, rule, overrides })
    }
}

fn share(field: &str, ppm: u32) -> Result<u32, InputError> {
    if ppm <= MILLION {
        Ok(ppm)
    } else {
        Err(InputError::field(field, ppm, "give parts per million, 0 to 1000000 (1 % is 10000)"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_default_and_the_presets_are_valid() {
        assert_eq!(Flag::parse(DEFAULT_DOCUMENT).unwrap().rule.mode, Mode::DoOnly);
        assert_eq!(Flag::default(), Flag::parse(DEFAULT_DOCUMENT).unwrap());
        let shares = |text| {
            let rule = Flag::parse(text).unwrap().rule;
            (rule.mode, rule.sample_ppm, rule.queue_ppm)
        };
        assert_eq!(shares(include_str!("../../flags/do-only.json")).0, Mode::DoOnly);
        assert_eq!(shares(include_str!("../../flags/queue-only.json")).0, Mode::QueueOnly);
        assert_eq!(shares(include_str!("../../flags/scheme-a.json")), (Mode::DualWrite, MILLION, 0));
        assert_eq!(shares(include_str!("../../flags/scheme-b.json")), (Mode::DualWrite, 10_000, 0));
    }

    #[test]
    fn unknown_fields_are_tolerated_where_it_is_read() {
        assert!(Flag::parse(r#"{"schema":1,"version":2,"mode":"queue-only","new":{"a":1}}"#).is_ok());
    }

    #[test]
    fn an_error_names_field_value_and_remedy() {
        for (text, parts) in [
            ("", ["flag document", "EOF", "JSON object"]),
            (r#"{"version":1}"#, ["schema", "missing", "flags/"]),
            (r#"{"schema":2,"version":1}"#, ["`schema`", "\"2\"", "schema 1"]),
            (r#"{"schema":1,"version":"x"}"#, ["`version`", "string \"x\"", "flags/"]),
            (r#"{"schema":1,"version":1,"mode":"queue"}"#, ["`mode`", "`queue`", "`queue-only`"]),
            (r#"{"schema":1,"version":1,"samplePpm":1000001}"#, ["`samplePpm`", "1000001", "10000"]),
            (
                r#"{"schema":1,"version":1,"overrides":[{"path":"x","mode":"do-only"}]}"#,
                ["`overrides[0].path`", "\"x\"", "/"],
            ),
            (
                r#"{"schema":1,"version":1,"overrides":[{"path":"/x","mode":"do-only","queuePpm":-1}]}"#,
                ["`overrides[0].queuePpm`", "-1", "flags/"],
            ),
        ] {
            let error = Flag::parse(text).unwrap_err().to_string();
            for part in parts {
                assert!(error.contains(part), "{part:?} in {error:?}");
            }
        }
    }

    #[test]
    fn the_first_matching_override_wins() {
        let flag = Flag::parse(
            r#"{"schema":1,"version":1,"overrides":[
                {"path":"/a/{id}","mode":"queue-only"},{"path":"/a/{*rest}","mode":"dual-write","samplePpm":5}]}"#,
        )
        .unwrap();
        assert_eq!(flag.rule_for("/a/{id}").mode, Mode::QueueOnly);
        assert_eq!(flag.rule_for("/a/b/c"), Rule { mode: Mode::DualWrite, sample_ppm: 5, queue_ppm: 0 });
        assert_eq!(flag.rule_for("/b").mode, Mode::DoOnly);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = Flag::parse(&text);
        }
    }
}
