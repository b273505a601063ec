//! Why the collector's API refused, and what the operator can do about it.

use std::fmt;

use api::problem::Problem;
use ureq::http::StatusCode;
use ureq::http::header::RETRY_AFTER;
use ureq::http::response::Parts;

/// Characters that are shown of an answer which is no problem document.
const SHOWN_CHARS: usize = 300;

/// A problem document (RFC 9457), or what came in its place.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    detail: String,
    retry_after: Option<String>,
}

impl Refusal {
    /// Reads an answer that is no success.
    pub fn read(head: &Parts, body: &[u8]) -> Self {
        let detail = match serde_json::from_slice(body) {
            Ok(Problem { detail, .. }) => detail,
            Err(_) if body.is_empty() => "no reason is given".into(),
            // Somebody in between, or no gateway at all.
            Err(_) => String::from_utf8_lossy(body).chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect(),
        };
        let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self { status: head.status, detail, retry_after }
    }

    /// Whether it may pass by itself.
    pub const fn is_passing(&self) -> bool {
        self.retry_after.is_some() || self.status.as_u16() >= 500
    }

    /// What helps, by whether the call only read, and by what it was about: the first part of its route.
    pub fn remedy(&self, reads: bool, subject: &str) -> String {
        if let Some(seconds) = &self.retry_after {
            return format!("try again in {seconds} s");
        }
        let remedy = match (self.status.as_u16(), subject) {
            (401 | 403, _) if reads => {
                "set PATHCTL_TOKEN to the value of the gateway's secret READ_TOKEN or ADMIN_TOKEN"
            }
            (401 | 403, _) => {
                "set PATHCTL_TOKEN to the value of the gateway's secret ADMIN_TOKEN: READ_TOKEN only reads"
            }
            (404, "parity") => {
                "compare with `pathctl parity run`, or see which windows have a report with `pathctl parity list`"
            }
            (404 | 405, _) => "check it, and that --target is a gateway with this API, of this version",
            (409, _) => "nothing was changed; run the command again to start from what holds now",
            (429, _) => "wait a minute, then try again",
            (500.., "flag") => "try again; `pathctl flag stop` needs neither history nor preview",
            (500.., "parity") => "try again: a comparison goes on where it stood",
            (500.., _) if reads => "try again; counting goes on meanwhile, only reading does not",
            (500.., _) => "try again",
            _ => "mend it and try again",
        };
        remedy.into()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_fits_what_was_asked() {
        for (reads, subject, status, part) in [
            (true, "stats", 401, "READ_TOKEN or ADMIN_TOKEN"),
            (false, "flag", 403, "ADMIN_TOKEN: READ_TOKEN only reads"),
            (true, "parity", 404, "pathctl parity run"),
            (true, "metrics", 404, "gateway with this API"),
            (false, "flag", 409, "what holds now"),
            (true, "stats", 429, "wait a minute"),
            (false, "flag", 503, "pathctl flag stop"),
            (false, "parity", 503, "goes on where it stood"),
            (true, "stats", 503, "counting goes on"),
            (true, "stats", 400, "mend it"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let refusal = Refusal { status, detail: "no".into(), retry_after: None };
            let remedy = refusal.remedy(reads, subject);
            assert!(remedy.contains(part), "{subject} {status}: {remedy}");
            assert!(subject == "flag" || !remedy.contains("flag"), "{subject} {status}: {remedy}");
            let later = Refusal { retry_after: Some("7".into()), ..refusal };
            assert_eq!(later.remedy(reads, subject), "try again in 7 s");
        }
    }
}
