//! The flag for others: evaluation by the OpenFeature Remote Evaluation Protocol (OFREP 0.2).
//!
//! Invariant: the answer for a key is what routing would do with an event of that ID.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::route::{self, Destinations};
use crate::event::path::Normalizer;

use super::{Flag, MILLION, Mode, Rule};

/// The only flag there is.
pub const KEY: &str = "collector";

/// An OFREP request. Other fields belong to the caller and are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EvaluationRequest {
    /// Whom the flag is evaluated for.
    pub context: EvaluationContext,
}

/// Whom the flag is evaluated for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EvaluationContext {
    /// The key that is hashed into a bucket, such as an idempotent ID.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(!default, length(min = 1)))]
    pub targeting_key: String,
    /// The request's path, or its normalised route, for overrides.
    pub path: Option<String>,
}

/// Why there is no evaluation, in OFREP's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EvaluationError {
    /// The body is no JSON.
    ParseError,
    /// The context can't be used.
    InvalidContext,
    /// The context has no targeting key.
    TargetingKeyMissing,
    /// There is no such flag.
    FlagNotFound,
}

/// Why there is no evaluation, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EvaluationFailure {
    /// The flag that was asked for. None in an answer for all flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Why.
    pub error_code: EvaluationError,
    /// What to do.
    pub error_details: String,
}

/// Which stores take an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum EvaluationValue {
    /// The object.
    Old,
    /// D1, by the queue.
    New,
    /// Both.
    Both,
}

/// The same, by the name of the mode that would do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EvaluationVariant {
    /// The object.
    DoOnly,
    /// D1, by the queue.
    QueueOnly,
    /// Both.
    Both,
}

/// What decided, in OFREP's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EvaluationReason {
    /// An override of the path.
    TargetingMatch,
    /// The key's share.
    Split,
    /// The flag: all keys are alike.
    Static,
}

/// An evaluation, as OFREP has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evaluation {
    /// The flag: [`KEY`].
    pub key: Cow<'static, str>,
    /// Which stores take the event.
    pub value: EvaluationValue,
    /// What decided.
    pub reason: EvaluationReason,
    /// The same as `value`, by the name of a mode.
    pub variant: EvaluationVariant,
    /// What the flag says.
    pub metadata: EvaluationMetadata,
}

/// What the flag says of this path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EvaluationMetadata {
    /// Version of the flag.
    pub version: u32,
    /// Which store records.
    pub mode: Mode,
    /// In `dual-write`: share of events written to both, in ppm.
    pub sample_ppm: u32,
    /// In `dual-write`: share of the rest that goes to the queue only, in ppm.
    pub queue_ppm: u32,
    /// The emergency stop that holds. None while none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<String>,
}

/// Reads an [`EvaluationRequest`].
///
/// # Errors
/// OFREP's code and the remedy, without a key.
pub fn context(body: &str) -> Result<EvaluationContext, EvaluationFailure> {
    let fail = |error_code, error_details| Err(EvaluationFailure { key: None, error_code, error_details });
    let remedy = r#"give {"context":{"targetingKey":"…","path":"…"}}"#;
    match serde_json::from_str(body) {
        Ok(EvaluationRequest { context }) if context.targeting_key.is_empty() => {
            let remedy = "`context.targetingKey`: give what is to be told apart, such as an idempotent ID";
            fail(EvaluationError::TargetingKeyMissing, remedy.into())
        }
        Ok(EvaluationRequest { context }) => Ok(context),
        Err(error) => {
            let code = if error.is_data() { EvaluationError::InvalidContext } else { EvaluationError::ParseError };
            fail(code, format!("body: {error}; {remedy}"))
        }
    }
}

/// Evaluates the flag, as a gateway with these templates does.
pub fn evaluate(flag: &Flag, context: &EvaluationContext, normalizer: &Normalizer) -> Evaluation {
    let overriding = context.path.as_deref().and_then(|path| flag.override_for(&normalizer.place(path)));
    let rule = overriding.map_or(flag.rule, |(_, rule)| *rule);
    let to = route::by_rule(rule, &flag.salt, &context.targeting_key);
    let (value, variant) = match to {
        Destinations::OLD => (EvaluationValue::Old, EvaluationVariant::DoOnly),
        Destinations::NEW => (EvaluationValue::New, EvaluationVariant::QueueOnly),
        _ => (EvaluationValue::Both, EvaluationVariant::Both),
    };
    let reason = match overriding {
        Some(_) => EvaluationReason::TargetingMatch,
        None if splits(rule) => EvaluationReason::Split,
        None => EvaluationReason::Static,
    };
    let Rule { mode, sample_ppm, queue_ppm } = rule;
    let stop = flag.stop.as_ref().map(|stop| stop.id.clone());
    let metadata = EvaluationMetadata { version: flag.version, mode, sample_ppm, queue_ppm, stop };
    Evaluation { key: KEY.into(), value, reason, variant, metadata }
}

