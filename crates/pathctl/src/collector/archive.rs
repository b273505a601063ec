//! The archive's part of the API.

use bytes::Bytes;
use model::archive::manifest::Manifest;
use serde::{Deserialize, Serialize};

use super::{CallError, Collector};

/// A day, as it is listed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedDay {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// `writing`, `checking` or `done`.
    pub state: String,
    /// Parts so far.
    pub parts: u64,
    /// Events in them.
    pub rows: u64,
    /// Second copies, in the other store, that were left out.
    pub twins: u64,
    /// Length of the parts.
    pub bytes: u64,
    /// When it was begun, in ms.
    pub started_at: u64,
    /// When it was done, in ms.
    pub done_at: Option<u64>,
}

/// Days in the archive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Days {
    /// Whether a bucket is bound.
    pub bound: bool,
    /// The days, the newest first.
    pub days: Vec<ListedDay>,
}

impl Collector {
    /// The newest days.
    ///
    /// # Errors
    /// As each of these calls: [`CallError`].
    pub async fn archive_days(&self) -> Result<Days, CallError> {
        self.get("archive").await
    }

    /// A day's manifest.
    pub async fn manifest(&self, day: &str) -> Result<Manifest, CallError> {
        self.get(&format!("archive/{day}")).await
    }

    /// A day's part, compressed.
    pub async fn archive_part(&self, day: &str, name: &str) -> Result<Bytes, CallError> {
        self.get_bytes(&format!("archive/{day}/{name}")).await
    }
}
