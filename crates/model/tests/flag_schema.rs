//! The flag's JSON Schema and the Worker's own rules say the same.
#![allow(missing_docs, clippy::unwrap_used)]

use model::flag::document::Document;
use proptest::prelude::*;
use serde_json::{Value, json};

fn schema() -> jsonschema::Validator {
    let text: Value = serde_json::from_str(include_str!("../../../flags/flag.schema.json")).unwrap();
    jsonschema::draft202012::new(&text).unwrap()
}

fn base() -> Value {
    serde_json::from_str(include_str!("../../../flags/scheme-b.json")).unwrap()
}

/// The base document with one place changed.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = base();
    document[pointer] = value;
    document
}

fn overriding(path: &str) -> Value {
    with("overrides", json!([{"path": path, "mode": "queue-only"}]))
}

fn corpus() -> Vec<(bool, Value)> {
    let ramp = |steps: Value| with("ramp", json!({"steps": steps, "everyMs": 3_600_000}));
    let mut queue_only_ramp = ramp(json!([1]));
    queue_only_ramp["mode"] = "queue-only".into();
    let mut modeless_ramp = ramp(json!([1]));
    modeless_ramp.as_object_mut().unwrap().remove("mode");
    let mut corpus = vec![
        (true, json!({"schema": 1, "version": 1})),
        (false, json!({"version": 1})),
        (false, json!({"schema": 1})),
        (false, json!([])),
        (false, json!(null)),
        (true, ramp(json!([1, 2, 1_000_000]))),
        (false, ramp(json!([]))),
        (false, ramp(json!([1, 1]))),
        (false, queue_only_ramp),
        (false, modeless_ramp),
        (false, with("ramp", json!({"steps": [1], "everyMs": 59_999}))),
        (false, with("ramp", json!({"steps": [1], "everyMs": 60_000, "speed": 1}))),
        (true, with("guard", json!({"maxDiffPpm": 10_000, "minEvents": 299, "action": "rollback"}))),
        (true, with("guard", Value::Null)),
        (false, with("guard", json!({"maxDiffPpm": 10_000, "minEvents": 299, "action": "stop"}))),
        (false, with("guard", json!({"maxDiffPpm": 10_000, "action": "none"}))),
        (true, with("overrides", json!([{"path": "/a", "mode": "dual-write", "samplePpm": 1, "queuePpm": null}]))),
        (false, with("overrides", json!([{"path": "/a"}]))),
        (false, with("overrides", json!([{"path": "/a", "mode": "do-only", "sample": 1}]))),
        (false, with("overrides", json!(vec![json!({"path": "/a", "mode": "do-only"}); 101]))),
        (true, with("salt", "x".repeat(64).into())),
        (false, with("salt", "x".repeat(65).into())),
        (false, with("reason", "x".repeat(1_025).into())),
        (false, with("typo", 1.into())),
    ];
    for (valid, value) in [(true, json!(0)), (true, json!(1_000_000)), (false, json!(1_000_001)), (false, json!(-1))] {
        corpus.push((valid, with("samplePpm", value.clone())));
        corpus.push((valid, with("queuePpm", value)));
    }
    for value in [json!(0.5), json!("1"), json!(null), json!([])] {
        corpus.push((false, with("samplePpm", value)));
    }
    for value in [json!("do_only"), json!(""), json!(1), json!(null)] {
        corpus.push((false, with("mode", value)));
    }
    for path in ["/", "/a", "/a/", "//", "/users/{id}", "/{*rest}", "/a/{*rest}", "/a/{id}/b", "/a-b_c.d~e", "/ä"] {
        corpus.push((true, overriding(path)));
    }
    for path in ["", "a", "/a b", "/a?b", "/a#b", "/{}", "/{*}", "/{*rest}/a", "/a{b}", "/{a}b", "/{a", "/a}", "/\u{7}"]
    {
        corpus.push((false, overriding(path)));
    }
    corpus
}

#[test]
fn schema_and_rules_agree_on_a_corpus_of_good_and_bad_documents() {
    let schema = schema();
    for (valid, document) in corpus() {
        let rules = Document::read_strictly(&document.to_string());
        assert_eq!(rules.is_ok(), valid, "the rules on {document}: {rules:?}");
        assert_eq!(schema.is_valid(&document), valid, "the schema on {document}");
    }
}

#[test]
fn the_presets_are_valid_for_both() {
    for text in [
        include_str!("../../../flags/default.json"),
        include_str!("../../../flags/do-only.json"),
        include_str!("../../../flags/queue-only.json"),
        include_str!("../../../flags/scheme-a.json"),
        include_str!("../../../flags/scheme-b.json"),
    ] {
        assert!(schema().is_valid(&serde_json::from_str(text).unwrap()));
        Document::read_strictly(text).unwrap();
    }
}

proptest! {
    #[test]
    fn schema_and_rules_agree_on_any_override_path(path in "(/|[a-c*{}?# ]){0,8}") {
        let document = overriding(&path);
        prop_assert_eq!(schema().is_valid(&document), Document::read_strictly(&document.to_string()).is_ok(), "{}", path);
    }
}
