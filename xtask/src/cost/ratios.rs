//! How much of what the platform bills a load causes: the ratios between requests and messages, records, folds and rows.
//!
//! They follow from the code (named at each) and from what the real runtime's database reported for its statements,
//! measured on 2026-11-24: inserting a segment writes 2 rows (it has an index), deleting one 1; replacing a rollup
//! writes 1, whether it was there or not; reading one by its key reads 2, deleting one reads 4. All figures are per second, in a steady state: what is written is also deleted.

use flow::consuming::consumer::FOLD_SEGMENTS;
use flow::object::FOLD_AFTER_MS;
use model::parity::schedule::RECHECK_MS;

use super::load::CostLoad;
use super::prices::Unit;

/// Operations on a message: it is written, read and deleted.
const OPERATIONS: f64 = 3.0;

/// Each hour and day of the last 50 hours is looked at again, and so is the time that stragglers have: `windows` in
/// `model::parity::schedule`.
const RECHECKED_MINUTES: f64 = (26.0 + 24.0) * 60.0 + 20.0;

/// Rows of all routes together that a minute has, in three cohorts, each read by its key.
const TOGETHER_READS: f64 = 6.0;

/// Rows that finding the head of the log reads: the newest segment, and the newest fold twice.
const HEAD_READS: f64 = 3.0;

/// Rows that a record reads beside the head: its window's digests since the last one, and its own inserts.
const RECORD_READS: f64 = 7.0;

/// Rows that cron reads each minute: flag, ramp, reports, and looks for what has had its time.
const CRON_READS: f64 = 40.0;

/// Lengths of intervals, in s.
pub const MINUTE_S: f64 = 60.0;
pub const HOUR_S: f64 = 60.0 * MINUTE_S;
pub const DAY_S: f64 = 24.0 * HOUR_S;

/// How long an isolate lives, in s: a guess, at which it hardly matters.
pub const ISOLATE_S: f64 = HOUR_S;

#[allow(clippy::cast_precision_loss)] // a few minutes
const RECHECK_S: f64 = RECHECK_MS as f64 / 1_000.0;
#[allow(clippy::cast_precision_loss)] // a few seconds
const OBJECT_FOLD_S: f64 = FOLD_AFTER_MS as f64 / 1_000.0;
#[allow(clippy::cast_precision_loss)] // some dozens
const CONSUMER_FOLD_SEGMENTS: f64 = FOLD_SEGMENTS as f64;

/// What is caused by one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct CostLine {
    /// The thing.
    pub what: &'static str,
    /// What it is billed as.
    pub unit: Unit,
    /// How many each second.
    pub per_second: f64,
    /// How that comes.
    pub basis: String,
}

/// How events share messages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coalescing {
    /// Events in a message.
    pub events: f64,
    /// Messages each second.
    pub messages: f64,
}

impl Coalescing {
    /// Of so many events each second on one path (`domain::coalesce`): the first of an isolate waits for the linger and
    /// takes along what came meanwhile; a full buffer goes at once, so that of a cycle's last message half is filled. Both
    /// paths share a buffer: that a much busier one fills it early for both is left out.
    pub fn of(load: &CostLoad, rps: f64) -> Self {
        let gathered = 1.0 + rps / load.isolates * load.linger_ms / 1_000.0;
        let flushes = if load.linger_ms == 0.0 || gathered <= load.flush_events {
            1.0
        } else {
            gathered / load.flush_events + 0.5
        };
        let events = gathered / flushes;
        Self { events, messages: rps / events }
    }
}

/// The work of an event store, which is the same in the object and in D1 (`store::{events, fold, retention}`).
pub struct Store {
    /// Transactions that record events, each second.
    records: f64,
    /// Event time that one of them covers, in s.
    span_s: f64,
    /// Time between folds, in s.
    fold_s: f64,
    /// Time between looks for what has had its time, in s.
    prune_s: f64,
    /// Events each second of each cohort that it holds.
    cohorts: Vec<f64>,
    paths: f64,
    isolates: f64,
    /// ID window, in s.
    window_s: f64,
}

impl Store {
    /// Events each second.
    pub fn events(&self) -> f64 {
        self.cohorts.iter().sum()
    }

    /// Transactions that record events, each second.
    pub const fn records(&self) -> f64 {
        self.records
    }

    /// Folds each second.
    pub const fn folds(&self) -> f64 {
        1.0 / self.fold_s
    }

