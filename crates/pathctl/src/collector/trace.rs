//! What each part knows of one ID, as the API gives it. Fields that an older gateway leaves out are none.

use model::event::identity::IdempotentId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CallError, Collector};
use crate::missing::Missing;

/// What is known of an ID.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The ID.
    pub idempotent_id: String,
    /// What could not be read.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// Events under it that the object holds; none if it could not be read.
    pub old: Option<Vec<Stored>>,
    /// Those that the database holds; none if it could not be read.
    pub new: Option<Vec<Stored>>,
    /// Repeats that dedup did not count again.
    pub absorbed: Option<Absorbed>,
    /// Messages with it that could not be applied.
    pub dead_letters: Option<Vec<Letter>>,
    /// The archived day that it belongs to.
    pub archive: Option<Archive>,
    /// Dead letters that were not looked into, because there are too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letters_not_searched: Option<u64>,
    /// Where details of its time are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Details>,
    /// All else that the gateway says.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

/// Where details of a time are, whether or not any part knows the ID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// `stores`, `archive`, `nowhere` or `future`.
    pub place: String,
    /// In words.
    pub note: String,
}

/// An event where it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// When it was stored, in ms.
    pub stored_at: u64,
    /// The event.
    pub event: Event,
}

/// An event, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Tells apart events of one ID, in hex.
    pub digest: String,
    /// When the request arrived, in ms.
    pub timestamp: u64,
    /// The normalised route.
    pub path: String,
    /// The method.
    pub method: String,
    /// The status.
    pub status: u16,
    /// Time until the upstream's headers, in ms.
    pub response_time: u64,
    /// Which stores it was meant for: `single`, `dual` or `fallback`.
    pub cohort: String,
    /// Version of the flag that sent it there.
    pub flag_version: u32,
    /// The isolate.
    pub producer: String,
    /// Its number in the isolate.
    pub seq: u64,
    /// All else.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

/// Repeats by store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absorbed {
    /// At the object.
    pub old: Option<u64>,
    /// At the consumer.
    pub new: Option<u64>,
}

/// A message, or an event of one, that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// Its ID.
    pub id: String,
    /// When it was set aside, in ms.
    pub received_at: u64,
    /// By what: `consumer` or `dlq`.
    pub source: String,
    /// Why.
    pub reason: String,
}

/// An archived day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// The day.
    pub day: Value,
    /// How far its archiving has come.
    pub state: Value,
}

impl Collector {
    /// What each part knows of an ID.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn trace(&self, id: IdempotentId) -> Result<Trace, CallError> {
        self.get(&format!("trace/{id}")).await
    }
}
