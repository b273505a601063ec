//! The pipeline's metrics: what isolates counted, what waits, and what is wrong.
//!
//! Invariant: the counts of isolates are added up in one object, and never fall as long as it keeps its storage.

use crate::operating::exposition::{Decimal, Exposition, MetricKind};
use crate::operating::health::{
    CounterValues, HealthFacts, HealthReason, HealthStatus, Job, PEAK, ReasonCode, WRITE_PROBE,
};
use crate::sorted;

/// Facts about the pipeline. `None` means that it could not be read.
#[derive(Debug)]
pub struct Pipeline {
    /// Now, in ms.
    pub now_ms: u64,
    /// The facts that health is judged by.
    pub facts: HealthFacts,
    /// Health's status.
    pub status: HealthStatus,
    /// Health's reasons.
    pub reasons: Vec<HealthReason>,
    /// What isolates counted.
    pub counts: Option<CounterValues>,
    /// Events before this time, in ms, are archived; 0 if none are yet. `None` also if there is no bucket.
    pub archived_until_ms: Option<u64>,
}

/// Counters with a metric of their own. All others are irregularities, labelled by name.
const OWN: [&str; 13] = [
    "do_record_tried",
    "do_record_failed",
    "queue_send_tried",
    "queue_send_failed",
    "fallback",
    "lost",
    "consumer_stored",
    "consumer_absorbed",
    "consumer_acked",
    "consumer_retried",
    "dead_letters",
    "flushes",
    "flushed_events",
];

/// Writes the metrics of the pipeline.
pub fn write(pipeline: &Pipeline, to: &mut Exposition) {
    health(pipeline, to);
    if let Some(counts) = &pipeline.counts {
        counted(counts, to);
    }
    waiting(pipeline, to);
    stores(pipeline, to);
    cron(pipeline.facts.jobs.as_deref().unwrap_or_default(), to);
    archive(pipeline, to);
}

fn health(pipeline: &Pipeline, to: &mut Exposition) {
    let statuses = [HealthStatus::Ok, HealthStatus::Degraded, HealthStatus::Failing].map(HealthStatus::name);
    to.states("path_collector_health", "1 for how health is judged.", "status", &statuses, pipeline.status.name());
    let mut metric = to.metric(MetricKind::Gauge, "path_collector_health_reasons", "Why health is not ok, by code.");
    let mut codes: Vec<String> = pipeline.reasons.iter().map(|reason| reason.code.to_string()).collect();
    sorted::sort_by(&mut codes, String::cmp);
    for same in codes.chunk_by(|a, b| a == b) {
        metric.sample(&[("code", same.first().map_or("", String::as_str))], same.len() as u64);
    }
}

/// What waits: in the queue, in the slow lane, and in dead letters.
fn waiting(pipeline: &Pipeline, to: &mut Exposition) {
    let HealthFacts { backlog, slow_lane, letters, .. } = &pipeline.facts;
    to.gauge("path_collector_queue_backlog_messages", "Messages that wait in the queue.", backlog.backlog);
    // An empty queue has no oldest message.
    let oldest_ms = backlog.oldest_ms.or(backlog.backlog.map(|_| 0));
    to.gauge("path_collector_queue_oldest_age_seconds", "Age of the oldest of them.", oldest_ms.map(Decimal::seconds));
    to.gauge("path_collector_slow_lane_backlog_messages", "Messages that wait in the slow lane.", slow_lane.backlog);
    let oldest_ms = slow_lane.oldest_ms.or(slow_lane.backlog.map(|_| 0));
    to.gauge(
        "path_collector_slow_lane_oldest_age_seconds",
        "Age of the oldest of them.",
        oldest_ms.map(Decimal::seconds),
    );
    to.gauge("path_collector_dead_letters_kept", "Dead letters that are kept.", letters.map(|letters| letters.count));
    let age_ms = |at: Option<u64>| at.map_or(0, |at| pipeline.now_ms.saturating_sub(at));
    to.gauge(
        "path_collector_dead_letters_oldest_age_seconds",
        "Age of the oldest of them.",
        letters.map(|letters| Decimal::seconds(age_ms(letters.oldest_at))),
    );
}

