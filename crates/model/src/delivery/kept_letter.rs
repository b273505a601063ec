//! Dead letters as they are kept, found and refused.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::event::identity::first_u64;

/// The ID of a letter with this payload: 16 hex digits. It is made of the payload, because a message has another ID in
/// the slow lane, and would be a second letter there if D1 stored the first one and said that it did not.
pub fn id_of(payload: &str) -> String {
    format!("{:016x}", first_u64(&Sha256::digest(payload.as_bytes())))
}

/// Which consumer found a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LetterSource {
    /// The queue's.
    Consumer,
    /// That of the slow lane, which is the queue's dead-letter queue.
    Dlq,
}

impl LetterSource {
    /// Its name in the database and in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Dlq => "dlq",
        }
    }

    /// The source of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Consumer, Self::Dlq].into_iter().find(|source| source.name() == name)
    }
}

/// A letter as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeptLetter {
    /// What [`id_of`] made of the payload as it came.
    pub id: String,
    /// When it was stored, in ms.
    pub received_at: u64,
    /// When its message was sent, in ms. None where that is not known.
    pub sent_at: Option<u64>,
    /// Which consumer found it.
    pub source: LetterSource,
    /// Why it could not be applied.
    pub reason: String,
    /// Redrives that were refused.
    pub attempts: u64,
    /// Why the last redrive was refused. None before the first.
    pub refused: Option<String>,
    /// Length of the payload as it came, in bytes.
    pub bytes: u64,
    /// The payload as it came, cut to 60 KB, or what remains of it after a redrive. Present only in the answer for a
    /// single letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

/// A letter, as a search lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FoundLetter {
    /// Its ID.
    pub id: String,
    /// When it was stored, in ms.
    pub received_at: u64,
    /// Which consumer found it.
    pub source: LetterSource,
    /// Why it could not be applied.
    pub reason: String,
}

/// A letter that a redrive refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefusedLetter {
    /// The letter.
    pub id: String,
    /// Why it, or what remains of it, was refused.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_one_name_in_the_database_and_on_the_wire() {
        for source in [LetterSource::Consumer, LetterSource::Dlq] {
            assert_eq!(LetterSource::named(source.name()), Some(source));
            assert_eq!(serde_json::to_value(source).unwrap(), source.name());
        }
        assert_eq!(LetterSource::named("queue"), None);
    }
}
