//! Why the collector's API gave no result, and what the operator can do about it.

use std::fmt;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Method, Response, StatusCode};
use serde::Deserialize;

use crate::error::CliError;
use crate::gateway::SendError;

/// Characters that are shown of an answer which is no problem document.
const SHOWN_CHARS: usize = 300;

/// A call without a result.
#[derive(Debug, thiserror::Error)]
#[error("{method} {route}: {cause}")]
pub struct CallError {
    method: Method,
    route: String,
    cause: Cause,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    /// No complete answer came.
    #[error(transparent)]
    Unanswered(SendError),
    /// The API said why not.
    #[error("{0}")]
    Refused(Problem),
    /// The answer is not what was asked for.
    #[error("it can't be read: {0}")]
    Unreadable(String),
    /// It was asked many times and is not at its end.
    #[error("it is not finished yet")]
    Unfinished,
}

/// A problem document (RFC 9457), or what came in its place.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    retry_after: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    detail: String,
}

impl Problem {
    pub(super) fn read(answer: &Response<Bytes>) -> Self {
        let detail = match serde_json::from_slice(answer.body()) {
            Ok(Document { detail }) => detail,
            Err(_) if answer.body().is_empty() => "no reason is given".into(),
            // Somebody in between, or no gateway at all.
            Err(_) => {
                let text = String::from_utf8_lossy(answer.body());
                text.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect()
            }
        };
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Self { status: answer.status(), detail, retry_after: retry_after.map(str::to_owned) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.status)
    }
}

impl Cause {
    pub(super) fn unreadable(error: &serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl CallError {
    pub(super) fn new(method: &Method, route: &str, cause: Cause) -> Self {
        Self { method: method.clone(), route: route.into(), cause }
    }

    /// Whether it may pass by itself: there was no answer, or a store was away.
    pub fn is_passing(&self) -> bool {
        match &self.cause {
            Cause::Unanswered(_) => true,
            Cause::Refused(problem) => problem.status.is_server_error() || problem.retry_after.is_some(),
            Cause::Unreadable(_) | Cause::Unfinished => false,
        }
    }

    fn remedy(&self) -> String {
        match &self.cause {
            Cause::Unanswered(error) if error.kind == "connect" => {
                "check --target, and that a gateway listens there".into()
            }
            Cause::Unanswered(_) if self.method == Method::GET => "try again".into(),
            Cause::Unanswered(_) => "it may have been done all the same: look with `pathctl flag get`".into(),
            Cause::Refused(Problem { retry_after: Some(seconds), .. }) => format!("try again in {seconds} s"),
            Cause::Refused(problem) => match problem.status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    "set PATHCTL_TOKEN to the value of the gateway's secret ADMIN_TOKEN"
                }
                StatusCode::NOT_FOUND => "check it, and that --target is a gateway with this API",
                StatusCode::CONFLICT => "nothing was changed; run the command again to start from what holds now",
                status if status.is_server_error() => {
                    "try again; `pathctl flag stop` needs neither history nor preview"
                }
                _ => "mend it and try again",
            }
            .into(),
            Cause::Unfinished => "run the command again: it goes on where it stood".into(),
            Cause::Unreadable(_) => "use a pathctl of the gateway's version, and check --target".into(),
        }
    }
}

impl From<CallError> for CliError {
    fn from(error: CallError) -> Self {
        Self::failed(format!("{} {}", error.method, error.route), &error.cause, error.remedy())
    }
}