    /// ID windows of all records of a second: a segment each.
    pub fn segments(&self) -> f64 {
        self.records * (1.0 + self.span_s / self.window_s)
    }

    /// Rollups that are kept of intervals of a length (s), for so long (s).
    pub fn kept(&self, length_s: f64, kept_s: f64) -> f64 {
        self.rows_within(length_s) * kept_s / length_s
    }

    /// Intervals of a length that a fold touches.
    fn intervals(&self, length_s: f64) -> f64 {
        1.0 + (self.fold_s + self.span_s) / length_s
    }

    /// Routes, and all together, that have events within so long, summed over the cohorts.
    fn rows_within(&self, seconds: f64) -> f64 {
        self.cohorts.iter().map(|rps| (rps * seconds).min(self.paths) + 1.0).sum()
    }

    /// Rollups that a fold replaces: each route and all together, by minute, hour and day.
    pub fn rollups(&self) -> f64 {
        let intervals: f64 = [MINUTE_S, HOUR_S, DAY_S].map(|length| self.intervals(length)).iter().sum();
        self.rows_within(self.fold_s) * intervals
    }

    fn lines(&self, [read, written]: [Unit; 2], times: f64) -> Vec<CostLine> {
        let (segments, rollups, folds) = (self.segments(), self.rollups(), 1.0 / self.fold_s);
        let ledgers = folds * (self.intervals(MINUTE_S) + 1.0) + self.isolates / ISOLATE_S;
        let expired = self.rows_within(MINUTE_S) / MINUTE_S + self.rows_within(HOUR_S) / HOUR_S + 1.0 / MINUTE_S;
        let prunes = 1.0 / self.prune_s;
        let line = |what, unit, per_second: f64, basis| CostLine { what, unit, per_second: per_second * times, basis };
        vec![
            line(
                "events stored",
                written,
                segments * 2.0,
                format!("{:.2} segments/s, row and index", segments * times),
            ),
            line(
                "rollups",
                written,
                folds * rollups,
                format!("{rollups:.0} a fold, every {:.0} s: routes and all × minute, hour, day", self.fold_s),
            ),
            line("ledgers", written, ledgers, "minutes of each fold, the fold, new isolates".into()),
            line(
                "deletions",
                written,
                segments + expired + folds + self.isolates / ISOLATE_S,
                "all that was stored, when it has had its time".into(),
            ),
            line(
                "head of the log",
                read,
                (self.records + folds) * HEAD_READS,
                format!("{HEAD_READS} rows a record or fold"),
            ),
            line("duplicates", read, self.records * RECORD_READS, format!("{RECORD_READS} rows a record")),
            line(
                "folding",
                read,
                segments + folds * rollups * 3.0 + ledgers * 2.0,
                "segments once, each rollup by key and as it is replaced".into(),
            ),
            line(
                "looking for old",
                read,
                prunes * 20.0 + segments * 5.0 + expired * 4.0,
                "a few rows each time, and what is deleted".into(),
            ),
            line(
                "parity",
                read,
                RECHECKED_MINUTES / RECHECK_S * TOGETHER_READS,
                "sums of 50 hours of minutes every 10 min, all routes together".into(),
            ),
        ]
    }

    /// Rows that a look at the last hour reads.
    fn hour(&self) -> f64 {
        60.0 * self.rows_within(MINUTE_S) + 2.0 + self.segments() * self.fold_s
    }
}

/// What a load causes, line by line.
pub fn lines(load: &CostLoad) -> Vec<CostLine> {
    let line = |what, unit, per_second, basis: &str| CostLine { what, unit, per_second, basis: basis.into() };
    let flag_s = load.flag_ttl_ms / 1_000.0;
    let mut lines = vec![
        line("flag", Unit::KvReads, (load.isolates / flag_s).min(load.rps), &format!("an isolate every {flag_s} s")),
        line("address keys", Unit::ObjectRequests, load.isolates / ISOLATE_S, "once in an isolate's life"),
        line("cron", Unit::KvReads, 1.0 / MINUTE_S, "the flag's copy, each minute"),
        line("cron", Unit::D1RowsRead, CRON_READS / MINUTE_S, "flag, ramp, reports, each minute"),
    ];
    if let Some(store) = database(load) {
        lines.extend(new_path(load, &store));
    }
    if let Some(store) = object(load) {
        lines.extend(old_path(load, &store));
    }
    lines
}

