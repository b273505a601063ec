//! Comparing the two paths: by cron, and on demand.
//!
//! Invariants: a report on a closed window is stored before anything is done about it; the guard acts through the same
//! change as a person, at most once per report.

use model::counting::grain::PROOF_MS;
use model::flag::change::ChangeAuthor;
use model::parity::filed_report::FiledReport;
use model::parity::guard;
use model::parity::schedule;
use model::parity::verdict::Verdict;
use model::parity::window::{Window, WindowKind};
use model::time::rfc3339;
use store::parity::compare::{ComparisonRun, ComparisonSettings};
use store::parity::comparer::Comparer;
use store::parity::reports::{ReportBasis, Reports};
use store::parity::side::ParityStore;
use store::sql::StoreError;

use crate::app::App;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::flag::admin;
use crate::folding::fold;
use crate::objects::all::Collectors;

/// Windows that one cron run compares; the next minute's run goes on with the rest.
const MAX_WINDOWS: usize = 3;

/// How long reports are kept, in ms.
const KEEP_REPORTS_MS: u64 = 400 * 24 * 60 * 60 * 1000;

/// The stored reports.
///
/// # Errors
/// When the database is not bound.
pub fn reports(app: &App) -> Result<Reports, StoreError> {
    app.new_store().map(Reports::new)
}

/// The stored reports, with this deadline for reading.
///
/// # Errors
/// When the database is not bound.
pub fn reports_until(app: &App, deadline: Deadline) -> Result<Reports, StoreError> {
    app.new_store_until(deadline).map(Reports::new)
}

/// How a window of this kind is judged.
fn settings(app: &App, kind: WindowKind) -> ComparisonSettings {
    let limit_ppm = match kind {
        WindowKind::Day => app.config.parity_limit_ppm.day,
        WindowKind::Hour | WindowKind::Range => app.config.parity_limit_ppm.hour,
    };
    ComparisonSettings { id_window_ms: app.config.window_ms, lag_ms: app.config.parity_lag_ms, limit_ppm }
}

/// Compares two stores over a window, as far as one run gets. Writes nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn look_at(
    old: &dyn ParityStore,
    new: &dyn ParityStore,
    app: &App,
    window: Window,
    settings: ComparisonSettings,
) -> Result<ComparisonRun, StoreError> {
    let kept = reports(app)?;
    Comparer { old, new, kept: &kept }.look(window, app.now_ms(), settings).await
}

/// Compares both paths over a window, as far as one run gets. Writes nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn look(app: &App, window: Window) -> Result<ComparisonRun, StoreError> {
    let (old, new) = (Collectors { app }, app.event_reader(Deadline::BACKGROUND)?);
    look_at(&old, &new, app, window, settings(app, window.kind)).await
}

/// Compares both paths over a window, and stores the report if the window is closed.
///
/// # Errors
/// [`StoreError`]. Repeating is harmless.
pub async fn run(app: &App, window: Window) -> Result<ComparisonRun, StoreError> {
    let now_ms = app.now_ms();
    let (old, new) = (Collectors { app }, app.event_store()?);
    // What is folded is answered from sums.
    if let Err(error) = fold(&new, now_ms).await {
        app.error(format_args!("Folding is left for later: {error}"));
    }
    let kept = reports(app)?;
    let comparer = Comparer { old: &old, new: &*new, kept: &kept };
    let report = match comparer.run(window, now_ms, settings(app, window.kind)).await? {
        ComparisonRun::Done(report) if window.is_closed(now_ms, app.config.parity_lag_ms) => report,
        run => return Ok(run),
    };
    // A crash before this: the next run makes the same report.
    let report = kept.store(*report).await?;
    app.note(format_args!("Parity {window}: {}, {}", report.total.verdict.name(), report.summary));
    // A crash before this: the next cron asks the guard again.
    act(app, &report.filed()).await;
    Ok(ComparisonRun::Done(Box::new(report)))
}

