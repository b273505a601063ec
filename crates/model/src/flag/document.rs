//! The flag document: what is stored, shown and changed.
//!
//! Invariants: its rules are those of `flags/flag.schema.json` (a test holds the two against each other). Reading
//! tolerates unknown fields, for an older Worker meets a newer document; changing refuses them, for a typo must not
//! fall back to a default.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{InputError, read_json};
use crate::event::template::Template;

use super::ramp::Ramp;
use super::{Flag, MILLION, Mode, Rule, share};

/// Longest flag document in bytes; 100 overrides of 256 bytes fit twice.
pub const MAX_BYTES: usize = 64_000;

/// Most overrides in a document: they are tried in order for every request.
pub const MAX_OVERRIDES: usize = 100;

/// Longest salt in bytes.
pub const MAX_SALT_BYTES: usize = 64;

/// Longest name of who changed the flag, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// Longest reason for a change, in bytes.
pub const MAX_REASON_BYTES: usize = 1_024;

/// The document as it is stored. JSON names are camelCase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "FlagDocument"))]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// Version of the format: 1.
    pub schema: u32,
    /// Grows by one at every change.
    pub version: u32,
    /// Which store records.
    #[serde(default)]
    pub mode: Mode,
    /// In `dual-write`: share of events written to both, in ppm.
    #[serde(default = "default_sample_ppm")]
    pub sample_ppm: u32,
    /// In `dual-write`: share of the rest that goes to the queue only, in ppm.
    #[serde(default)]
    pub queue_ppm: u32,
    /// Changes which events fall into the sample.
    #[serde(default)]
    pub salt: String,
    /// Other rules for some routes; first match wins.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// What to do when the stores differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// A plan by which the queue's share grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Ramp>,
    /// When it was changed (RFC 3339).
    #[serde(default)]
    pub updated_at: String,
    /// Who changed it.
    #[serde(default)]
    pub updated_by: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// A document of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DatedDocument {
    /// When it was stored, in ms.
    pub changed_at: u64,
    /// The document.
    #[serde(flatten)]
    pub document: Document,
}

/// Another rule for the routes that a template matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Override {
    /// Template of the routes.
    pub path: String,
    /// Which store records.
    pub mode: Mode,
    /// As in the document. If missing, the document's value applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_ppm: Option<u32>,
    /// As in the document. If missing, the document's value applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_ppm: Option<u32>,
}

/// What to do when the stores differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Guard {
    /// Largest mismatch rate that passes, in ppm.
    pub max_diff_ppm: u32,
    /// Fewest events from which the guard draws a conclusion.
    pub min_events: u32,
    /// What a failed comparison does.
    pub action: GuardAction,
}

/// What a failed comparison does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum GuardAction {
    /// Nothing but its report.
    None,
    /// Sets `do-only`.
    Rollback,
}

/// The default sample: 1 %.
const fn default_sample_ppm() -> u32 {
    MILLION / 100
}

impl Document {
    /// Reads a document as the edge does: unknown fields are ignored.
    ///
    /// # Errors
    /// Names the field, what was found, and what would be valid.
    pub fn read(text: &str) -> Result<Self, InputError> {
        if text.len() > MAX_BYTES {
            let remedy = "shorten its overrides";
            let size = text.len();
            return Err(InputError::TooLarge { what: "flag document", size, unit: "bytes", limit: MAX_BYTES, remedy });
        }
        let document: Self = parsed(text)?;
        document.check()?;
        Ok(document)
    }

    /// Reads a document for a change: unknown fields are errors too.
    ///
    /// # Errors
    /// As [`Document::read`], and the first unknown field by its path.
    pub fn read_strictly(text: &str) -> Result<Self, InputError> {
        let document = Self::read(text)?;
        let known = serde_json::to_value(Self::with_all_fields()).unwrap_or_default();
        match unknown_field(&parsed(text)?, &known) {
            None => Ok(document),
            Some(path) => Err(InputError::field(path, "an unknown field", "remove it, or mend its name")),
        }
    }

    /// A document in which nothing is left out: what fields there are.
    fn with_all_fields() -> Self {
        let (mode, text) = (Mode::default(), String::new());
        Self {
            schema: 1,
            version: 0,
            mode,
            sample_ppm: 0,
            queue_ppm: 0,
            salt: text.clone(),
            overrides: vec![Override { path: text.clone(), mode, sample_ppm: Some(0), queue_ppm: Some(0) }],
            guard: Some(Guard { max_diff_ppm: 0, min_events: 0, action: GuardAction::None }),
            ramp: Some(Ramp { steps: Vec::new(), every_ms: 0, next: 0, due_at: 0, paused: false }),
            updated_at: text.clone(),
            updated_by: text.clone(),
            reason: text,
        }
    }

