//! Errors of the API, as RFC 9457 problem documents.

use worker::{Response, Result};

use model::access::throttle::WINDOW_MS;

/// An error that the client is told of: no internals, but what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// A short summary, the same for all of a kind.
    pub title: &'static str,
    /// What happened here, and the remedy.
    pub detail: String,
}

impl Problem {
    /// A parameter or body that can't be used.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self { status: 400, title: "Bad request", detail: detail.into() }
    }

    /// No such route or thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self { status: 404, title: "Not found", detail: detail.into() }
    }

    /// A store that can't be read now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self { status: 503, title: "Store unavailable", detail: detail.into() }
    }

    /// More than a client may ask for.
    pub fn too_many(detail: impl Into<String>) -> Self {
        Self { status: 429, title: "Too many requests", detail: detail.into() }
    }

    /// As a response.
    ///
    /// # Errors
    /// The platform's, if no response can be made.
    pub fn response(&self) -> Result<Response> {
        let body = serde_json::json!({
            "type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail,
        });
        let mut response = Response::ok(body.to_string())?.with_status(self.status);
        let headers = response.headers_mut();
        headers.set("Content-Type", "application/problem+json")?;
        headers.set("Cache-Control", "no-store")?;
        if self.status == 401 {
            headers.set("WWW-Authenticate", "Bearer")?;
        }
        if self.status == 429 {
            // Whatever the limit, it has passed by then.
            headers.set("Retry-After", &(WINDOW_MS / 1000).to_string())?;
        }
        Ok(response)
    }
}
