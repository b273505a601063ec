//! `dead-letters` and below: what could not be applied, to look at, to try again, to throw away.

#[cfg(feature = "schema")]
use crate::parameters::MAX_LETTERS;
use model::delivery::kept_letter::{KeptLetter, LetterSource, RefusedLetter};
use serde::{Deserialize, Serialize};

/// A page of letters, the newest first, without their payloads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LettersAnswer {
    /// Letters that match, on all pages.
    pub count: u64,
    /// Those of this page.
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_LETTERS)))]
    pub letters: Vec<KeptLetter>,
    /// `after` of the next page. None on the last one.
    pub next: Option<String>,
}

/// Which letters: by some fields, or `all` and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LetterSelection {
    /// The one with this ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Those of this source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<LetterSource>,
    /// Those with this text in their reason, or in why their last redrive was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Those stored before this time, in ms since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Every letter.
    #[serde(default)]
    pub all: bool,
    /// Where a redrive goes on: `after` of the answer before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9]{1,15}-.*$")))]
    pub after: Option<String>,
}

/// What a call redrove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RedriveAnswer {
    /// Letters that are gone.
    pub redriven: u64,
    /// Their events that are counted now.
    pub stored: u64,
    /// Their events that were counted before.
    pub absorbed: u64,
    /// Letters that stay.
    pub refused: u64,
    /// The first of them, with why.
    pub refusals: Vec<RefusedLetter>,
    /// Letters that match and were not tried yet: ask again with `after`.
    pub left: u64,
    /// Where the next call goes on. None where nothing is left.
    pub after: Option<String>,
}

/// What a call purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PurgeAnswer {
    /// Letters that are gone.
    pub purged: u64,
    /// Letters that still match: ask again.
    pub left: u64,
}