/// Runs every minute: compares closed windows, and from time to time windows that may have changed
/// (`crates/model/src/parity/schedule.rs`).
///
/// # Errors
/// [`StoreError`]. The next run continues.
pub async fn scheduled(app: &App) -> Result<(), StoreError> {
    let now_ms = app.now_ms();
    let left = app.isolate.parity_left.take();
    let look = schedule::look(now_ms).or(left);
    let (mut budget, mut first_error) = (MAX_WINDOWS, None);
    for kind in [WindowKind::Hour, WindowKind::Day] {
        let Some(newest) = schedule::newest(kind, now_ms, app.config.parity_lag_ms) else { continue };
        let filed = reports(app)?.latest(newest).await?;
        if let Some(report) = &filed {
            // The run that stored it may have ended before the guard was asked.
            act(app, report).await;
        }
        let windows = match look {
            Some(look) => schedule::windows(kind, look, now_ms, app.config.parity_lag_ms),
            None if filed.is_none() => vec![newest],
            None => Vec::new(),
        };
        for window in due(app, &windows).await? {
            if budget == 0 {
                app.isolate.parity_left.set(look);
                break;
            }
            budget -= 1;
            match run(app, window).await {
                Ok(ComparisonRun::Refused(reason)) => {
                    app.error(format_args!("Parity {window} is not compared: {reason}"));
                }
                Ok(ComparisonRun::Done(_)) => {}
                Ok(ComparisonRun::Interrupted(_)) => app.isolate.parity_left.set(look),
                Err(error) => {
                    app.error(format_args!("Parity {window} is left for a later run: {error}"));
                    // That events came meanwhile is nobody's fault.
                    first_error = first_error.or((error != StoreError::Conflict).then_some(error));
                }
            }
        }
    }
    let kept = reports(app)?;
    kept.prune(now_ms.saturating_sub(PROOF_MS), now_ms.saturating_sub(KEEP_REPORTS_MS)).await?;
    first_error.map_or(Ok(()), Err)
}

/// Those of some adjoining windows that are to be compared: first those of which the stores don't say what their reports
/// were made of, then those that something besides the stores may explain by now; of each the newest first.
async fn due(app: &App, windows: &[Window]) -> Result<Vec<Window>, StoreError> {
    let (Some(first), Some(last)) = (windows.first(), windows.last()) else { return Ok(Vec::new()) };
    let (old, new) = (Collectors { app }, app.event_reader(Deadline::BACKGROUND)?);
    let kept = reports(app)?;
    let comparer = Comparer { old: &old, new: &new, kept: &kept };
    let overview = comparer.overview(first.from, last.to, app.config.window_ms).await?;
    let known = kept.fingerprints(first.kind.name(), first.from, last.to).await?;
    let newest_letter_at = kept.newest_letter_at().await?;
    let has_changed = |window: &&Window| match known.get(&window.from) {
        None => !overview.is_empty(**window),
        Some(made_of) => made_of.fingerprint != overview.fingerprint(window.from, window.to),
    };
    let (changed, same): (Vec<&Window>, Vec<&Window>) = windows.iter().rev().partition(has_changed);
    let may_be_explained = |window: &&Window| {
        let letter_came = |made_of: &ReportBasis| made_of.is_open && newest_letter_at >= made_of.computed_at;
        known.get(&window.from).is_some_and(|made_of| made_of.is_pending || letter_came(made_of))
    };
    Ok(changed.into_iter().chain(same.into_iter().filter(may_be_explained)).copied().collect())
}

/// Does what the guard says of a report.
async fn act(app: &App, report: &FiledReport) {
    if report.verdict != Verdict::Fail {
        return;
    }
    let changes = match admin::newest(app, guard::CHANGES).await {
        Ok(changes) => changes,
        Err(problem) => return app.error(format_args!("The guard can't read the flag: {problem}")),
    };
    let since = guard::in_force_since(changes.iter().map(|change| (change.changed_at, &*change.document.updated_by)));
    let (Some(newest), Some(since)) = (changes.first(), since) else { return };
    let Some(reason) = guard::reason_to_stop(report, &newest.document, since) else { return };
    if let Err(problem) = stop_once(app, reason).await {
        app.error(format_args!("The guard could not stop: {problem}; it tries again in a minute"));
    }
}

async fn stop_once(app: &App, reason: String) -> Result<(), Error> {
    if admin::was_changed_for(app, guard::AUTHOR, &reason).await.map_err(|error| app.unreadable(error))? {
        return Ok(());
    }
    let author = ChangeAuthor { by: guard::AUTHOR.to_owned(), reason, at: rfc3339(app.now_ms()) };
    match admin::roll_back_to_old(app, author).await {
        // While a stop holds, nothing moves that the guard would move back.
        Ok(_) | Err(Error::Stopped(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
