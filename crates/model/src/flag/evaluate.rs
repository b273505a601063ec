//! The flag for others: evaluation by the OpenFeature Remote Evaluation Protocol (OFREP 0.2).
//!
//! Invariant: what is answered for a key is what routing does with an event of that ID.

use serde::{Deserialize, Serialize};

use super::route::{self, Destinations};
use crate::event::path::Normalizer;

use super::{Flag, MILLION, Mode, Rule};

/// The only flag there is.
pub const KEY: &str = "collector";

/// A request's body; what else is in it is the caller's own.
#[derive(Deserialize)]
struct Body {
    context: Context,
}

/// Whom the flag is evaluated for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// What is hashed into a bucket; an event's is its ID.
    #[serde(default)]
    pub targeting_key: String,
    /// The request's path, or its normalised route, for overrides.
    pub path: Option<String>,
}

/// Why there is no evaluation, in OFREP's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The flag that was asked for; none in an answer for all flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// OFREP's code.
    pub error_code: &'static str,
    /// What to do.
    pub error_details: String,
}

/// An evaluation, as OFREP has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evaluation {
    key: &'static str,
    value: &'static str,
    reason: &'static str,
    variant: &'static str,
    metadata: Metadata,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    version: u32,
    mode: &'static str,
    sample_ppm: u32,
    queue_ppm: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<String>,
}

/// Reads `{"context":{"targetingKey":…,"path":…}}`.
///
/// # Errors
/// OFREP's code and the remedy, without a key.
pub fn context(body: &str) -> Result<Context, Failure> {
    let fail = |error_code, error_details| Err(Failure { key: None, error_code, error_details });
    let remedy = r#"give {"context":{"targetingKey":"…","path":"…"}}"#;
    match serde_json::from_str(body) {
        Ok(Body { context }) if context.targeting_key.is_empty() => {
            let remedy = "`context.targetingKey`: give what is to be told apart, such as an idempotent ID";
            fail("TARGETING_KEY_MISSING", remedy.into())
        }
        Ok(Body { context }) => Ok(context),
        Err(error) => {
            let code = if error.is_data() { "INVALID_CONTEXT" } else { "PARSE_ERROR" };
            fail(code, format!("body: {error}; {remedy}"))
        }
    }
}

/// Evaluates the flag, as a gateway with these templates does.
pub fn evaluate(flag: &Flag, context: &Context, normalizer: &Normalizer) -> Evaluation {
    let overriding = context.path.as_deref().and_then(|path| flag.override_for(&normalizer.place(path)));
    let rule = overriding.map_or(flag.rule, |(_, rule)| *rule);
    let to = route::by_rule(rule, &flag.salt, &context.targeting_key);
    let (value, variant) = match to {
        Destinations::OLD => ("old", "do-only"),
        Destinations::NEW => ("new", "queue-only"),
        _ => ("both", "both"),
    };
    let reason = match overriding {
        Some(_) => "TARGETING_MATCH",
        None if splits(rule) => "SPLIT",
        None => "STATIC",
    };
    let Rule { mode, sample_ppm, queue_ppm } = rule;
    let stop = flag.stop.as_ref().map(|stop| stop.id.clone());
    let metadata = Metadata { version: flag.version, mode: mode.name(), sample_ppm, queue_ppm, stop };
    Evaluation { key: KEY, value, reason, variant, metadata }
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
    use crate::event::path::Place;

    fn flag(fields: &str) -> Flag {
        Flag::parse(&format!(r#"{{"schema":1,"version":7,{fields}}}"#)).unwrap()
    }

    fn of(key: &str, path: Option<&str>) -> Context {
        Context { targeting_key: key.into(), path: path.map(Into::into) }
    }

    #[test]
    fn a_key_is_told_what_routing_does_with_an_event_of_that_id() {
        let flag = flag(r#""mode":"dual-write","samplePpm":300000,"queuePpm":500000,"salt":"x""#);
        for n in 0..1_000 {
            let id = IdempotentId::generate(1_730_956_800_000, "192.0.2.1", "/", &n.to_string()).unwrap();
            let to = route::route(&flag, &Place::of_route("/a"), &id);
            let expected = if to == Destinations::BOTH {
                "both"
            } else if to.queue {
                "new"
            } else {
                "old"
            };
            assert_eq!(evaluate(&flag, &of(&id.to_string(), None), &Normalizer::default()).value, expected);
        }
    }

    #[test]
    fn the_reason_says_whether_the_key_or_the_path_decided() {
        let overriding = r#""mode":"do-only","overrides":[{"path":"/a/{id}","mode":"queue-only"}]"#;
        for (fields, path, expected) in [
            (r#""mode":"do-only""#, None, ("old", "STATIC", "do-only")),
            (r#""mode":"queue-only""#, Some("/a"), ("new", "STATIC", "queue-only")),
            (r#""mode":"dual-write","samplePpm":1000000,"queuePpm":5"#, None, ("both", "STATIC", "both")),
            (r#""mode":"dual-write","samplePpm":0,"queuePpm":1000000"#, None, ("new", "STATIC", "queue-only")),
            (r#""mode":"dual-write","samplePpm":0,"queuePpm":1"#, None, ("old", "SPLIT", "do-only")),
            (overriding, Some("/a/{id}"), ("new", "TARGETING_MATCH", "queue-only")),
            (overriding, Some("/a/7"), ("new", "TARGETING_MATCH", "queue-only")),
            (overriding, Some("//a/7"), ("new", "TARGETING_MATCH", "queue-only")),
            (overriding, Some("/b"), ("old", "STATIC", "do-only")),
            (overriding, None, ("old", "STATIC", "do-only")),
        ] {
            let found = evaluate(&flag(fields), &of("someone", path), &Normalizer::default());
            assert_eq!((found.value, found.reason, found.variant), expected, "{fields}");
        }
    }

    #[test]
    fn a_context_that_can_not_be_used_has_its_code() {
        for (body, code) in [
            ("{", "PARSE_ERROR"),
            ("{}", "INVALID_CONTEXT"),
            (r#"{"context":[]}"#, "INVALID_CONTEXT"),
            (r#"{"context":{"targetingKey":5}}"#, "INVALID_CONTEXT"),
            (r#"{"context":{"targetingKey":"k","path":5}}"#, "INVALID_CONTEXT"),
            (r#"{"context":{}}"#, "TARGETING_KEY_MISSING"),
            (r#"{"context":{"targetingKey":""}}"#, "TARGETING_KEY_MISSING"),
        ] {
            assert_eq!(context(body).unwrap_err().error_code, code, "{body}");
        }
        let read = context(r#"{"context":{"targetingKey":"k","path":"/a","other":[1]}}"#).unwrap();
        assert_eq!(read, of("k", Some("/a")));
    }
}
