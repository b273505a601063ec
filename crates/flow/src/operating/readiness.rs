//! `GET readiness`: whether the plan's next phase may begin.
//!
//! Invariant: it only reads. It doesn't store what its comparisons find, and it folds nothing.

use futures_util::future::{join, join3};

use model::counting::grain::{DAY_MS, HOUR_MS, MINUTE_MS};
use model::operating::readiness::{self, DAYS, LastHour, ReadinessFacts};
use model::parity::window::{Window, WindowKind};
use store::parity::compare::ComparisonRun;
use store::sql::StoreError;

use crate::app::App;
use crate::parity::runs;
use crate::reading::stores;
use api::readiness::ReadinessAnswer;

/// Events of each store that are looked up by their ID.
const TRACED: usize = 3;

/// Time whose events are sampled, in ms.
const SAMPLED_MS: u64 = 10 * MINUTE_MS;

/// Gathers the facts and judges them. A fact that can't be read is unknown.
pub async fn read(app: &App) -> ReadinessAnswer {
    let now_ms = app.now_ms();
    let deadline = app.read_deadline();
    let (days, dead_events, hour) = join3(
        app.until(deadline, days(app)),
        app.until(deadline, dead_events(app, now_ms)),
        app.until(deadline, Box::pin(last_hour(app, now_ms))),
    )
    .await;
    let facts = ReadinessFacts {
        days: known(app, days).unwrap_or_default(),
        dead_events: known(app, dead_events),
        hour: known(app, hour),
    };
    let criteria = readiness::criteria(&facts);
    ReadinessAnswer { ready: readiness::is_ready(&criteria), computed_at: now_ms, criteria }
}

fn known<T>(app: &App, read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| app.error(format_args!("Readiness: {error}"))).ok()
}

async fn days(app: &App) -> Result<Vec<readiness::ReportedDay>, StoreError> {
    runs::reports(app)?.days(DAYS as u64).await
}

async fn dead_events(app: &App, now_ms: u64) -> Result<u64, StoreError> {
    let since = now_ms.saturating_sub(DAYS as u64 * DAY_MS);
    Ok(runs::reports(app)?.evidence(since).await?.events())
}

async fn last_hour(app: &App, now_ms: u64) -> Result<LastHour, StoreError> {
    let to = now_ms.next_multiple_of(MINUTE_MS);
    let window = Window { kind: WindowKind::Range, from: to - HOUR_MS, to };
    let (run, traced) = join(runs::look(app, window), traced(app, window)).await;
    let report = match run? {
        ComparisonRun::Done(report) => report,
        ComparisonRun::Interrupted(_) => {
            return Err(StoreError::Unavailable("the last hour differs in too many minutes".to_owned()));
        }
        ComparisonRun::Refused(reason) => return Err(StoreError::Unavailable(reason)),
    };
    let tally = &report.total.tally;
    Ok(LastHour {
        arrived: report.loss.arrived,
        compared: report.total.union,
        outstanding: tally.only_old + tally.queued + report.loss.missing,
        counted_twice: report.old.counted_twice + report.new.counted_twice,
        absorbed: report.old.absorbed + report.new.absorbed,
        traced: traced?,
    })
}

/// How many of a few events were looked up by their ID, and found.
async fn traced(app: &App, window: Window) -> Result<(u64, u64), StoreError> {
    let deadline = app.read_deadline();
    let (old, new) = stores::events(app, window.to.saturating_sub(SAMPLED_MS), window.to, deadline).await;
    let ((old, _), (new, _)) = (old.whole()?, new.whole()?);
    let (mut looked_up, mut found) = (0, 0);
    for event in old.iter().take(TRACED).chain(new.iter().take(TRACED)) {
        let (old, new) = stores::trace(app, event.idempotent_id, deadline).await;
        let stored = [old.whole()?.stored, new.whole()?.stored].concat();
        looked_up += 1;
        found += u64::from(stored.iter().any(|(stored, _)| stored.digest == event.digest));
    }
    Ok((looked_up, found))
}
