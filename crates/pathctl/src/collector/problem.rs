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
            Cause::Unanswered(_) => self.when_unanswered().into(),
            Cause::Refused(problem) => self.when_refused(problem),
            Cause::Unfinished => "run the command again: it goes on where it stood".into(),
            Cause::Unreadable(_) => "use a pathctl of the gateway's version, and check --target".into(),
        }
    }

    /// The call may have been carried out.
    fn when_unanswered(&self) -> &'static str {
        match self.subject() {
            Subject::Flag if !self.reads() => "it may have been done all the same: look with `pathctl flag get`",
            Subject::Other if !self.reads() => "it may have been done all the same: look before you repeat it",
            Subject::Parity => "try again: a comparison goes on where it stood",
            _ => "try again",
        }
    }

    fn when_refused(&self, problem: &Problem) -> String {
        if let Some(seconds) = &problem.retry_after {
            return format!("try again in {seconds} s");
        }
        match (problem.status, self.subject()) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) if self.reads() => {
                "set PATHCTL_TOKEN to the value of the gateway's secret READ_TOKEN or ADMIN_TOKEN"
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                "set PATHCTL_TOKEN to the value of the gateway's secret ADMIN_TOKEN: READ_TOKEN only reads"
            }
            (StatusCode::NOT_FOUND, Subject::Parity) => {
                "compare with `pathctl parity run`, or see which windows have a report with `pathctl parity list`"
            }
            (StatusCode::NOT_FOUND, _) => "check it, and that --target is a gateway with this API, of this version",
            (StatusCode::METHOD_NOT_ALLOWED, _) => "use a pathctl of the gateway's version",
            (StatusCode::CONFLICT, Subject::Flag) => {
                "nothing was changed; run the command again to start from what holds now"
            }
            (StatusCode::CONFLICT, _) => "somebody else was faster: look at what is there now, then run it again",
            (StatusCode::TOO_MANY_REQUESTS, _) => "wait a minute, then try again",
            (status, Subject::Flag) if status.is_server_error() => {
                "try again; `pathctl flag stop` needs neither history nor preview"
            }
            (status, Subject::Parity) if status.is_server_error() => "try again: a comparison goes on where it stood",
            (status, _) if status.is_server_error() && self.reads() => {
                "try again; counting goes on meanwhile, only reading does not"
            }
            (status, _) if status.is_server_error() => "try again",
            _ => "mend it and try again",
        }
        .into()
    }

    fn reads(&self) -> bool {
        self.method == Method::GET
    }

    fn subject(&self) -> Subject {
        match self.route.split(['/', '?']).next() {
            Some("flag") => Subject::Flag,
            Some("parity") => Subject::Parity,
            _ => Subject::Other,
        }
    }
}

/// What a call is about: what helps depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// The flag.
    Flag,
    /// Comparisons, which may be repeated at no harm.
    Parity,
    /// All else.
    Other,
}

impl From<CallError> for CliError {
    fn from(error: CallError) -> Self {
        Self::failed(format!("{} {}", error.method, error.route), &error.cause, error.remedy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: &Method, route: &str, status: u16, retry_after: Option<&str>) -> String {
        let problem = Problem {
            status: StatusCode::from_u16(status).unwrap(),
            detail: "no".into(),
            retry_after: retry_after.map(str::to_owned),
        };
        CallError::new(method, route, Cause::Refused(problem)).remedy()
    }

    #[test]
    fn a_remedy_fits_what_was_asked() {
        for (method, route, status, part) in [
            (Method::GET, "stats?range=1h", 401, "READ_TOKEN or ADMIN_TOKEN"),
            (Method::PUT, "flag", 403, "ADMIN_TOKEN: READ_TOKEN only reads"),
            (Method::GET, "parity/hour:0", 404, "pathctl parity run"),
            (Method::GET, "metrics", 404, "gateway with this API"),
            (Method::PUT, "flag", 409, "what holds now"),
            (Method::POST, "dead-letters/redrive", 409, "somebody else"),
            (Method::GET, "stats", 429, "wait a minute"),
            (Method::PUT, "flag", 503, "pathctl flag stop"),
            (Method::POST, "parity/run?window=hour:0", 503, "goes on where it stood"),
            (Method::GET, "stats", 503, "counting goes on"),
            (Method::GET, "stats?sort=x", 400, "mend it"),
        ] {
            let remedy = refused(&method, route, status, None);
            assert!(remedy.contains(part), "{method} {route} {status}: {remedy}");
            assert!(route.starts_with("flag") || !remedy.contains("flag"), "{route} {status}: {remedy}");
            assert_eq!(refused(&method, route, status, Some("7")), "try again in 7 s");
        }
    }

    #[test]
    fn without_an_answer_only_a_change_may_have_been_made() {
        let lost = |method: &Method, route| {
            let cause = Cause::Unanswered(SendError { kind: "timeout", reason: String::new() });
            CallError::new(method, route, cause).remedy()
        };
        assert_eq!(lost(&Method::GET, "stats"), "try again");
        assert!(lost(&Method::PUT, "flag").contains("pathctl flag get"));
        assert!(lost(&Method::POST, "parity/run").contains("goes on"));
        assert!(lost(&Method::POST, "dead-letters/purge").contains("look before"));
    }
}
