//! `GET metrics`: what Prometheus scrapes.
//!
//! Invariant: an isolate returns the same text for some seconds, so that the stores are rarely read, however many
//! clients scrape.

use futures_util::future::join;
use model::counting::grain::{DAY_MS, Grain};
use model::counting::rollup::Rollups;
use model::operating::metrics::pipeline::Pipeline;
use model::operating::metrics::rollout::Rollout;
use model::operating::metrics::traffic::Traffic;
use model::operating::metrics::{self};
use model::parity::filed_report::FiledReport;
use model::parity::window::WindowKind;
use model::reading::selection::{RollupParts, RouteSelection, Selection, Span};

use super::health;
use crate::app::App;
use crate::deadline::Deadline;
use crate::flag::{admin, cache};
use crate::isolate::MetricsText;
use crate::parity::runs;
use crate::reading::stores;
use api::archive::ArchiveState;

/// How long a text is given out again, in ms: the least time between two scrapes that is usual.
const LIFE_MS: u64 = 5_000;

/// Reports that are counted by verdict: the last day's hours, and 30 days.
const HOURS: u64 = 24;
const DAYS: u64 = 30;

/// The metrics, in Prometheus' text format.
pub async fn text(app: &App) -> String {
    let now_ms = app.now_ms();
    let is_fresh = |made: &MetricsText| now_ms.saturating_sub(made.made_at_ms) < LIFE_MS;
    let made = app.isolate.metrics.borrow().as_ref().filter(|made| is_fresh(made)).map(|made| made.text.clone());
    if let Some(text) = made {
        return text;
    }
    let text = read(app, now_ms).await;
    app.isolate.metrics.replace(Some(MetricsText { made_at_ms: now_ms, text: text.clone() }));
    text
}

/// Asks everyone; what does not answer is left out.
async fn read(app: &App, now_ms: u64) -> String {
    let deadline = app.read_deadline();
    let flag = async { admin::known(app).await.map(|known| (known.document, known.changed_at)) };
    let reports = join(reports(app, WindowKind::Hour, HOURS, deadline), reports(app, WindowKind::Day, DAYS, deadline));
    let ((held, known), (flag, (hours, days))) =
        join(join(traffic(app, now_ms, deadline), Box::pin(health::gather(app, deadline))), join(flag, reports)).await;
    // Health has just read it.
    let stops = cache::is_known(app).then(|| cache::stops(app).holding().len() as u64);
    let (old, new) = &held;
    let traffic = Traffic { since_ms: Grain::Day.floor(now_ms), old: old.as_ref(), new: new.as_ref() };
    metrics::text(&traffic, &Rollout { flag, stops, hours, days }, &pipeline(known))
}

fn pipeline(known: health::HealthFindings) -> Pipeline {
    let (status, reasons) = known.judge();
    let archived_until_ms = known.archive.as_ref().and_then(ArchiveState::until_ms);
    let health::HealthFindings { now_ms, facts, counts, .. } = known;
    Pipeline { now_ms, facts, status, reasons, counts, archived_until_ms }
}

/// What each store holds of this UTC day, as far as it can be read whole.
async fn traffic(app: &App, now_ms: u64, deadline: Deadline) -> (Option<Rollups>, Option<Rollups>) {
    let from = Grain::Day.floor(now_ms);
    let spans = vec![Span { from, to: from + DAY_MS, grain: Grain::Day }];
    let selection =
        Selection { spans, routes: RouteSelection::Each, parts: RollupParts::Latency, dual: RollupParts::Latency };
    let (old, new) = stores::rollups(app, &selection, deadline).await;
    (old.whole().ok(), new.whole().ok())
}

async fn reports(app: &App, kind: WindowKind, most: u64, deadline: Deadline) -> Option<Vec<FiledReport>> {
    let read = async { runs::reports_until(app, deadline)?.newest_filed(kind, most).await };
    read.await.inspect_err(|error| app.error(format_args!("Metrics without parity: {error}"))).ok()
}
