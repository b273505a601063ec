//! Vital signs of this isolate, on their way to the object that keeps those of all.
//!
//! Invariant: a report costs one request a minute and isolate, never delays a response, and its failure is no failure
//! of anything else.

use model::counting::grain::MINUTE_MS;
use model::operating::health::Job;
use model::operating::vitals::VitalsReport;

use crate::app::App;
use crate::objects::ask;

/// Time between two reports, in ms.
const PAUSE_MS: u64 = MINUTE_MS;

/// How long a report may take, in ms.
pub const DEADLINE_MS: u64 = 2_000;

/// Whether this isolate has not reported within the last minute.
pub fn is_due(app: &App, now_ms: u64) -> bool {
    now_ms.saturating_sub(app.isolate.reported_ms.get()) >= PAUSE_MS
}

/// Reports, unless this isolate has done so within the last minute.
pub async fn report_if_due(app: &App) {
    let now_ms = app.now_ms();
    if is_due(app, now_ms) {
        app.isolate.reported_ms.set(now_ms);
        report(app, Vec::new()).await;
    }
}

/// Reports at once, with the jobs that have run.
pub async fn report(app: &App, jobs: Vec<Job>) {
    let report = VitalsReport { isolate: app.isolate.name.to_string(), counts: app.counts(), jobs };
    if let Err(error) = ask::report(app, report, app.deadline(DEADLINE_MS)).await {
        app.error(format_args!("Vital signs are left for the next report: {error}"));
    }
}
