//! Changes of the flag: what the next document is, and how it differs.
//!
//! Invariant: the next document's version is one more than the newest version known anywhere, so that every router
//! adopts it. Everything else in it comes from the author.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::InputError;
use crate::sorted::distinct;

use super::Mode;
use super::document::Document;
use super::ramp::Ramp;

/// Who changes the flag, why, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeAuthor {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, as RFC 3339.
    pub at: String,
}

/// One field that a change changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldChange {
    /// Name of the field.
    pub field: String,
    /// Its value before; null if it was missing.
    pub before: Value,
    /// Its value after; null if it is missing now.
    pub after: Value,
}

/// Fields that every change changes.
const STAMPS: [&str; 4] = ["version", "updatedAt", "updatedBy", "reason"];

/// The next document after version `newest`, with the contents of `wanted`.
///
/// # Errors
/// If the author or the reason is missing, or there is no higher version number.
pub fn next(newest: u32, wanted: Document, author: ChangeAuthor) -> Result<Document, InputError> {
    for (field, text) in [("updatedBy", &author.by), ("reason", &author.reason)] {
        if text.trim().is_empty() {
            return Err(InputError::field(field, text, "say who changes the flag and why, for those who come after"));
        }
    }
    let version = newest.checked_add(1);
    let version = version.ok_or_else(|| InputError::field("version", newest, "there is no version after this one"))?;
    let ChangeAuthor { by, reason, at } = author;
    let document = Document { version, updated_by: by, reason, updated_at: at, ..wanted };
    document.check()?;
    Ok(document)
}

/// A document that routes everything to the old path alone, without overrides or ramp.
pub fn to_old_path(current: &Document) -> Document {
    Document { mode: Mode::DoOnly, overrides: Vec::new(), ramp: None, ..current.clone() }
}

/// Prepares an earlier document to be put in force again at `now_ms`. A ramp in it is paused and has a whole interval
/// before its next step, so that a rollback never starts to move traffic by itself.
pub fn restored(earlier: Document, now_ms: u64) -> Document {
    let pause = |ramp: Ramp| Ramp { paused: true, due_at: now_ms.saturating_add(ramp.every_ms), ..ramp };
    Document { ramp: earlier.ramp.map(pause), ..earlier }
}

/// The fields in which two documents differ, except for those that every change sets.
pub fn differences(before: &Document, after: &Document) -> Vec<FieldChange> {
    let fields = |document: &Document| match serde_json::to_value(document) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (fields(before), fields(after));
    let value = |fields: &serde_json::Map<String, Value>, name: &String| fields.get(name).cloned().unwrap_or_default();
    distinct(before.keys().chain(after.keys()))
        .into_iter()
        .filter(|name| !STAMPS.contains(&name.as_str()))
        .map(|name| FieldChange { field: name.clone(), before: value(&before, name), after: value(&after, name) })
        .filter(|difference| difference.before != difference.after)
        .collect()
}

/// The repair that brings history and copies together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What the history and all copies are to hold.
    pub document: Document,
    /// Whether the history lacks it.
    pub is_new: bool,
}

/// Compares the newest document of the history with the newest copy. Returns None if there is neither. A copy that
/// can't be read counts as missing. The history is the truth, unless a copy is ahead of it: somebody put it there by
/// hand, or the history was restored to an earlier time. Routers never adopt a document older than theirs, so the
/// history has to follow the copy.
pub fn repair(history: Option<&Document>, copy: Option<&Document>) -> Option<Repair> {
    let is_new = copy.is_some_and(|copy| history.is_none_or(|history| copy.version > history.version));
    let document = if is_new { copy } else { history }?;
    Some(Repair { document: document.clone(), is_new })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flag::ramp_step::{Advance, Gate, advance};

    fn document(version: u32, mode: Mode) -> Document {
        let text = include_str!("../../../../flags/scheme-b.json");
        Document { version, mode, ..Document::read(text).unwrap() }
    }

    fn author(by: &str, reason: &str) -> ChangeAuthor {
        ChangeAuthor { by: by.into(), reason: reason.into(), at: "2024-11-07T05:20:00Z".into() }
    }

    #[test]
    fn a_change_has_the_next_version_and_names_its_author() {
        let changed = next(7, document(3, Mode::QueueOnly), author("jo", "go")).unwrap();
        assert_eq!((changed.version, changed.updated_by.as_str(), changed.reason.as_str()), (8, "jo", "go"));
        assert_eq!(changed.updated_at, author("jo", "go").at);
        for (newest, by, reason, field) in
            [(1, "", "go", "updatedBy"), (1, "jo", " ", "reason"), (u32::MAX, "jo", "go", "version")]
        {
            let error = next(newest, document(1, Mode::DoOnly), author(by, reason)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{field}`")), "{error}");
        }
    }

    #[test]
    fn differences_are_named_with_both_values() {
        let (before, after) = (document(1, Mode::DualWrite), Document { queue_ppm: 5, ..document(2, Mode::QueueOnly) });
        let found: Vec<(String, Value, Value)> =
            differences(&before, &after).into_iter().map(|d| (d.field, d.before, d.after)).collect();
        let expected =
            [("mode".into(), "dual-write".into(), "queue-only".into()), ("queuePpm".into(), 0.into(), 5.into())];
        assert_eq!(found, expected);
        assert_eq!(differences(&before, &document(9, Mode::DualWrite)), []);
    }

    #[test]
    fn the_old_path_alone_has_no_overrides_and_no_ramp() {
        let text = r#"{"schema":1,"version":1,"mode":"dual-write","ramp":{"steps":[1],"everyMs":60000},
            "overrides":[{"path":"/a","mode":"queue-only"}]}"#;
        let old = to_old_path(&Document::read(text).unwrap());
        assert_eq!((old.mode, old.overrides.len(), old.ramp), (Mode::DoOnly, 0, None));
    }

    #[test]
    fn a_ramp_that_comes_back_is_paused_and_not_overdue() {
        let text = r#"{"schema":1,"version":1,"mode":"dual-write","queuePpm":5,
            "ramp":{"steps":[5,9],"everyMs":60000,"next":1,"dueAt":1}}"#;
        let earlier = Document::read(text).unwrap();
        let back = restored(earlier.clone(), 1_000_000);
        let ramp = back.ramp.clone().unwrap();
        assert_eq!((ramp.paused, ramp.due_at, ramp.next, back.queue_ppm), (true, 1_060_000, 1, 5));
        assert_eq!(advance(&back, 9_000_000, "", &Gate::Pass), Advance::Wait);
        let without = Document { ramp: None, ..earlier };
        assert_eq!(restored(without.clone(), 1_000_000), without);
    }

    #[test]
    fn history_is_the_truth_unless_a_copy_is_ahead_of_it() {
        let (one, two) = (document(1, Mode::DualWrite), document(2, Mode::QueueOnly));
        let other = Document { queue_ppm: 9, ..two.clone() };
        let found = |history, copy| repair(history, copy).map(|plan| (plan.document, plan.is_new));
        assert_eq!(found(None, None), None);
        for (history, copy, expected, is_new) in [
            (Some(&one), Some(&one), &one, false),
            (None, Some(&one), &one, true),
            (Some(&two), None, &two, false),
            (Some(&two), Some(&one), &two, false),
            (Some(&one), Some(&two), &two, true),
            (Some(&two), Some(&other), &two, false),
        ] {
            assert_eq!(found(history, copy), Some((expected.clone(), is_new)));
        }
    }
}
