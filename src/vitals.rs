//! Vital signs of this isolate, on their way to the object that keeps those of all.
//!
//! Invariant: a report costs one request a minute and isolate, never delays a response, and its failure is no failure
//! of anything else.

use std::cell::Cell;

use worker::{Env, console_error};

use model::counting::grain::MINUTE_MS;
use model::event::ProducerId;
use model::operating::health::Job;
use store::keeper::vitals::Report;

use crate::{address_key, clock, collector_client, counters};

/// Time between two reports, in ms.
const PAUSE_MS: u64 = MINUTE_MS;

/// How long a report may take, in ms.
const DEADLINE_MS: u64 = 2_000;

thread_local! { static REPORTED_MS: Cell<u64> = const { Cell::new(0) }; }

/// This isolate's name: random, and the same as long as it lives.
pub fn isolate() -> ProducerId {
    thread_local! { static ISOLATE: ProducerId = ProducerId(u64::from_be_bytes(address_key::random_bytes::<8>())); }
    ISOLATE.with(|isolate| *isolate)
}

/// Whether this isolate has not reported within the last minute.
pub fn is_due(now_ms: u64) -> bool {
    now_ms.saturating_sub(REPORTED_MS.get()) >= PAUSE_MS
}

/// Reports, unless this isolate has done so within the last minute.
pub async fn report_if_due(env: &Env) {
    let now_ms = clock::now_ms();
    if is_due(now_ms) {
        REPORTED_MS.set(now_ms);
        report(env, Vec::new()).await;
    }
}

/// Reports at once, with the jobs that have run.
pub async fn report(env: &Env, jobs: Vec<Job>) {
    let report = Report { isolate: isolate().to_string(), counts: counters::all(), jobs };
    match clock::within_ms(DEADLINE_MS, collector_client::report(env, &report)).await {
        Some(Ok(())) => {}
        Some(Err(error)) => console_error!("Vital signs are left for the next report: {error}"),
        None => console_error!("Vital signs are left for the next report: no answer within {DEADLINE_MS} ms"),
    }
}
