//! The parts of the system that could not be read for an answer.
//!
//! Invariant: an answer that lacks a part names it, so that it never looks complete.

use serde::{Deserialize, Serialize};

/// A part of the system that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MissingPart {
    /// The `PathCollector` objects.
    Old,
    /// D1's events and figures.
    New,
    /// Dead letters, which are in D1.
    DeadLetters,
    /// The archive, whose state is in D1.
    Archive,
    /// Parity reports, which are in D1.
    Parity,
}

impl MissingPart {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Old => "the old store (the PathCollector object)",
            Self::New => "the new store (D1)",
            Self::DeadLetters => "dead letters",
            Self::Archive => "the archive",
            Self::Parity => "parity reports",
        }
    }
}

/// A part that is missing from an answer, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MissingData {
    /// Which.
    pub store: MissingPart,
    /// Why, without anything internal.
    pub reason: String,
}

/// Describes all missing parts in one sentence, for people.
pub fn sentence(missing: &[MissingData]) -> String {
    let each: Vec<String> =
        missing.iter().map(|MissingData { store, reason }| format!("{}: {reason}", store.name())).collect();
    each.join("; ")
}

/// The missing parts of two reads, each named once.
pub fn union(first: &[MissingData], second: &[MissingData]) -> Vec<MissingData> {
    let mut all = first.to_vec();
    all.extend(second.iter().filter(|missing| !first.contains(missing)).cloned());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_for_people_and_for_programs() {
        let late = |store| MissingData { store, reason: "no answer within 5000 ms".into() };
        let missing = [late(MissingPart::New), late(MissingPart::DeadLetters)];
        assert_eq!(
            serde_json::to_string(&missing).unwrap(),
            r#"[{"store":"new","reason":"no answer within 5000 ms"},{"store":"dead-letters","reason":"no answer within 5000 ms"}]"#
        );
        assert_eq!(
            sentence(&missing),
            "the new store (D1): no answer within 5000 ms; dead letters: no answer within 5000 ms"
        );
    }
}
