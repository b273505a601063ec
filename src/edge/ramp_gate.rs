//! Reading what the gate of a ramp decides by; the decision is `domain/flag/gate.rs`.
//!
//! Invariant: what can't be read in time is missing, and the gate holds on what is missing.

use std::future::Future;

use worker::{Env, console_error};

use crate::domain::event::Cohort;
use crate::domain::flag::document::Document;
use crate::domain::flag::gate::{self, Counts, Health, LOOK_BACK_MS};
use crate::domain::flag::ramp::Gate;
use crate::domain::rollup::{MINUTE_MS, Rollups};
use crate::store::dead_letters::DeadLetters;
use crate::store::events::EventStore;

use super::config::Config;
use super::sql_d1::D1Sql;
use super::{clock, collector_client};

/// How long a store may take, in ms.
const DEADLINE_MS: u64 = 5_000;

/// Whether the ramp of `document` may take its next step now.
pub async fn read(env: &Env, config: &Config, document: &Document) -> Gate {
    gate::decide(document, &health(env, config).await)
}

async fn health(env: &Env, config: &Config) -> Health {
    let now_ms = clock::now_ms();
    let (from, to) = (now_ms.saturating_sub(LOOK_BACK_MS), now_ms + MINUTE_MS);
    let old = in_time(collector_client::rollups(env, config, from, to));
    let new = in_time(async { EventStore::new(D1Sql::of(env)?, config.window_ms).rollups(from, to).await });
    let dead_letters = in_time(async { DeadLetters::new(D1Sql::of(env)?).count_since(from).await });
    let (old, new, dead_letters) = futures_util::future::join3(old, new, dead_letters).await;
    Health { old: old.as_ref().map(counts), new: new.as_ref().map(counts), dead_letters }
}

/// What a store answers, if it does in time.
async fn in_time<T, E: std::fmt::Display>(read: impl Future<Output = Result<T, E>>) -> Option<T> {
    let answer = clock::within_ms(DEADLINE_MS, read).await?;
    answer.inspect_err(|error| console_error!("Gate of the ramp: a store can't be read: {error}")).ok()
}

fn counts(rollups: &Rollups) -> Counts {
    let mut counts = Counts::default();
    for (key, rollup) in rollups {
        counts.events += rollup.requests;
        counts.fallback += if key.cohort == Cohort::Fallback { rollup.requests } else { 0 };
    }
    counts
}