/// D1, if any events go there.
pub fn database(load: &CostLoad) -> Option<Store> {
    let cohorts = cohorts(load, [load.dual, load.only_new]);
    let rps: f64 = cohorts.iter().sum();
    let messages = Coalescing::of(load, rps).messages;
    let wait_s = load.consumer.batch_wait_s;
    let batches = messages / (messages * wait_s).clamp(1.0, load.consumer.batch_messages);
    let span_s = (1.0 / batches).min(wait_s) + load.linger_ms / 1_000.0;
    let window_s = load.window_ms / 1_000.0;
    let segments = batches * (1.0 + span_s / window_s);
    // Cron folds each minute, and the consumer whenever enough wait.
    let folds_a_minute = 1.0 + (segments * MINUTE_S / CONSUMER_FOLD_SEGMENTS).floor();
    let fold_s = (MINUTE_S / folds_a_minute).max(1.0 / batches);
    let (paths, isolates) = (load.paths, load.isolates);
    let store = Store { records: batches, span_s, fold_s, prune_s: MINUTE_S, cohorts, paths, isolates, window_s };
    (rps > 0.0).then_some(store)
}

fn new_path(load: &CostLoad, store: &Store) -> Vec<CostLine> {
    let Coalescing { events, messages } = Coalescing::of(load, store.cohorts.iter().sum());
    let mut lines = vec![CostLine {
        what: "messages",
        unit: Unit::QueueOperations,
        per_second: messages * OPERATIONS,
        basis: format!("{events:.1} events a message, 3 operations each"),
    }];
    lines.extend(store.lines([Unit::D1RowsRead, Unit::D1RowsWritten], 1.0));
    lines.push(CostLine {
        what: "readers",
        unit: Unit::D1RowsRead,
        per_second: load.reads_per_minute / MINUTE_S * store.hour(),
        basis: format!("{:.0} rows a look at the last hour", store.hour()),
    });
    lines
}

/// One of the objects, if any events go there: each has its part of the events of every flush.
pub fn object(load: &CostLoad) -> Option<Store> {
    let cohorts = cohorts(load, [load.dual / load.shards, load.only_old / load.shards]);
    let rps: f64 = cohorts.iter().sum();
    let Coalescing { events, messages } = Coalescing::of(load, rps * load.shards);
    let records = messages * load.shards.min(events) / load.shards;
    let fold_s = OBJECT_FOLD_S + 1.0 / records;
    let [span_s, window_s] = [load.linger_ms, load.window_ms].map(|ms| ms / 1_000.0);
    let (paths, isolates) = (load.paths, load.isolates);
    (rps > 0.0).then_some(Store { records, span_s, fold_s, prune_s: fold_s, cohorts, paths, isolates, window_s })
}

fn old_path(load: &CostLoad, store: &Store) -> Vec<CostLine> {
    let shards = load.shards;
    let line = |what, unit, each: f64, basis| CostLine { what, unit, per_second: each * shards, basis };
    let reads = load.reads_per_minute / MINUTE_S;
    let records = format!("{:.1} records/s, each the events of one isolate", store.records * shards);
    let mut lines = vec![
        line("records", Unit::ObjectRequests, store.records, records),
        line("alarms", Unit::ObjectRequests, 1.0 / store.fold_s, format!("every {:.0} s", store.fold_s)),
        line("alarms", Unit::ObjectRowsWritten, 2.0 / store.fold_s, "set twice each".into()),
    ];
    lines.extend(store.lines([Unit::ObjectRowsRead, Unit::ObjectRowsWritten], shards));
    lines.extend([
        line("readers", Unit::ObjectRequests, reads + 2.0 / RECHECK_S, "looks of people, and of parity".into()),
        line("readers", Unit::ObjectRowsRead, reads * store.hour(), format!("{:.0} rows a look", store.hour())),
    ]);
    lines
}

/// Messages each second.
pub fn messages(load: &CostLoad) -> f64 {
    database(load).map_or(0.0, |store| Coalescing::of(load, store.cohorts.iter().sum()).messages)
}

/// Events each second of the cohorts that have any.
fn cohorts(load: &CostLoad, parts: [f64; 2]) -> Vec<f64> {
    parts.map(|part| part * load.rps).into_iter().filter(|rps| *rps > 0.0).collect()
}

#[cfg(test)]
mod tests;
