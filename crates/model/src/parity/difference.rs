//! A difference between the stores: which event, in what, and why if that is known.

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::event::identity::{Digest, IdempotentId};

/// How the stores differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// The old store has it, the new one does not.
    OnlyOld,
    /// The new store has it, the old one does not.
    OnlyNew,
    /// Both have it, with different values.
    ValueDiffers,
    /// A store counts it more than once: it holds copies that dedup should have absorbed. Never healthy, whatever the
    /// other store has.
    CountedTwice,
}

/// Why, where there is evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceReason {
    /// A copy came by this path as a fallback: the producer saw the write to the other one fail.
    Fallback,
    /// It is in a dead letter.
    DeadLettered,
    /// It may still be on its way: the new store has nothing as recent yet, and the event is young enough.
    Queued,
    /// The client sent it twice, and the stores kept different ones of the pair. Healthy: it counts once in both.
    Repeat,
}

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldDifference {
    /// Name of the field.
    pub field: String,
    /// What the old store has.
    pub old: String,
    /// What the new store has.
    pub new: String,
}

/// One event in which the stores differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Its ID.
    pub idempotent_id: IdempotentId,
    /// Its digest.
    pub digest: Digest,
    /// Its route.
    pub path: String,
    /// When the request arrived, in ms.
    pub timestamp: u64,
    /// How the stores differ.
    pub kind: DifferenceKind,
    /// Why, if that is known.
    pub reason: Option<DifferenceReason>,
    /// The values that differ, if both stores have it. If a store counts it twice, how many `copies` each store counts.
    pub fields: Vec<FieldDifference>,
}

impl Difference {
    pub(super) fn of(
        told: &Event,
        kind: DifferenceKind,
        reason: Option<DifferenceReason>,
        fields: Vec<FieldDifference>,
    ) -> Self {
        Self {
            idempotent_id: told.idempotent_id,
            digest: told.digest,
            path: told.path.clone(),
            timestamp: told.timestamp,
            kind,
            reason,
            fields,
        }
    }
}
