//! Kinds of parameters, each with its name, what its value may be, and what it means.
//!
//! Invariant: a kind reads its value from a query itself, by the very bounds that it documents.

use model::error::InputError;
use model::event::identity::MAX_TIMESTAMP_MS;

use crate::url::Query;

/// A parameter of a query, or of a path.
pub trait Parameter: Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// What documents it.
    #[cfg(feature = "schema")]
    fn described(&self) -> Described;
}

/// What documents a parameter.
#[cfg(feature = "schema")]
#[derive(Debug)]
pub struct Described {
    /// What it means.
    pub description: &'static str,
    /// Whether one must be given.
    pub required: bool,
    /// What its value may be, as JSON Schema.
    pub schema: serde_json::Value,
    /// One that is valid. None where the schema says enough.
    pub example: Option<serde_json::Value>,
}

impl std::fmt::Debug for dyn Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One of some words, each of which stands for a value.
#[derive(Debug)]
pub struct Choice<T: 'static> {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// The words, and what they stand for.
    pub values: &'static [(&'static str, T)],
    /// Whether one must be given.
    pub required: bool,
}

impl<T: Copy> Choice<T> {
    /// What a query says. None where it says nothing.
    ///
    /// # Errors
    /// It is none of the words.
    pub fn of(&self, query: &Query) -> Result<Option<T>, InputError> {
        let Some(given) = query.get(self.name) else { return Ok(None) };
        match self.values.iter().find(|(word, _)| *word == given) {
            Some((_, value)) => Ok(Some(*value)),
            None => Err(no_choice(self.name, given, &self.values.iter().map(|(word, _)| *word).collect::<Vec<_>>())),
        }
    }
}

impl<T: Sync> Parameter for Choice<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    #[cfg(feature = "schema")]
    fn described(&self) -> Described {
        let words: Vec<_> = self.values.iter().map(|(word, _)| *word).collect();
        let schema = serde_json::json!({ "enum": words });
        Described { description: self.description, required: self.required, schema, example: None }
    }
}

/// A choice with a value that holds where none is given.
#[derive(Debug)]
pub struct Preset<T: 'static> {
    /// The choice.
    pub choice: Choice<T>,
    /// The value.
    pub default: T,
}

impl<T: Copy> Preset<T> {
    /// What a query says.
    ///
    /// # Errors
    /// It is none of the words.
    pub fn of(&self, query: &Query) -> Result<T, InputError> {
        Ok(self.choice.of(query)?.unwrap_or(self.default))
    }
}

impl<T: Sync + PartialEq> Parameter for Preset<T> {
    fn name(&self) -> &'static str {
        self.choice.name
    }

    #[cfg(feature = "schema")]
    fn described(&self) -> Described {
        let mut described = self.choice.described();
        let default = self.choice.values.iter().find(|(_, value)| *value == self.default);
        described.schema["default"] = default.map(|(word, _)| *word).into();
        described
    }
}

fn no_choice(name: &str, given: &str, words: &[&str]) -> InputError {
    let remedy = match words {
        [only] => format!("give {only}, or leave it out"),
        words => format!("give one of {}", words.join(", ")),
    };
    InputError::field(name, given, remedy)
}

/// A whole number.
#[derive(Debug)]
pub struct Number {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// The smallest that is valid.
    pub least: u64,
    /// The largest that is valid.
    pub most: u64,
    /// What holds where none is given.
    pub default: u64,
}

impl Number {
    /// What a query says.
    ///
    /// # Errors
    /// It is no number, or out of bounds.
    pub fn of(&self, query: &Query) -> Result<u64, InputError> {
        let Self { least, most, .. } = self;
        let Some(given) = query.get(self.name) else { return Ok(self.default) };
        let number = given.parse().ok().filter(|number| (*least..=*most).contains(number));
        number.ok_or_else(|| InputError::field(self.name, given, format!("give a whole number from {least} to {most}")))
    }
}

impl Parameter for Number {
    fn name(&self) -> &'static str {
        self.name
    }

    #[cfg(feature = "schema")]
    fn described(&self) -> Described {
        let Self { least, most, default, .. } = self;
        let schema = serde_json::json!({ "type": "integer", "minimum": least, "maximum": most, "default": default });
        Described { description: self.description, required: false, schema, example: None }
    }
}

/// A time, in ms since 1970.
#[derive(Debug)]
pub struct Time {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// One that is valid.
    pub example: u64,
}

