//! The stops, as all places know them.
//!
//! Three places hold the stops, which fail apart: the object `default` (consistent, near seconds to every router), D1
//! (consistent, with their history) and KV (near every router, up to a minute old). Each is told of every stop and
//! release; one that takes a stop is enough, and the repair tells the others. See `crates/model/src/flag/stop.rs` for why
//! records can be merged in any order.
//!
//! | a crash after | leaves | the repair |
//! |---|---|---|
//! | telling some places | a stop or a release that these places know | tells the others |
//! | KV alone taking a stop | it in KV's copy | tells the others, unless a merge into an older copy dropped it first |
//! | its own key in KV | it under a key that no merge touches | tells the others, then deletes the key |

use futures_util::future::join;
use model::flag::obeyed::FlagCopy;
use model::flag::stop::{Latch, Stop};
use model::time::rfc3339;
use store::flag::stops::Stops;

use super::{cache, kv};
use crate::app::App;
use crate::error::Error;
use crate::objects::ask;
use crate::port::Failure;

/// How long D1 or the object may take, in ms. A stop doesn't wait longer for a place that is down.
pub const DEADLINE_MS: u64 = 2_000;

/// Attempts to write a copy in KV that misses no stop which somebody else makes meanwhile.
const COPY_ATTEMPTS: usize = 3;

/// The stops that each place knows. None for a place that can't be read.
#[derive(Debug, Clone)]
pub struct KnownStops {
    /// D1.
    pub history: Option<Latch>,
    /// The object.
    pub object: Option<Latch>,
    /// KV.
    pub copy: Option<Latch>,
    /// Whether KV holds what can't be read as stops.
    copy_is_garbage: bool,
}

impl KnownStops {
    /// All known stops.
    pub fn union(&self) -> Latch {
        let places = [&self.history, &self.object, &self.copy];
        places.into_iter().flatten().fold(Latch::default(), |all, latch| all.merged(latch.clone()))
    }

    /// Whether enough can be read to say that no stop holds: D1, and one of the places that take a stop without it.
    pub const fn is_enough(&self) -> bool {
        self.history.is_some() && (self.object.is_some() || self.copy.is_some())
    }
}

pub(super) async fn in_history(app: &App, record: &Latch) -> Result<Latch, Failure> {
    let write = async { Stops::new(app.new_store()?).write(record).await };
    app.until(app.deadline(DEADLINE_MS), write).await.map_err(|error| Failure(format!("D1: {error}")))
}

pub(super) async fn in_object(app: &App, record: &Latch) -> Result<Latch, Failure> {
    let told = FlagCopy { latch: record.clone(), document: None };
    ask::flag(app, &told, DEADLINE_MS).await.map(|held| held.latch)
}

pub(super) fn said(app: &App, place: &str, answer: Result<Latch, Failure>) -> Option<Latch> {
    answer.inspect_err(|error| app.error(format_args!("Stops in {place}: {error}"))).ok()
}

/// Asks all places.
pub async fn known(app: &App) -> KnownStops {
    let nothing = Latch::default();
    let stored = join(in_history(app, &nothing), in_object(app, &nothing));
    let ((history, object), copy) = join(stored, kv::stops(app)).await;
    let copy_is_garbage = matches!(copy, Ok(Err(_)));
    let copy = said(app, "KV", copy.and_then(|text| text));
    KnownStops { history: said(app, "D1", history), object: said(app, "the object", object), copy, copy_is_garbage }
}

/// The stops in D1, which keeps all.
///
/// # Errors
/// D1 can't be read.
pub async fn history(app: &App) -> Result<Latch, Error> {
    in_history(app, &Latch::default()).await.map_err(|error| {
        app.error(format_args!("Stops in D1: {error}"));
        Error::unavailable("the history of stops can't be reached now; GET flag/status says what holds")
    })
}

