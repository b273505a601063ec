//! Parity's part of the API.

use http::Method;
use model::parity::report::Report;
use model::parity::window::{Kind, Window};
use serde::Deserialize;
use serde_json::json;

use super::problem::Cause;
use super::{CallError, Collector};

/// Runs of one comparison before it is given up: each looks into two hours of minutes that differ, so that this many
/// are more than the longest window needs.
const MAX_RUNS: usize = 50;

/// What a run answers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Done(Box<Report>),
    #[serde(rename_all = "camelCase")]
    Interrupted {
        minutes_left: u64,
    },
}

#[derive(Deserialize)]
struct Reports {
    reports: Vec<Report>,
}

/// What the comparator's test of itself came to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SelfTest {
    /// Whether each report found exactly what was injected.
    pub passed: bool,
    /// Where it did not.
    pub failures: Vec<String>,
    /// Before the delayed events arrived.
    pub first: Report,
    /// After.
    pub second: Report,
    /// Windows in each of which one thing went wrong.
    pub worlds: Vec<WorldReport>,
}

/// The report on a window in which one thing went wrong.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WorldReport {
    /// Name of the fault.
    pub name: String,
    /// The report.
    pub report: Report,
}

impl Collector {
    /// Compares both stores over a window; tells of minutes that are left after each run.
    ///
    /// # Errors
    /// [`CallError`]. Repeating is harmless.
    pub async fn run_parity(&self, window: Window, left: impl Fn(u64)) -> Result<Report, CallError> {
        let route = format!("parity/run?window={window}");
        let mut answer = self.send(Method::POST, &route, &json!({}), None).await?;
        for _ in 0..MAX_RUNS {
            match answer {
                Answer::Done(report) => return Ok(*report),
                Answer::Interrupted { minutes_left } => left(minutes_left),
            }
            answer = self.send(Method::POST, &route, &json!({}), None).await?;
        }
        Err(CallError::new(&Method::POST, &route, Cause::Unfinished))
    }

    /// The stored report on a window.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn parity_report(&self, window: Window) -> Result<Report, CallError> {
        self.get(&format!("parity/{window}")).await
    }

    /// The newest reports of a kind, without differences, routes and gaps.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn parity_reports(&self, kind: Kind, limit: u8) -> Result<Vec<Report>, CallError> {
        let route = format!("parity?kind={}&limit={limit}", kind.name());
        Ok(self.get::<Reports>(&route).await?.reports)
    }

    /// Has the comparator test itself.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn parity_selftest(&self) -> Result<SelfTest, CallError> {
        self.send(Method::POST, "parity/selftest", &json!({}), None).await
    }
}
