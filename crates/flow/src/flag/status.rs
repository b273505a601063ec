//! `GET flag/status`: which version is where, how far the newest has spread, and where the ramp stands.
//!
//! Invariant: it answers whatever is out of reach, and says that it is not complete.

use futures_util::future::join;
use model::counting::grain::MINUTE_MS;
use model::flag::document::Document;
use model::flag::ramp::{Ramp, RampStage};
use model::flag::ramp_step::{Gate, after_release};
use model::flag::spread::{Sightings, Spread};
use model::flag::stop::Latch;
use model::reading::missing::{self, MissingData};
use model::time::rfc3339;

use super::admin;
use super::{cache, kv, places, ramp_gate};
use crate::app::App;
use crate::error::Error;
use crate::reading::stores;
use api::flag::{FlagStatusAnswer, RampStatus, StopStatus};
use api::parameters::MINUTES;
use api::url::Query;

/// Events after which no more are read.
const MAX_EVENTS: usize = 50_000;

/// The first piece of the range that is read, in ms; the next is twice as long while a piece holds few events.
const FIRST_PIECE_MS: u64 = 10_000;

/// What few events in a piece are.
const FEW_EVENTS: usize = 5_000;

/// How far isolates' clocks may be ahead, in ms.
const SKEW_MS: u64 = 1_000;

/// Reads all of it.
///
/// # Errors
/// [`Error`].
pub async fn read(query: &Query, app: &App) -> Result<FlagStatusAnswer, Error> {
    let to = app.now_ms() + SKEW_MS;
    let from = to - SKEW_MS - MINUTES.of(query)? * MINUTE_MS;
    let (known, stops) = join(admin::known(app), places::known(app)).await;
    let copy = kv::document(app).await.ok().flatten();
    let in_force = cache::current(app).await.version;
    let (sightings, complete, missing) = sightings(app, from, to).await;
    let ramp = match &known {
        Some(known) => ramp(app, known.document.clone(), &stops.union()).await,
        None => None,
    };
    // Where the newest version is not known, none is older.
    let (newest, changed_at) = known.as_ref().map_or((0, to), |known| (known.document.version, known.changed_at));
    let Spread { isolates, behind, older_events, slowest } = sightings.spread(newest, changed_at);
    Ok(FlagStatusAnswer {
        newest: known.as_ref().map(|known| known.document.version),
        source: known.map(|known| known.source),
        copy: copy.map(|copy| copy.version),
        in_force,
        from,
        to,
        complete,
        missing,
        isolates,
        behind,
        older_events,
        slowest,
        flag_ttl_ms: app.config.flag_ttl_ms,
        ramp,
        stop: stop_status(app, &stops),
    })
}

fn stop_status(app: &App, known: &places::KnownStops) -> StopStatus {
    let holds = |place: &Option<Latch>| place.as_ref().map(Latch::holds);
    // What this isolate obeys is known, too, whatever can't be read.
    let all = known.union().merged(cache::stops(app));
    let holding = all.holding().into_iter().cloned().collect();
    let (history, object, copy) = (holds(&known.history), holds(&known.object), holds(&known.copy));
    StopStatus { holding, history, object, copy }
}

/// The events of both stores, the newest first, as far as one read may; whether that is all of them; and what of the
/// stores could not be read.
async fn sightings(app: &App, from: u64, to: u64) -> (Sightings, bool, Vec<MissingData>) {
    let (deadline, mut missing) = (app.read_deadline(), Vec::new());
    let (mut sightings, mut complete) = (Sightings::default(), true);
    let (mut end, mut piece) = (to, FIRST_PIECE_MS);
    // A store that did not answer is not asked again.
    while end > from && sightings.len() < MAX_EVENTS && missing.is_empty() {
        let start = end.saturating_sub(piece).max(from);
        let before = sightings.len();
        let (old, new) = stores::events(app, start, end, deadline).await;
        for store in [old, new] {
            if let Some((events, more)) = store.found {
                sightings.add(&events);
                complete &= !more;
            }
            missing = missing::union(&missing, &store.missing);
        }
        end = start;
        piece *= if sightings.len() - before < FEW_EVENTS { 2 } else { 1 };
    }
    (sightings, complete && missing.is_empty() && end <= from, missing)
}

async fn ramp(app: &App, document: Document, stops: &Latch) -> Option<RampStatus> {
    let document = after_release(document, stops.released_at());
    let Ramp { steps, next, due_at, every_ms, paused } = document.ramp.clone()?;
    let mut state = document.ramp.as_ref()?.stage(app.now_ms());
    let holding = match stops.refusal(rfc3339) {
        _ if state != RampStage::Due => None,
        Some(reason) => Some(reason),
        None => match ramp_gate::read(app, &document).await {
            Gate::Hold(reason) => Some(reason),
            Gate::Pass => None,
        },
    };
    if holding.is_some() {
        state = RampStage::Holding;
    }
    Some(RampStatus { steps, next, due_at, every_ms, paused, state, holding })
}
