//! What can be wrong with what the outside gives us, and what the reader can do about it.
//!
//! Invariant: no variant carries a client address or a whole payload; values are cut to [`SHOWN_CHARS`].

use serde::de::DeserializeOwned;

/// Characters of an offending value that an error shows.
pub const SHOWN_CHARS: usize = 48;

/// A value from outside that can't be used: it names the field, what was found, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// A field has a value that its rules exclude.
    #[error("`{field}`: {found} is not valid; {remedy}")]
    Field {
        /// Name or JSON path of the field.
        field: String,
        /// The value found, shortened, or its kind.
        found: String,
        /// What would be valid.
        remedy: String,
    },
    /// A field of a JSON text is missing, or has a value that can't be what it must be.
    #[error("`{field}`: {reason}; {remedy}")]
    Json {
        /// JSON path of the field.
        field: String,
        /// The parser's reason.
        reason: String,
        /// What would be valid.
        remedy: &'static str,
    },
    /// The text is not JSON, or not of the expected shape.
    #[error("{what}: {reason}; {remedy}")]
    Malformed {
        /// What was being read, e.g. `queue message`.
        what: &'static str,
        /// The parser's reason, with the field where it knows one.
        reason: String,
        /// What would be valid.
        remedy: &'static str,
    },
    /// More than a bound allows.
    #[error("{what}: {size} {unit} exceed the limit of {limit}; {remedy}")]
    TooLarge {
        /// What was too large.
        what: &'static str,
        /// Its size.
        size: usize,
        /// Unit of `size` and `limit`.
        unit: &'static str,
        /// The bound.
        limit: usize,
        /// How to stay below it.
        remedy: &'static str,
    },
}

impl InputError {
    /// A [`InputError::Field`] whose value is shown shortened.
    pub fn field(field: impl Into<String>, found: impl std::fmt::Display, remedy: impl Into<String>) -> Self {
        Self::Field { field: field.into(), found: shown(&found.to_string()), remedy: remedy.into() }
    }
}

/// Reads JSON; `what` is being read, and `remedy` says what would be valid.
///
/// # Errors
/// Why it could not be read: names the field where the text is JSON but the field's value is not what it must be.
pub fn read_json<T: DeserializeOwned>(what: &'static str, text: &str, remedy: &'static str) -> Result<T, InputError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let (error, path) = match serde_path_to_error::deserialize(&mut json) {
        Ok(value) => match json.end() {
            Ok(()) => return Ok(value),
            Err(error) => (error, None),
        },
        Err(error) => {
            let path = error.path().to_string();
            let error = error.into_inner();
            let is_in_field = path != "." && error.is_data();
            (error, is_in_field.then_some(path))
        }
    };
    let reason = error.to_string();
    Err(match path {
        Some(field) => {
            // A field with a parser of its own names itself.
            let reason = reason.strip_prefix(&format!("`{field}`: ")).map(str::to_owned).unwrap_or(reason);
            InputError::Json { field, reason, remedy }
        }
        None => InputError::Malformed { what, reason, remedy },
    })
}

/// `text` in quotes, cut to [`SHOWN_CHARS`] and without control characters, fit for a log line.
pub fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        out.push('…');
    }
    format!("\"{out}\"")
}

/// Longest reason that is logged or shown, in bytes.
const MAX_REASON_BYTES: usize = 300;

/// The first line of a text, cut to some 300 bytes: an error's reason, without the stack that may follow it.
pub fn first_line(text: &str) -> String {
    let line = text.trim_start().lines().next().unwrap_or_default().trim_end();
    let end = line.floor_char_boundary(MAX_REASON_BYTES);
    let mut shown = line.get(..end).unwrap_or_default().to_owned();
    if end < line.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_bounded_length() {
        assert_eq!(first_line("Error: away\n    at batch (worker.js:1:2)"), "Error: away");
        assert_eq!(first_line(""), "");
        let long = first_line(&"é".repeat(1_000));
        assert!(long.len() <= MAX_REASON_BYTES + 3 && long.ends_with('…'));
    }

    #[test]
    fn a_field_error_names_field_value_and_remedy() {
        let error = InputError::field("samplePpm", 2_000_000, "give parts per million, 0 to 1000000");
        assert_eq!(error.to_string(), "`samplePpm`: \"2000000\" is not valid; give parts per million, 0 to 1000000");
    }

    #[test]
    fn a_long_or_hostile_value_is_shown_short_and_escaped() {
        assert_eq!(shown("a\nb"), "\"a\\nb\"");
        assert_eq!(shown(&"x".repeat(500)).chars().count(), SHOWN_CHARS + 3);
    }
}
