//! `parity`: reports, and comparing on demand.

use serde_json::value::RawValue;

use model::parity::selftest::SelfTestOutcome;
use model::parity::window::Window;
use model::reading::missing::MissingPart;
use store::parity::compare;
use store::sql::StoreError;

use super::{runs, selftest};
use crate::app::App;
use crate::error::Error;
use api::parameters::{KIND, REPORTS, WINDOW};
use api::parity::{ReportsAnswer, RunAnswer};
use api::url::Query;

/// `GET parity?kind=hour|day|range&limit=N`.
///
/// # Errors
/// [`Error`].
pub async fn list(query: &Query, app: &App) -> Result<ReportsAnswer<Box<RawValue>>, Error> {
    let (kind, limit) = (KIND.of(query)?, REPORTS.of(query)?);
    let kept = runs::reports_until(app, app.read_deadline()).map_err(|error| unreported(app, error))?;
    let reports = kept.newest(kind, limit).await.map_err(|error| unreported(app, error))?;
    Ok(ReportsAnswer { reports: reports.into_iter().map(|text| raw(app, text)).collect::<Result<_, _>>()? })
}

/// `GET parity/{window}`: the newest revision in full.
///
/// # Errors
/// [`Error`].
pub async fn read(text: &str, app: &App) -> Result<Box<RawValue>, Error> {
    let window = window(text)?;
    let kept = runs::reports_until(app, app.read_deadline()).map_err(|error| unreported(app, error))?;
    let report = kept.body(window).await.map_err(|error| unreported(app, error))?;
    let missing = || Error::missing(format!("there is no report on {window}; POST parity/run makes one"));
    raw(app, report.ok_or_else(missing)?)
}

/// Reports are in D1 alone: without it there is nothing to answer with.
#[allow(clippy::needless_pass_by_value)] // it is given to `map_err`
fn unreported(app: &App, error: StoreError) -> Error {
    app.unanswered(MissingPart::Parity, &error)
}

/// A report as it was stored.
fn raw(app: &App, text: String) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(text).map_err(|error| app.unreadable(error))
}

/// `POST parity/run?window=…`.
///
/// # Errors
/// [`Error`].
pub async fn run(query: &Query, app: &App) -> Result<RunAnswer, Error> {
    let window = window(WINDOW.of(query)?.unwrap_or_default())?;
    match runs::run(app, window).await {
        Ok(compare::ComparisonRun::Done(report)) => Ok(RunAnswer::Done(report)),
        Ok(compare::ComparisonRun::Refused(detail)) => Err(Error::conflict(detail)),
        Ok(compare::ComparisonRun::Interrupted(minutes_left)) => {
            Ok(RunAnswer::Interrupted { minutes_left: minutes_left as u64 })
        }
        Err(StoreError::Conflict) => {
            let detail = "events of the window arrived meanwhile: try again".to_owned();
            Err(Error::conflict(detail))
        }
        Err(error) => Err(app.unreadable(error)),
    }
}

/// `POST parity/selftest`.
///
/// # Errors
/// [`Error`].
pub async fn selftest(app: &App) -> Result<SelfTestOutcome, Error> {
    selftest::run(app).await.map_err(|error| app.unreadable(error))
}

fn window(text: &str) -> Result<Window, Error> {
    Ok(Window::parse(text)?)
}