/// Whether a rule tells keys apart.
fn splits(rule: Rule) -> bool {
    let partial = |ppm: u32| ppm > 0 && ppm < MILLION;
    rule.mode == Mode::DualWrite && (partial(rule.sample_ppm) || (rule.sample_ppm == 0 && partial(rule.queue_ppm)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::identity::IdempotentId;
    use crate::event::path::RequestPath;

    fn flag(fields: &str) -> Flag {
        Flag::parse(&format!(r#"{{"schema":1,"version":7,{fields}}}"#)).unwrap()
    }

    fn of(key: &str, path: Option<&str>) -> EvaluationContext {
        EvaluationContext { targeting_key: key.into(), path: path.map(Into::into) }
    }

    #[test]
    fn a_key_is_told_what_routing_does_with_an_event_of_that_id() {
        let flag = flag(r#""mode":"dual-write","samplePpm":300000,"queuePpm":500000,"salt":"x""#);
        for n in 0..1_000 {
            let id = IdempotentId::generate(1_730_956_800_000, "192.0.2.1", "/", &n.to_string()).unwrap();
            let to = route::route(&flag, &RequestPath::of_route("/a"), &id);
            let expected = if to == Destinations::BOTH {
                EvaluationValue::Both
            } else if to.queue {
                EvaluationValue::New
            } else {
                EvaluationValue::Old
            };
            assert_eq!(evaluate(&flag, &of(&id.to_string(), None), &Normalizer::default()).value, expected);
        }
    }

    #[test]
    fn the_reason_says_whether_the_key_or_the_path_decided() {
        let overriding = r#""mode":"do-only","overrides":[{"path":"/a/{id}","mode":"queue-only"}]"#;
        for (fields, path, expected) in [
            (r#""mode":"do-only""#, None, ["old", "STATIC", "do-only"]),
            (r#""mode":"queue-only""#, Some("/a"), ["new", "STATIC", "queue-only"]),
            (r#""mode":"dual-write","samplePpm":1000000,"queuePpm":5"#, None, ["both", "STATIC", "both"]),
            (r#""mode":"dual-write","samplePpm":0,"queuePpm":1000000"#, None, ["new", "STATIC", "queue-only"]),
            (r#""mode":"dual-write","samplePpm":0,"queuePpm":1"#, None, ["old", "SPLIT", "do-only"]),
            (overriding, Some("/a/{id}"), ["new", "TARGETING_MATCH", "queue-only"]),
            (overriding, Some("/a/7"), ["new", "TARGETING_MATCH", "queue-only"]),
            (overriding, Some("//a/7"), ["new", "TARGETING_MATCH", "queue-only"]),
            (overriding, Some("/b"), ["old", "STATIC", "do-only"]),
            (overriding, None, ["old", "STATIC", "do-only"]),
        ] {
            let found = evaluate(&flag(fields), &of("someone", path), &Normalizer::default());
            let found = serde_json::to_value(found).unwrap();
            assert_eq!(["value", "reason", "variant"].map(|name| found[name].as_str().unwrap()), expected, "{fields}");
        }
    }

    #[test]
    fn a_context_that_can_not_be_used_has_its_code() {
        for (body, code) in [
            ("{", EvaluationError::ParseError),
            ("{}", EvaluationError::InvalidContext),
            (r#"{"context":[]}"#, EvaluationError::InvalidContext),
            (r#"{"context":{"targetingKey":5}}"#, EvaluationError::InvalidContext),
            (r#"{"context":{"targetingKey":"k","path":5}}"#, EvaluationError::InvalidContext),
            (r#"{"context":{}}"#, EvaluationError::TargetingKeyMissing),
            (r#"{"context":{"targetingKey":""}}"#, EvaluationError::TargetingKeyMissing),
        ] {
            assert_eq!(context(body).unwrap_err().error_code, code, "{body}");
        }
        let read = context(r#"{"context":{"targetingKey":"k","path":"/a","other":[1]}}"#).unwrap();
        assert_eq!(read, of("k", Some("/a")));
    }
}
