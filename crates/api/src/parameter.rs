//! Kinds of parameters, each with its name, what its value may be, and what it means.
//!
//! Invariant: a kind reads its value from a query itself, by the very bounds that it documents. What only documents it is
//! kept where the document is written, and is no part of the Worker.

use std::fmt;
use std::ops::RangeInclusive;

use model::error::InputError;
use model::event::identity::MAX_TIMESTAMP_MS;

use crate::url::Query;

/// A parameter of a query, or of a path.
pub trait Parameter: Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// What documents it.
    #[cfg(feature = "schema")]
    fn described(&self) -> ParameterDocs;
}

impl fmt::Debug for dyn Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What documents a parameter.
#[cfg(feature = "schema")]
#[derive(Debug)]
pub struct ParameterDocs {
    /// What it means.
    pub description: &'static str,
    /// Whether one must be given.
    pub required: bool,
    /// What its value may be, as JSON Schema.
    pub schema: serde_json::Value,
    /// One that is valid. None where the schema says enough.
    pub example: Option<serde_json::Value>,
}

/// What a parameter is called and what it means.
#[derive(Debug, Clone, Copy)]
pub struct ParameterLabel {
    name: &'static str,
    #[cfg(feature = "schema")]
    description: &'static str,
    #[cfg(feature = "schema")]
    required: bool,
}

/// About a parameter that may be left out.
pub const fn optional(name: &'static str, description: &'static str) -> ParameterLabel {
    about(name, description, false)
}

/// About a parameter that must be given.
pub const fn required(name: &'static str, description: &'static str) -> ParameterLabel {
    about(name, description, true)
}

#[cfg_attr(not(feature = "schema"), allow(unused_variables))]
const fn about(name: &'static str, description: &'static str, required: bool) -> ParameterLabel {
    ParameterLabel {
        name,
        #[cfg(feature = "schema")]
        description,
        #[cfg(feature = "schema")]
        required,
    }
}

#[cfg(feature = "schema")]
impl ParameterLabel {
    const fn with(self, schema: serde_json::Value, example: Option<serde_json::Value>) -> ParameterDocs {
        ParameterDocs { description: self.description, required: self.required, schema, example }
    }
}

/// One of some words, each of which stands for a value.
#[derive(Debug)]
pub struct ChoiceParameter<T: 'static, const N: usize> {
    about: ParameterLabel,
    words: [&'static str; N],
    values: [T; N],
}

impl<T: Copy, const N: usize> ChoiceParameter<T, N> {
    /// These words, and what they stand for.
    pub const fn new(about: ParameterLabel, pairs: [(&'static str, T); N]) -> Self {
        let (mut words, mut values) = ([pairs[0].0; N], [pairs[0].1; N]);
        let mut at = 1;
        while at < N {
            (words[at], values[at]) = pairs[at];
            at += 1;
        }
        Self { about, words, values }
    }

    /// What a query says. None where it says nothing.
    ///
    /// # Errors
    /// It is none of the words.
    pub fn of(&self, query: &Query) -> Result<Option<T>, InputError> {
        Ok(chosen(self.about.name, &self.words, query)?.and_then(|at| self.values.get(at).copied()))
    }
}

/// The position of the word that a query has.
fn chosen(name: &str, words: &[&str], query: &Query) -> Result<Option<usize>, InputError> {
    let Some(given) = query.get(name) else { return Ok(None) };
    let found = words.iter().position(|word| *word == given);
    found.map(Some).ok_or_else(|| InputError::field(name, given, format!("give {}", words.join(" or "))))
}

impl<T: Sync, const N: usize> Parameter for ChoiceParameter<T, N> {
    fn name(&self) -> &'static str {
        self.about.name
    }

    #[cfg(feature = "schema")]
    fn described(&self) -> ParameterDocs {
        self.about.with(serde_json::json!({ "enum": self.words.to_vec() }), None)
    }
}

/// A choice with a value that holds where none is given.
#[derive(Debug)]
pub struct PresetParameter<T: 'static, const N: usize> {
    /// The choice.
    pub choice: ChoiceParameter<T, N>,
    /// The value.
    pub default: T,
}