/// Refuses a change of the flag while a stop holds, or while it is unknown whether one does.
///
/// # Errors
/// Who stopped, when and why, and how it is released.
pub async fn refuse_while_stopped(app: &App) -> Result<Latch, Error> {
    let (known, alone) = join(known(app), kv::alone(app)).await;
    // A stop that KV alone took is under a key of its own, until the repair has told the other places.
    let latch = known.union().merged(alone.unwrap_or_default().0);
    if let Some(detail) = latch.refusal(rfc3339) {
        return Err(Error::Stopped(detail));
    }
    if !known.is_enough() {
        let detail = "whether a stop holds can't be told now: D1, or both KV and the object, can't be read; \
                      POST flag/stop works without them";
        return Err(Error::unavailable(detail));
    }
    Ok(latch)
}

/// Which places took a stop or a release, and all stops known afterwards.
pub(super) struct StopDelivery {
    /// All that is known.
    pub known: Latch,
    /// Whether D1 took it.
    pub recorded: bool,
    /// Whether KV took it.
    pub copied: bool,
    /// Whether the object took it.
    pub in_object: bool,
}

/// Tells all places of a stop or a release.
pub(super) async fn tell(app: &App, stop: &Stop) -> StopDelivery {
    let record = Latch::of([stop.clone()]);
    let (history, (object, mut known, mut copied)) = join(in_history(app, &record), copy(app, &record)).await;
    let history = said(app, "D1", history);
    let (recorded, in_object) = (history.is_some(), object);
    known.merge(history.unwrap_or_default());
    if !recorded
        && !in_object
        && copied
        && let Err(error) = kv::write_alone(app, stop).await
    {
        app.error(format_args!("Stop {}: {error}", stop.id));
        // The next merge into an older copy would drop it: whoever stops must not believe that it is kept.
        copied = false;
    }
    if recorded || in_object || copied {
        cache::learn(app, known.clone());
    }
    StopDelivery { known, recorded, copied, in_object }
}

/// Tells the object, then writes to KV all that is known. D1 is not waited for.
async fn copy(app: &App, record: &Latch) -> (bool, Latch, bool) {
    let (object, copy) = join(in_object(app, record), kv::stops(app)).await;
    let (object, copy) = (said(app, "the object", object), said(app, "KV", copy.and_then(|text| text)));
    let taken = object.is_some();
    let mut known = record.clone().merged(cache::stops(app));
    known.merge(object.unwrap_or_default());
    known.merge(copy.unwrap_or_default());
    for _ in 0..COPY_ATTEMPTS {
        if let Err(error) = kv::write_stops(app, &known).await {
            app.error(format_args!("Stops are not copied: {error}"));
            return (taken, known, false);
        }
        // Somebody else may have told the object meanwhile, and written their copy before this one.
        let Ok(now) = in_object(app, &Latch::default()).await else { break };
        let merged = known.clone().merged(now);
        if merged == known {
            break;
        }
        known = merged;
    }
    (taken, known, true)
}

/// Brings the stops in all places together. Returns all known stops.
///
/// # Errors
/// What could not be read or written; the rest is done.
pub async fn repair(app: &App) -> Result<Latch, Failure> {
    let (places, alone) = join(known(app), kv::alone(app)).await;
    let (alone, keys) = alone.unwrap_or_else(|error| {
        app.error(format_args!("Stops in KV: {error}"));
        Default::default()
    });
    let all = places.union().merged(alone);
    let mut failed = Vec::new();
    if places.history.as_ref() != Some(&all) {
        failed.extend(in_history(app, &all).await.err());
    }
    if places.object.as_ref() != Some(&all) {
        failed.extend(in_object(app, &all).await.err());
    }
    // KV that can't be read is left alone: it may hold a stop that no other place took.
    if places.copy.is_none() && !places.copy_is_garbage {
        failed.push(Failure::from("the copy of the stops can't be read"));
    } else if places.copy.as_ref() != Some(&all.copy()) {
        failed.extend(kv::write_stops(app, &all).await.err());
    }
    if failed.is_empty() && !keys.is_empty() {
        failed.extend(kv::delete(app, &keys).await.err());
    }
    cache::learn(app, all.clone());
    if failed.is_empty() { Ok(all) } else { Err(Failure::all(&failed)) }
}
