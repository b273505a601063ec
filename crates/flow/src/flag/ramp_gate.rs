//! Reading what the gate of a ramp decides by; the decision is `crates/model/src/parity/gate.rs`.
//!
//! Invariant: what can't be read in time is missing, and the gate holds on what is missing.

use futures_util::future::join;

use model::counting::grain::{Grain, MINUTE_MS};
use model::counting::rollup::Rollups;
use model::event::Cohort;
use model::flag::document::Document;
use model::flag::ramp_step::Gate;
use model::parity::gate::{self, CohortTotals, LOOK_BACK_MS, ParityProof, PathHealth};
use model::parity::window::WindowKind;
use model::reading::selection::{RollupParts, RouteSelection, Selection, Span};
use store::letters::dead_letters::DeadLetters;
use store::sql::StoreError;

use crate::app::App;
use crate::parity::runs;
use crate::reading::stores;

/// How long the stores may take, in ms.
const DEADLINE_MS: u64 = 5_000;

/// Whether the ramp of `document` may take its next step now.
pub async fn read(app: &App, document: &Document) -> Gate {
    let (health, proof) = join(health(app), proof(app)).await;
    gate::decide(document, &health, &proof, app.now_ms())
}

async fn proof(app: &App) -> ParityProof {
    let deadline = app.deadline(DEADLINE_MS);
    let newest = async { runs::reports_until(app, deadline)?.newest_filed(WindowKind::Hour, 1).await };
    match known(app, newest.await) {
        None => ParityProof::Unreadable,
        Some(mut reports) => reports.pop().map_or(ParityProof::Missing, ParityProof::Report),
    }
}

async fn health(app: &App) -> PathHealth {
    let now_ms = app.now_ms();
    let from = now_ms.saturating_sub(LOOK_BACK_MS);
    let spans = vec![Span::around(Grain::Minute, from, now_ms + MINUTE_MS)];
    let selection =
        Selection { spans, routes: RouteSelection::Together, parts: RollupParts::Counts, dual: RollupParts::Counts };
    let deadline = app.deadline(DEADLINE_MS);
    let letters = async { DeadLetters::new(app.new_store_until(deadline)?).count_since(from).await };
    let ((old, new), letters) = join(stores::rollups(app, &selection, deadline), letters).await;
    let [old, new] = [old, new].map(|store| known(app, store.whole()).as_ref().map(counts));
    PathHealth { old, new, dead_letters: known(app, letters) }
}

fn known<T>(app: &App, answer: Result<T, StoreError>) -> Option<T> {
    answer.inspect_err(|error| app.error(format_args!("Gate of the ramp: a store can't be read: {error}"))).ok()
}

fn counts(rollups: &Rollups) -> CohortTotals {
    let mut counts = CohortTotals::default();
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