impl<T: Copy, const N: usize> PresetParameter<T, N> {
    /// What a query says.
    ///
    /// # Errors
    /// It is none of the words.
    pub fn of(&self, query: &Query) -> Result<T, InputError> {
        Ok(self.choice.of(query)?.unwrap_or(self.default))
    }
}

impl<T: Sync + PartialEq, const N: usize> Parameter for PresetParameter<T, N> {
    fn name(&self) -> &'static str {
        self.choice.about.name
    }

    #[cfg(feature = "schema")]
    fn described(&self) -> ParameterDocs {
        let ChoiceParameter { words, values, .. } = &self.choice;
        let default = words.iter().zip(values).find(|(_, value)| **value == self.default);
        let mut described = self.choice.described();
        described.schema["default"] = default.map(|(word, _)| *word).into();
        described
    }
}

/// A whole number.
#[derive(Debug)]
pub struct NumberParameter {
    about: ParameterLabel,
    bounds: RangeInclusive<u64>,
    default: u64,
}

impl NumberParameter {
    /// One within these bounds, with one that holds where none is given.
    pub const fn new(about: ParameterLabel, bounds: RangeInclusive<u64>, default: u64) -> Self {
        Self { about, bounds, default }
    }

    /// What a query says.
    ///
    /// # Errors
    /// It is no number, or out of bounds.
    pub fn of(&self, query: &Query) -> Result<u64, InputError> {
        let Some(given) = query.get(self.about.name) else { return Ok(self.default) };
        let number = given.parse().ok().filter(|number| self.bounds.contains(number));
        number.ok_or_else(|| {
            let (least, most) = (self.bounds.start(), self.bounds.end());
            InputError::field(self.about.name, given, format!("give a whole number from {least} to {most}"))
        })
    }
}

impl Parameter for NumberParameter {
    fn name(&self) -> &'static str {
        self.about.name
    }

    #[cfg(feature = "schema")]
    fn described(&self) -> ParameterDocs {
        let (least, most) = (self.bounds.start(), self.bounds.end());
        let schema =
            serde_json::json!({ "type": "integer", "minimum": least, "maximum": most, "default": self.default });
        self.about.with(schema, None)
    }
}

/// A time, in ms since 1970.
#[derive(Debug)]
pub struct TimeParameter {
    about: ParameterLabel,
    #[cfg(feature = "schema")]
    example: u64,
}

impl TimeParameter {
    /// Any; with one that is valid.
    #[cfg_attr(not(feature = "schema"), allow(unused_variables))]
    pub const fn new(about: ParameterLabel, example: u64) -> Self {
        Self {
            about,
            #[cfg(feature = "schema")]
            example,
        }
    }

    /// What the parameter is called.
    pub const fn name(&self) -> &'static str {
        self.about.name
    }

    /// What a query says, in ms. None where it says nothing.
    ///
    /// # Errors
    /// It is no time.
    pub fn of(&self, query: &Query) -> Result<Option<u64>, InputError> {
        let Some(given) = query.get(self.about.name) else { return Ok(None) };
        let time = given.parse().ok().filter(|ms| *ms <= MAX_TIMESTAMP_MS);
        time.map(Some).ok_or_else(|| InputError::field(self.about.name, given, "give milliseconds since 1970"))
    }
}

impl Parameter for TimeParameter {
    fn name(&self) -> &'static str {
        self.about.name
    }

    #[cfg(feature = "schema")]
    fn described(&self) -> ParameterDocs {
        let schema = serde_json::json!({ "type": "integer", "minimum": 0, "maximum": MAX_TIMESTAMP_MS });
        self.about.with(schema, Some(self.example.into()))
    }
}

/// A text.
#[derive(Debug)]
pub struct TextParameter {
    about: ParameterLabel,
    max_bytes: usize,
    #[cfg(feature = "schema")]
    pattern: Option<&'static str>,
    #[cfg(feature = "schema")]
    example: &'static str,
}

