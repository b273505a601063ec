//! Errors of the API, as RFC 9457 problem documents.

use model::error::InputError;
use serde::{Deserialize, Serialize};

/// An error that the client is told of: no internals, but what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// Always `about:blank`: the title says of which kind it is.
    #[serde(rename = "type", default = "about_blank")]
    #[cfg_attr(feature = "schema", schemars(extend("const" = "about:blank")))]
    pub kind: String,
    /// A short summary, the same for all of a kind.
    pub title: String,
    /// HTTP status.
    #[cfg_attr(feature = "schema", schemars(range(min = 400, max = 599)))]
    pub status: u16,
    /// What happened here, and the remedy.
    pub detail: String,
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

impl From<InputError> for Problem {
    fn from(error: InputError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl Problem {
    /// Of any kind.
    pub fn new(status: u16, title: &str, detail: impl Into<String>) -> Self {
        Self { kind: about_blank(), title: title.to_owned(), status, detail: detail.into() }
    }

    /// A parameter or body that can't be used.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(400, "Bad request", detail)
    }

    /// No such route or thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "Not found", detail)
    }

    /// A store that can't be read now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(503, "Store unavailable", detail)
    }

    /// More than a client may ask for.
    pub fn too_many(detail: impl Into<String>) -> Self {
        Self::new(429, "Too many requests", detail)
    }
}
