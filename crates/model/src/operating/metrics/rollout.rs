//! The rollout's metrics: the flag, its ramp, and whether the stores agree.

use crate::flag::Mode;
use crate::flag::document::Document;
use crate::operating::exposition::{Decimal, Exposition, MetricKind};
use crate::parity::bounds;
use crate::parity::filed_report::FiledReport;
use crate::parity::verdict::Verdict;

/// Facts about the rollout. `None` means that it could not be read.
#[derive(Debug, Default)]
pub struct Rollout {
    /// The newest flag, and when it was stored, in ms.
    pub flag: Option<(Document, u64)>,
    /// Stops that hold in the isolate that answers.
    pub stops: Option<u64>,
    /// The newest reports on hours, newest first.
    pub hours: Option<Vec<FiledReport>>,
    /// The newest reports on days, newest first.
    pub days: Option<Vec<FiledReport>>,
}

const VERDICTS: [Verdict; 4] = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Pending];

/// Writes the metrics of the rollout.
pub fn write(rollout: &Rollout, to: &mut Exposition) {
    if let Some((document, changed_at)) = &rollout.flag {
        flag(document, *changed_at, to);
    }
    to.gauge(
        "path_collector_flag_stops",
        "Emergency stops that hold: above 0 the old path alone, whatever the flag says.",
        rollout.stops,
    );
    let known = [("hour", &rollout.hours), ("day", &rollout.days)];
    let reports: Vec<(&str, &[FiledReport])> =
        known.into_iter().filter_map(|(window, filed)| Some((window, filed.as_deref()?))).collect();
    parity(&reports, to);
}

fn flag(document: &Document, changed_at: u64, to: &mut Exposition) {
    let modes = [Mode::DoOnly, Mode::QueueOnly, Mode::DualWrite].map(Mode::name);
    to.states("path_collector_flag_mode", "1 for the newest flag's mode.", "mode", &modes, document.mode.name());
    // Only shares that the mode uses are shown.
    let of = |ppm| Some(Decimal::ppm(if document.mode == Mode::DualWrite { ppm } else { 0 }));
    to.gauge(
        "path_collector_flag_sample_ratio",
        "Share of events that the flag has written to both stores.",
        of(document.sample_ppm),
    );
    let queue_ppm = match document.mode {
        Mode::DoOnly => 0,
        Mode::QueueOnly => 1_000_000,
        Mode::DualWrite => document.queue_ppm,
    };
    to.gauge(
        "path_collector_flag_queue_ratio",
        "Share of the other events that the flag has written to the queue alone.",
        Some(Decimal::ppm(queue_ppm)),
    );
    to.gauge("path_collector_flag_version", "The newest flag's version.", Some(u64::from(document.version)));
    to.gauge(
        "path_collector_flag_changed_timestamp_seconds",
        "When the newest flag was stored.",
        Some(Decimal::seconds(changed_at)),
    );
    to.gauge(
        "path_collector_flag_overrides",
        "Paths with a rule of their own in the newest flag.",
        Some(document.overrides.len() as u64),
    );
    // Without a ramp there are no steps to show.
    let ramp = document.ramp.as_ref();
    let steps = ramp.map_or((0, 0, false), |ramp| (ramp.next, ramp.steps.len(), ramp.paused));
    to.gauge("path_collector_ramp_step", "Steps that the ramp has taken.", Some(steps.0 as u64));
    to.gauge("path_collector_ramp_steps", "Steps that the ramp has in all.", Some(steps.1 as u64));
    to.gauge("path_collector_ramp_paused", "1 while a person has halted the ramp.", Some(steps.2));
    to.gauge(
        "path_collector_ramp_due_timestamp_seconds",
        "When the ramp's next step is due.",
        ramp.filter(|ramp| ramp.next < ramp.steps.len()).map(|ramp| Decimal::seconds(ramp.due_at)),
    );
}

fn parity(reports: &[(&str, &[FiledReport])], to: &mut Exposition) {
    let newest = || reports.iter().filter_map(|(window, filed)| Some((*window, filed.first()?)));
    let mut metric = to.metric(
        MetricKind::Gauge,
        "path_collector_parity_verdict",
        "1 for the verdict on the newest window of a length.",
    );
    for (window, filed) in newest() {
        for verdict in VERDICTS {
            let labels = [("window", window), ("verdict", verdict.name())];
            metric.sample(&labels, filed.verdict == verdict);
        }
    }
    let mut gauge = |name, help, value: fn(&FiledReport) -> Decimal| {
        let mut metric = to.metric(MetricKind::Gauge, name, help);
        for (window, filed) in newest() {
            metric.sample(&[("window", window)], value(filed));
        }
    };
    gauge(
        "path_collector_parity_window_end_timestamp_seconds",
        "End of the newest window of a length that was compared.",
        |filed| Decimal::seconds(filed.window.to),
    );
    gauge("path_collector_parity_compared_events", "Events of the newest window meant for both stores.", |filed| {
        filed.compared.into()
    });
    gauge("path_collector_parity_mismatched_events", "Of them, those in which the stores differ.", |filed| {
        filed.mismatches.into()
    });
    gauge("path_collector_parity_compared_writes", "Writes (flushes of an isolate) that carried them.", |filed| {
        filed.writes.into()
    });
    gauge("path_collector_parity_mismatched_writes", "Of these writes, those with a mismatch.", |filed| {
        filed.writes_differing.into()
    });
    gauge(
        "path_collector_parity_lost_events",
        "Events of the newest window that reached neither store and no dead letter, by their numbers.",
        |filed| filed.lost.into(),
    );
    gauge("path_collector_parity_mismatch_ratio", "Share of them in which the stores differ.", rate);
    gauge(
        "path_collector_parity_mismatch_upper_bound_ratio",
        "With 95 % confidence that share is not above.",
        |filed| Decimal::share(bounds::upper(filed.mismatches, filed.compared)),
    );
    gauge(
        "path_collector_parity_mismatch_lower_bound_ratio",
        "With 95 % confidence that share is not below.",
        |filed| Decimal::share(bounds::lower(filed.mismatches, filed.compared)),
    );
    windows(reports, to);
}

/// How many windows have which verdict.
fn windows(reports: &[(&str, &[FiledReport])], to: &mut Exposition) {
    let mut metric = to.metric(
        MetricKind::Gauge,
        "path_collector_parity_windows",
        "Windows by verdict, of the newest 24 hours and 30 days that were compared.",
    );
    for (window, filed) in reports {
        for verdict in VERDICTS {
            let count = filed.iter().filter(|filed| filed.verdict == verdict).count() as u64;
            metric.sample(&[("window", window), ("verdict", verdict.name())], count);
        }
    }
}

#[allow(clippy::cast_precision_loss)] // counts stay far below 2^53
fn rate(filed: &FiledReport) -> Decimal {
    Decimal::share(filed.mismatches as f64 / filed.compared.max(1) as f64)
}