impl TextParameter {
    /// Any; with one that is valid.
    #[cfg_attr(not(feature = "schema"), allow(unused_variables))]
    pub const fn new(about: ParameterLabel, example: &'static str) -> Self {
        Self {
            about,
            max_bytes: usize::MAX,
            #[cfg(feature = "schema")]
            pattern: None,
            #[cfg(feature = "schema")]
            example,
        }
    }

    /// Of at most this length.
    #[must_use]
    pub const fn up_to(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// One that fits a regular expression, which whoever reads it judges.
    #[must_use]
    #[cfg_attr(not(feature = "schema"), allow(unused_variables))]
    pub const fn like(self, pattern: &'static str) -> Self {
        Self {
            #[cfg(feature = "schema")]
            pattern: Some(pattern),
            ..self
        }
    }

    /// What a query says. None where it says nothing.
    ///
    /// # Errors
    /// It is too long.
    pub fn of<'a>(&self, query: &'a Query) -> Result<Option<&'a str>, InputError> {
        match query.get(self.about.name) {
            Some(given) if given.len() > self.max_bytes => {
                Err(InputError::field(self.about.name, given, format!("give at most {} bytes", self.max_bytes)))
            }
            given => Ok(given),
        }
    }
}

impl Parameter for TextParameter {
    fn name(&self) -> &'static str {
        self.about.name
    }

    #[cfg(feature = "schema")]
    fn described(&self) -> ParameterDocs {
        let mut schema = serde_json::json!({ "type": "string" });
        match self.pattern {
            Some(pattern) => schema["pattern"] = pattern.into(),
            None if self.about.required => schema["minLength"] = 1.into(),
            None => {}
        }
        if self.max_bytes < usize::MAX {
            schema["maxLength"] = self.max_bytes.into();
        }
        self.about.with(schema, Some(self.example.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("https://a/?{text}"))
    }

    fn refusal<T: fmt::Debug>(read: Result<T, InputError>) -> String {
        read.unwrap_err().to_string()
    }

    #[test]
    fn a_choice_is_one_of_its_words_and_may_have_a_default() {
        let choice = || ChoiceParameter::new(optional("kind", ""), [("hour", 1), ("day", 24)]);
        assert_eq!(["", "kind=day"].map(|text| choice().of(&query(text)).unwrap()), [None, Some(24)]);
        let preset = PresetParameter { choice: choice(), default: 1 };
        assert_eq!(["", "kind=day"].map(|text| preset.of(&query(text)).unwrap()), [1, 24]);
        let refused = [refusal(choice().of(&query("kind=week"))), refusal(preset.of(&query("kind=week")))];
        assert_eq!(refused, ["`kind`: \"week\" is not valid; give hour or day"; 2]);
    }

    #[test]
    fn numbers_times_and_texts_have_bounds() {
        let number = NumberParameter::new(optional("limit", ""), 1..=9, 5);
        assert_eq!(["", "limit=1", "limit=9"].map(|text| number.of(&query(text)).unwrap()), [5, 1, 9]);
        for text in ["limit=0", "limit=10", "limit=", "limit=-1", "limit=x"] {
            assert!(refusal(number.of(&query(text))).ends_with("give a whole number from 1 to 9"), "{text}");
        }
        let time = TimeParameter::new(optional("to", ""), 0);
        assert_eq!(["", "to=0"].map(|text| time.of(&query(text)).unwrap()), [None, Some(0)]);
        for text in ["to=x", "to=-1", "to=99999999999999"] {
            assert!(refusal(time.of(&query(text))).ends_with("give milliseconds since 1970"), "{text}");
        }
        let text = TextParameter::new(optional("search", ""), "").up_to(3);
        assert_eq!(["", "search=abc"].map(|given| text.of(&query(given)).unwrap().map(str::len)), [None, Some(3)]);
        assert!(refusal(text.of(&query("search=abcd"))).ends_with("give at most 3 bytes"));
    }
}
