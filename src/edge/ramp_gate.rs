//! Reading what the gate of a ramp decides by; the decision is `domain/flag/gate.rs`.
//!
//! Invariant: what can't be read in time is missing, and the gate holds on what is missing.

use futures_util::future::join;
use worker::{Env, console_error};

use crate::domain::event::Cohort;
use crate::domain::flag::document::Document;
use crate::domain::flag::gate::{self, Counts, Health, LOOK_BACK_MS, Proof};
use crate::domain::flag::ramp::Gate;
use crate::domain::grain::{Grain, MINUTE_MS};
use crate::domain::parity::window::Kind;
use crate::domain::rollup::Rollups;
use crate::domain::selection::{Parts, Routes, Selection, Span};
use crate::store::dead_letters::DeadLetters;
use crate::store::sql::StoreError;

use super::config::Config;
use super::deadline::Deadline;
use super::sql_d1::D1Sql;
use super::stores;
use super::{clock, parity};

/// How long the stores may take, in ms.
const DEADLINE_MS: u64 = 5_000;

/// Whether the ramp of `document` may take its next step now.
pub async fn read(env: &Env, config: &Config, document: &Document) -> Gate {
    let (health, proof) = join(health(env, config), proof(env)).await;
    gate::decide(document, &health, &proof, clock::now_ms())
}

async fn proof(env: &Env) -> Proof {
    let deadline = Deadline::in_ms(DEADLINE_MS);
    let newest = async { parity::reports_until(env, deadline)?.newest_filed(Kind::Hour, 1).await };
    match known(newest.await) {
        None => Proof::Unreadable,
        Some(mut reports) => reports.pop().map_or(Proof::Missing, Proof::Report),
    }
}

async fn health(env: &Env, config: &Config) -> Health {
    let now_ms = clock::now_ms();
    let from = now_ms.saturating_sub(LOOK_BACK_MS);
    let spans = vec![Span::around(Grain::Minute, from, now_ms + MINUTE_MS)];
    let selection = Selection { spans, routes: Routes::Together, parts: Parts::Counts, dual: Parts::Counts };
    let deadline = Deadline::in_ms(DEADLINE_MS);
    let letters = async { DeadLetters::new(D1Sql::until(env, deadline)?).count_since(from).await };
    let ((old, new), letters) = join(stores::rollups(env, config, &selection, deadline), letters).await;
    let [old, new] = [old, new].map(|store| known(store.whole()).as_ref().map(counts));
    Health { old, new, dead_letters: known(letters) }
}

fn known<T>(answer: Result<T, StoreError>) -> Option<T> {
    answer.inspect_err(|error| console_error!("Gate of the ramp: a store can't be read: {error}")).ok()
}

fn counts(rollups: &Rollups) -> Counts {
    let mut counts = Counts::default();
    for (key, rollup) in rollups {
        counts.events += rollup.requests;
        match key.cohort {
            Cohort::Single => {}
            Cohort::Dual => counts.dual += rollup.requests,
            Cohort::Fallback => counts.fallback += rollup.requests,
        }
    }
    counts
}
