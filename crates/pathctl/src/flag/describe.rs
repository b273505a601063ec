//! Flag documents in words.

use std::fmt::Write as _;

use model::flag::Mode;
use model::flag::change::FieldChange;
use model::flag::document::{Document, GuardAction};
use model::flag::ramp::Ramp;
use model::flag::stop::Stop;
use serde_json::Value;

use crate::output::one_line;
use crate::share::Share;
use crate::time::{length, moment};

/// Mode and shares on one line.
pub fn rule(document: &Document) -> String {
    match document.mode {
        Mode::DualWrite => format!(
            "dual-write, sample {}, queue share {}",
            Share::of_ppm(document.sample_ppm),
            Share::of_ppm(document.queue_ppm)
        ),
        mode => mode.name().into(),
    }
}

/// A whole document, a fact to a line.
pub fn document(document: &Document, source: &str) -> String {
    let mut text = format!("version {} ({source}): {}", document.version, document.mode.name());
    let mut fact = |name: &str, value: &str| {
        let value = one_line(value);
        let _ = write!(text, "\n  {name:<11}  {value}"); // writing to a string can't fail
    };
    fact("sample", &Share::of_ppm(document.sample_ppm).to_string());
    fact("queue share", &Share::of_ppm(document.queue_ppm).to_string());
    if !document.salt.is_empty() {
        fact("salt", &document.salt);
    }
    for entry in &document.overrides {
        let own =
            |name, ppm: Option<u32>| ppm.map(|ppm| format!(", {name} {}", Share::of_ppm(ppm))).unwrap_or_default();
        let shares = own("sample", entry.sample_ppm) + &own("queue share", entry.queue_ppm);
        fact("override", &format!("{}  {}{shares}", entry.path, entry.mode.name()));
    }
    if let Some(guard) = &document.guard {
        let action = match guard.action {
            GuardAction::None => "reports",
            GuardAction::Rollback => "sets do-only",
        };
        let limit = Share::of_ppm(guard.max_diff_ppm);
        fact("guard", &format!("{action} above {limit} of at least {} events", guard.min_events));
    }
    if let Some(ramp) = &document.ramp {
        fact("ramp", &self::ramp(ramp));
    }
    fact("changed", &format!("{} by {}", document.updated_at, document.updated_by));
    fact("reason", &document.reason);
    text
}

/// A plan and how far it has come.
pub fn ramp(ramp: &Ramp) -> String {
    let steps: Vec<String> = ramp.steps.iter().map(|ppm| Share::of_ppm(*ppm).to_string()).collect();
    let next = match ramp.steps.get(ramp.next) {
        None => "all steps are taken".into(),
        Some(step) if ramp.paused => format!("paused before {}", Share::of_ppm(*step)),
        Some(step) if ramp.due_at == 0 => format!("{} at once", Share::of_ppm(*step)),
        Some(step) => format!("{} from {}", Share::of_ppm(*step), moment(ramp.due_at)),
    };
    format!("{} every {}; {next}", steps.join(", "), length(ramp.every_ms))
}

/// A stop on one line.
pub fn stop(stop: &Stop) -> String {
    let Stop { id, made, released } = stop;
    let text = format!("{id} by {} at {}: {}", made.by, moment(made.at), made.reason);
    let text = match released {
        None => text,
        Some(act) => format!("{text}; released by {} at {}: {}", act.by, moment(act.at), act.reason),
    };
    one_line(&text)
}

/// Differences, each on a line.
pub fn differences(differences: &[FieldChange]) -> String {
    let lines = differences.iter().map(|difference| {
        let value = |value| value_of(&difference.field, value);
        format!("  {}: {} → {}", difference.field, value(&difference.before), value(&difference.after))
    });
    lines.collect::<Vec<String>>().join("\n")
}

/// Differences on one line; long values by their field alone.
pub fn differences_shortly(differences: &[FieldChange]) -> String {
    let short = |difference: &FieldChange| match (&difference.before, &difference.after) {
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => difference.field.clone(),
        (before, after) => {
            let value = |value| value_of(&difference.field, value);
            format!("{} {} → {}", difference.field, value(before), value(after))
        }
    };
    differences.iter().map(short).collect::<Vec<String>>().join(", ")
}

/// A field's value: shares in percent, ramps in words, the rest as it stands in the document.
fn value_of(field: &str, value: &Value) -> String {
    let share = value.as_u64().filter(|_| field.ends_with("Ppm")).and_then(|ppm| u32::try_from(ppm).ok());
    match value {
        Value::Null => "none".into(),
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Object(_) if field == "ramp" => {
            serde_json::from_value(value.clone()).map_or_else(|_| value.to_string(), |plan| ramp(&plan))
        }
        _ => share.map_or_else(|| value.to_string(), |ppm| Share::of_ppm(ppm).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use model::flag::document::{Guard, Override};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_said_whole() {
        let text = include_str!("../../../../flags/scheme-b.json");
        let overrides =
            vec![Override { path: "/a".into(), mode: Mode::DualWrite, sample_ppm: Some(5), queue_ppm: None }];
        let guard = Some(Guard { max_diff_ppm: 1_000, min_events: 7, action: GuardAction::Rollback });
        let ramp =
            Ramp { steps: vec![100, 10_000], every_ms: 3_600_000, next: 1, due_at: 1_730_956_800_000, paused: false };
        let mut scheme = Document { overrides, guard, ramp: Some(ramp), ..Document::read(text).unwrap() };
        scheme.reason = "go".into();
        let said = document(&scheme, "history");
        assert_eq!(
            said,
            "version 1 (history): dual-write\n  \
             sample       1 %\n  \
             queue share  0 %\n  \
             override     /a  dual-write, sample 0.0005 %\n  \
             guard        sets do-only above 0.1 % of at least 7 events\n  \
             ramp         0.01 %, 1 % every 1h; 1 % from 2024-11-07T05:20:00Z\n  \
             changed      2024-11-07T00:00:00Z by preset\n  \
             reason       go"
        );
    }

    #[test]
    fn differences_are_said_in_percent_and_long_ones_by_name_where_it_must_be_short() {
        let difference = |field: &str, before, after| FieldChange { field: field.into(), before, after };
        let found = [
            difference("queuePpm", json!(0), json!(2_500)),
            difference("salt", json!(""), json!("x")),
            difference("overrides", json!([]), json!([1])),
            difference("ramp", json!({"steps":[100],"everyMs":60_000,"paused":true}), Value::Null),
        ];
        assert_eq!(
            differences(&found),
            "  queuePpm: 0 % → 0.25 %\n  salt: \"\" → x\n  overrides: [] → [1]\n  \
             ramp: 0.01 % every 1m; paused before 0.01 % → none"
        );
        assert_eq!(differences_shortly(&found), "queuePpm 0 % → 0.25 %, salt \"\" → x, overrides, ramp");
    }
}
