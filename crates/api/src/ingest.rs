//! `POST events`: requests that another Worker, or whoever has logs, observed.

use model::event::identity::IdempotentId;
use serde::{Deserialize, Serialize};

/// Most requests of one batch.
pub const MAX_REQUESTS: usize = 500;

/// Longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 128;

/// Longest path, in bytes: what the platform takes as a whole URL.
pub const MAX_PATH_BYTES: usize = 16_384;

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IngestBatch<R = ReportedRequest> {
    /// Requests, in any order.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_REQUESTS)))]
    pub requests: Vec<R>,
}

/// One request, as whoever served it observed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportedRequest {
    /// What tells the request apart, such as its ray: reported twice under one key, it counts once.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_KEY_BYTES)))]
    pub key: String,
    /// Method.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = model::event::MAX_METHOD_BYTES)))]
    pub method: String,
    /// Path as it arrived. A query or fragment is cut off.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PATH_BYTES), regex(pattern = "^/")))]
    pub path: String,
    /// Response status.
    #[cfg_attr(feature = "schema", schemars(range(min = 100, max = 599)))]
    pub status: u16,
    /// When the request arrived, in ms since 1970.
    pub started_at: u64,
    /// Time until the response's headers, in ms.
    pub response_time: u32,
    /// The client's address, IPv4 or IPv6. It is hashed, and neither stored nor logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IngestAnswer {
    /// Requests that count, unless they were counted before.
    pub accepted: u64,
    /// Requests that are in the batch more than once, but for the first of each.
    pub repeated: u64,
    /// Requests that can't be counted.
    pub refused: u64,
    /// What became of each, in the batch's order.
    pub results: Vec<ReportedOutcome>,
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum ReportedOutcome {
    /// It counts, unless it was counted before: stores tell that, not this answer.
    Accepted {
        /// Its ID.
        id: IdempotentId,
    },
    /// It is in the batch before.
    Repeated {
        /// Its ID.
        id: IdempotentId,
    },
    /// It can't be counted.
    Refused {
        /// The field, what is wrong with it, and the remedy.
        reason: String,
    },
}