    /// Checks what the types alone don't.
    pub(super) fn check(&self) -> Result<(), InputError> {
        if self.schema != 1 {
            return Err(InputError::field("schema", self.schema, "this Worker reads schema 1"));
        }
        share("samplePpm", self.sample_ppm)?;
        share("queuePpm", self.queue_ppm)?;
        for (name, text, limit) in [
            ("salt", &self.salt, MAX_SALT_BYTES),
            ("updatedBy", &self.updated_by, MAX_NAME_BYTES),
            ("reason", &self.reason, MAX_REASON_BYTES),
        ] {
            if text.len() > limit {
                return Err(InputError::field(name, text, format!("give at most {limit} bytes")));
            }
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
        for (index, entry) in self.overrides.iter().enumerate() {
            let at = |name: &str| format!("overrides[{index}].{name}");
            Template::parse(&entry.path)
                .map_err(|reason| InputError::field(at("path"), &entry.path, reason.to_string()))?;
            share(&at("samplePpm"), entry.sample_ppm.unwrap_or_default())?;
            share(&at("queuePpm"), entry.queue_ppm.unwrap_or_default())?;
        }
        if let Some(guard) = &self.guard {
            share("guard.maxDiffPpm", guard.max_diff_ppm)?;
        }
        if let Some(ramp) = &self.ramp {
            ramp.check(self.mode)?;
        }
        Ok(())
    }

    /// The part of the document that routing needs.
    pub fn flag(&self) -> Flag {
        let rule = Rule { mode: self.mode, sample_ppm: self.sample_ppm, queue_ppm: self.queue_ppm };
        let other = |entry: &Override| {
            let template = Template::parse(&entry.path).ok()?;
            let sample_ppm = entry.sample_ppm.unwrap_or(rule.sample_ppm);
            let queue_ppm = entry.queue_ppm.unwrap_or(rule.queue_ppm);
            Some((template, Rule { mode: entry.mode, sample_ppm, queue_ppm }))
        };
        let overrides = self.overrides.iter().filter_map(other).collect();
        Flag { version: self.version, salt: self.salt.clone(), rule, overrides, stop: None }
    }
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, InputError> {
    read_json("flag document", text, "give a JSON object as in flags/default.json")
}

/// The path of a field that is not among the known ones. An array's first entry knows the fields of all.
fn unknown_field(given: &Value, known: &Value) -> Option<String> {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => given.iter().find_map(|(name, value)| match known.get(name) {
            None => Some(name.clone()),
            Some(known) => Some(format!("{name}.{}", unknown_field(value, known)?)),
        }),
        (Value::Array(given), Value::Array(known)) => {
            let known = known.first()?;
            let mut entries = given.iter().enumerate();
            entries.find_map(|(place, entry)| Some(format!("{place}.{}", unknown_field(entry, known)?)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unknown_fields_are_tolerated_where_it_is_read_and_refused_where_it_is_changed() {
        let text =
            r#"{"schema":1,"version":2,"mode":"queue-only","overrides":[{"path":"/a","mode":"do-only","sample":1}]}"#;
        assert!(Document::read(text).is_ok());
        let error = Document::read_strictly(text).unwrap_err().to_string();
        assert!(error.contains("`overrides.0.sample`") && error.contains("unknown"), "{error}");
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
            (r#"{"schema":1,"version":1} x"#, ["flag document", "trailing", "JSON object"]),
            (
                r#"{"schema":1,"version":1,"overrides":[{"path":"x","mode":"do-only"}]}"#,
                ["`overrides[0].path`", "\"x\"", "/"],
            ),
            (
                r#"{"schema":1,"version":1,"overrides":[{"path":"/x","mode":"do-only","queuePpm":-1}]}"#,
                ["`overrides[0].queuePpm`", "-1", "flags/"],
            ),
            (
                r#"{"schema":1,"version":1,"guard":{"maxDiffPpm":1000001,"minEvents":1,"action":"none"}}"#,
                ["`guard.maxDiffPpm`", "1000001", "10000"],
            ),
        ] {
            let error = Document::read(text).unwrap_err().to_string();
            for part in parts {
                assert!(error.contains(part), "{part:?} in {error:?}");
            }
        }
    }

    #[test]
    fn every_bound_is_what_still_fits() {
        let document = |fields: &str| format!(r#"{{"schema":1,"version":1{fields}}}"#);
        let padded = |bytes: usize| format!("{:<bytes$}", document(""));
        assert!(Document::read(&padded(MAX_BYTES)).is_ok());
        let overrides = |count| {
            let list = vec![r#"{"path":"/a","mode":"do-only"}"#; count].join(",");
            document(&format!(r#","overrides":[{list}]"#))
        };
        assert!(Document::read(&overrides(MAX_OVERRIDES)).is_ok());
        for (text, what) in [(padded(MAX_BYTES + 2), "flag document"), (overrides(MAX_OVERRIDES + 2), "`overrides`")] {
            let error = Document::read(&text).unwrap_err().to_string();
            assert!(error.starts_with(what), "{error}");
        }
        for (field, limit) in [("salt", MAX_SALT_BYTES), ("updatedBy", MAX_NAME_BYTES), ("reason", MAX_REASON_BYTES)] {
            let with = |bytes| document(&format!(r#","{field}":"{}""#, "x".repeat(bytes)));
            assert!(Document::read(&with(limit)).is_ok(), "{field}");
            let error = Document::read(&with(limit + 2)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{field}`")), "{error}");
        }
    }

    #[test]
    fn a_document_survives_text() {
        let text = include_str!("../../../../flags/scheme-a.json");
        let document = Document::read_strictly(text).unwrap();
        assert_eq!(Document::read_strictly(&serde_json::to_string(&document).unwrap()).unwrap(), document);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = Document::read_strictly(&text);
        }
    }
}