impl Time {
    /// What a query says, in ms. None where it says nothing.
    ///
    /// # Errors
    /// It is no time.
    pub fn of(&self, query: &Query) -> Result<Option<u64>, InputError> {
        let Some(given) = query.get(self.name) else { return Ok(None) };
        let time = given.parse().ok().filter(|ms| *ms <= MAX_TIMESTAMP_MS);
        time.map(Some).ok_or_else(|| InputError::field(self.name, given, "give milliseconds since 1970"))
    }
}

impl Parameter for Time {
    fn name(&self) -> &'static str {
        self.name
    }

    #[cfg(feature = "schema")]
    fn described(&self) -> Described {
        let schema = serde_json::json!({ "type": "integer", "minimum": 0, "maximum": MAX_TIMESTAMP_MS });
        let example = Some(self.example.into());
        Described { description: self.description, required: false, schema, example }
    }
}

/// A text. Whoever reads it judges whether it fits `pattern`.
#[derive(Debug)]
pub struct Text {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// A regular expression that all that are valid fit, if there is one.
    pub pattern: Option<&'static str>,
    /// One that is valid.
    pub example: &'static str,
    /// The most bytes, if there is a bound.
    pub max_bytes: Option<usize>,
    /// Whether one must be given.
    pub required: bool,
}

impl Text {
    /// What a query says. None where it says nothing.
    ///
    /// # Errors
    /// It is too long.
    pub fn of<'a>(&self, query: &'a Query) -> Result<Option<&'a str>, InputError> {
        match (query.get(self.name), self.max_bytes) {
            (Some(given), Some(most)) if given.len() > most => {
                Err(InputError::field(self.name, given, format!("give at most {most} bytes")))
            }
            (given, _) => Ok(given),
        }
    }
}

impl Parameter for Text {
    fn name(&self) -> &'static str {
        self.name
    }

    #[cfg(feature = "schema")]
    fn described(&self) -> Described {
        let mut schema = serde_json::json!({ "type": "string" });
        match (self.pattern, self.required) {
            (Some(pattern), _) => schema["pattern"] = pattern.into(),
            (None, true) => schema["minLength"] = 1.into(),
            (None, false) => {}
        }
        if let Some(most) = self.max_bytes {
            schema["maxLength"] = most.into();
        }
        let example = Some(self.example.into());
        Described { description: self.description, required: self.required, schema, example }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("https://a/?{text}"))
    }

    fn refusal<T: std::fmt::Debug>(read: Result<T, InputError>) -> String {
        read.unwrap_err().to_string()
    }

    #[test]
    fn a_choice_is_one_of_its_words_and_may_have_a_default() {
        let choice = || Choice { name: "kind", description: "", values: &[("hour", 1), ("day", 24)], required: false };
        assert_eq!(["", "kind=day"].map(|text| choice().of(&query(text)).unwrap()), [None, Some(24)]);
        let preset = Preset { choice: choice(), default: 1 };
        assert_eq!(["", "kind=day"].map(|text| preset.of(&query(text)).unwrap()), [1, 24]);
        let refused = [refusal(choice().of(&query("kind=week"))), refusal(preset.of(&query("kind=week")))];
        assert_eq!(refused, ["`kind`: \"week\" is not valid; give one of hour, day"; 2]);
    }

    #[test]
    fn numbers_times_and_texts_have_bounds() {
        let number = Number { name: "limit", description: "", least: 1, most: 9, default: 5 };
        assert_eq!(["", "limit=1", "limit=9"].map(|text| number.of(&query(text)).unwrap()), [5, 1, 9]);
        for text in ["limit=0", "limit=10", "limit=", "limit=-1", "limit=x"] {
            assert!(refusal(number.of(&query(text))).ends_with("give a whole number from 1 to 9"), "{text}");
        }
        let time = Time { name: "to", description: "", example: 0 };
        assert_eq!(["", "to=0"].map(|text| time.of(&query(text)).unwrap()), [None, Some(0)]);
        for text in ["to=x", "to=-1", "to=99999999999999"] {
            assert!(refusal(time.of(&query(text))).ends_with("give milliseconds since 1970"), "{text}");
        }
        let text =
            Text { name: "search", description: "", pattern: None, example: "", max_bytes: Some(3), required: false };
        assert_eq!(["", "search=abc"].map(|given| text.of(&query(given)).unwrap().map(str::len)), [None, Some(3)]);
        assert!(refusal(text.of(&query("search=abcd"))).ends_with("give at most 3 bytes"));
    }
}