fn stores(pipeline: &Pipeline, to: &mut Exposition) {
    let HealthFacts { old_unfolded, new_unfolded, old_bytes, new_bytes, jobs, .. } = &pipeline.facts;
    let stores = [("old", *old_unfolded), ("new", *new_unfolded)];
    let mut metric = to.metric(MetricKind::Gauge, "path_collector_store_up", "1 while a store can be read.");
    for (store, unfolded) in stores {
        metric.sample(&[("store", store)], unfolded.is_some());
    }
    let mut metric =
        to.metric(MetricKind::Gauge, "path_collector_store_unfolded_segments", "Segments that wait to be folded.");
    for (store, unfolded) in stores {
        if let Some(unfolded) = unfolded {
            metric.sample(&[("store", store)], unfolded);
        }
    }
    let mut metric = to.metric(
        MetricKind::Gauge,
        "path_collector_store_bytes",
        "Size of D1, and of the largest object; 10 GB is the most.",
    );
    for (store, bytes) in [("old", *old_bytes), ("new", *new_bytes)] {
        if let Some(bytes) = bytes {
            metric.sample(&[("store", store)], bytes);
        }
    }
    // The probe that failed last, unless D1 has taken one since.
    let refuses = |reason: &HealthReason| reason.code == ReasonCode::NewStoreRefusesWrites;
    let is_probed = jobs.iter().flatten().any(|job| job.job == WRITE_PROBE);
    to.gauge(
        "path_collector_d1_takes_writes",
        "1 while the write that is tried each minute succeeds.",
        is_probed.then(|| !pipeline.reasons.iter().any(refuses)),
    );
}

fn archive(pipeline: &Pipeline, to: &mut Exposition) {
    to.gauge(
        "path_collector_archive_until_timestamp_seconds",
        "What is before is in the archive; 0 before its first day is.",
        pipeline.archived_until_ms.map(Decimal::seconds),
    );
    let behind_ms = pipeline.archived_until_ms.map(|_| pipeline.facts.archive_behind_ms.unwrap_or_default());
    to.gauge("path_collector_archive_behind_seconds", "How late the archive is.", behind_ms.map(Decimal::seconds));
}

fn cron(jobs: &[Job], to: &mut Exposition) {
    let mut gauge = |name, help, value: &dyn Fn(&Job) -> Option<Decimal>| {
        let mut metric = to.metric(MetricKind::Gauge, name, help);
        for job in jobs {
            if let Some(value) = value(job) {
                // Prometheus puts its own `job` on each series.
                metric.sample(&[("task", &job.job)], value);
            }
        }
    };
    gauge("path_collector_cron_last_start_timestamp_seconds", "When a scheduled job last began.", &|job| {
        Some(Decimal::seconds(job.started_at))
    });
    gauge("path_collector_cron_last_success_timestamp_seconds", "When a scheduled job last ended well.", &|job| {
        job.succeeded_at.map(Decimal::seconds)
    });
    gauge("path_collector_cron_failed", "1 where a scheduled job's last run failed.", &|job| {
        Some(job.error.is_some().into())
    });
}

fn counted(counts: &CounterValues, to: &mut Exposition) {
    let of = |name: &str| counts.get(name).copied().unwrap_or_default();
    let mut labelled = |name, help, label, samples: &[(&str, &str)]| {
        let mut metric = to.metric(MetricKind::Counter, name, help);
        for (value, counter) in samples {
            metric.sample(&[(label, value)], of(counter));
        }
    };
    labelled(
        "path_collector_sends",
        "Events that isolates tried to write, by store; a fallback is tried twice.",
        "store",
        &[("old", "do_record_tried"), ("new", "queue_send_tried")],
    );
    labelled(
        "path_collector_send_failures",
        "Events of which a first write failed, by store.",
        "store",
        &[("old", "do_record_failed"), ("new", "queue_send_failed")],
    );
    labelled(
        "path_collector_consumer_events",
        "Events that the consumer dealt with, by what became of them.",
        "outcome",
        &[("stored", "consumer_stored"), ("absorbed", "consumer_absorbed"), ("dead", "dead_letters")],
    );
    labelled(
        "path_collector_consumer_messages",
        "Messages that the consumer acknowledged, or returned for another try.",
        "outcome",
        &[("acked", "consumer_acked"), ("retried", "consumer_retried")],
    );
    let fallback = Some(of("fallback"));
    to.counter("path_collector_fallback_events", "Events written by the other path after a failure.", fallback);
    to.counter("path_collector_lost_events", "Events that neither path took.", Some(of("lost")));
    to.counter("path_collector_flushes", "Writes of an isolate's buffer.", Some(of("flushes")));
    to.counter("path_collector_flushed_events", "Events in those writes.", Some(of("flushed_events")));
    to.gauge("path_collector_buffer_peak_events", "Most events that ever waited in a buffer.", Some(of("buffer_peak")));
    let mut metric = to.metric(
        MetricKind::Counter,
        "path_collector_irregularities",
        "What else isolates counted, by name: what was refused, cut, or out of reach.",
    );
    for (name, count) in counts {
        if !OWN.contains(&name.as_str()) && !name.ends_with(PEAK) {
            metric.sample(&[("kind", name)], *count);
        }
    }
}
