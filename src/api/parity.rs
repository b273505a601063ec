//! `parity`: reports, and comparing on demand.

use serde::Serialize;
use serde_json::value::RawValue;
use worker::Env;

use crate::config::Config;
use crate::deadline::{self, Deadline};
use crate::problem::Problem;
use crate::query::parameter;
use crate::{parity, parity_selftest};
use model::parity::report::Report;
use model::parity::selftest::Outcome;
use model::parity::window::{Kind, Window};
use model::reading::missing::Part;
use store::parity::compare;
use store::sql::StoreError;

use super::stats::{nothing_is_readable, unreadable};

/// Most reports that one read shows; they come without differences, routes and gaps, which a window's own report has.
const SHOWN: u64 = 200;

/// Reports, newest first.
#[derive(Serialize)]
pub struct ReportList {
    reports: Vec<Box<RawValue>>,
}

/// What a run came to.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// The report.
    Done(Box<Report>),
    /// It is not finished: ask again.
    #[serde(rename_all = "camelCase")]
    Interrupted {
        /// Minutes that are still to be looked into.
        minutes_left: usize,
    },
}

/// `GET parity?kind=hour|day|range&limit=N`.
pub async fn list(url: &str, env: &Env, config: &Config) -> Result<ReportList, Problem> {
    let kind = parameter(url, "kind").map_or(Some(Kind::Hour), |name| Kind::named(&name));
    let kind = kind.ok_or_else(|| Problem::bad_request("`kind`: give hour, day or range"))?;
    let limit = parameter(url, "limit").map_or(Ok(24), |text| text.parse());
    let limit = limit.ok().filter(|limit| (1..=SHOWN).contains(limit));
    let limit = limit.ok_or_else(|| Problem::bad_request(format!("`limit`: give a number from 1 to {SHOWN}")))?;
    let kept = parity::reports_until(env, Deadline::to_read(config)).map_err(unreported)?;
    let reports = kept.newest(kind, limit).await.map_err(unreported)?;
    Ok(ReportList { reports: reports.into_iter().map(raw).collect::<Result<_, _>>()? })
}

/// `GET parity/{window}`: the newest revision, whole.
pub async fn read(text: &str, env: &Env, config: &Config) -> Result<Box<RawValue>, Problem> {
    let window = window(text)?;
    let kept = parity::reports_until(env, Deadline::to_read(config)).map_err(unreported)?;
    let report = kept.body(window).await.map_err(unreported)?;
    let missing = || Problem::not_found(format!("there is no report on {window}; POST parity/run makes one"));
    raw(report.ok_or_else(missing)?)
}

/// Reports are in D1 alone: without it there is nothing to answer with.
#[allow(clippy::needless_pass_by_value)] // it is given to `map_err`
fn unreported(error: StoreError) -> Problem {
    nothing_is_readable(&[deadline::missing(Part::Parity, &error)])
}

/// A report as it was stored.
fn raw(text: String) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(text).map_err(unreadable)
}

/// `POST parity/run?window=…`.
pub async fn run(url: &str, env: &Env, config: &Config) -> Result<Answer, Problem> {
    let window = window(&parameter(url, "window").unwrap_or_default())?;
    match parity::run(env, config, window).await {
        Ok(compare::Run::Done(report)) => Ok(Answer::Done(report)),
        Ok(compare::Run::Refused(detail)) => Err(Problem { status: 409, title: "Conflict", detail }),
        Ok(compare::Run::Interrupted(minutes_left)) => Ok(Answer::Interrupted { minutes_left }),
        Err(StoreError::Conflict) => {
            let detail = "events of the window arrived meanwhile: try again".to_owned();
            Err(Problem { status: 409, title: "Conflict", detail })
        }
        Err(error) => Err(unreadable(error)),
    }
}

/// `POST parity/selftest`.
pub async fn selftest(env: &Env, config: &Config) -> Result<Outcome, Problem> {
    parity_selftest::run(env, config).await.map_err(unreadable)
}

fn window(text: &str) -> Result<Window, Problem> {
    Window::parse(text).map_err(|error| Problem::bad_request(error.to_string()))
}
