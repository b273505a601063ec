//! Stopping and releasing; and what all places know of stops.
//!
//! Three places hold the stops, which fail apart: the object `default` (consistent, near seconds to every router), D1
//! (consistent, with their history) and KV (near every router, up to a minute old). Each is told of every stop and
//! release; one that takes a stop is enough, and the repair tells the others. See `crates/model/src/flag/stop.rs` for why records
//! can be merged in any order.

use futures_util::future::join;
use serde::Serialize;
use worker::{Env, console_error, console_log};

use model::flag::change;
use model::flag::obeyed::Held;
use model::flag::stop::{Act, Latch, MAX_HOLDING, Stop};
use store::flag::stops::Stops;

use crate::flag_admin::{self, Changed};
use crate::problem::Problem;
use crate::sql_d1::D1Sql;
use crate::{address_key, clock, collector_client, flag_cache, flag_kv};

/// How long D1 or the object may take, in ms: a stop doesn't wait for what is away.
pub const DEADLINE_MS: u64 = 2_000;

/// Title of the problem by which changes are refused while a stop holds.
pub const STOPPED: &str = "Stopped";

/// Attempts to write a copy in KV that misses no stop which somebody else makes meanwhile.
const COPY_ATTEMPTS: usize = 3;

/// What became of a stop, or of a release.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    /// The stop.
    pub stop: Stop,
    /// All stops that hold now, the newest first.
    pub holding: Vec<Stop>,
    /// Whether D1 has it.
    pub recorded: bool,
    /// Whether KV has it.
    pub copied: bool,
    /// Whether the object has it.
    pub in_object: bool,
    /// The change of the flag that was made before a release, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
}

/// What each place knows of stops; none where it can't be read.
#[derive(Debug, Clone)]
pub struct Known {
    /// D1.
    pub history: Option<Latch>,
    /// The object.
    pub object: Option<Latch>,
    /// KV.
    pub copy: Option<Latch>,
    /// Whether KV holds what can't be read as stops.
    copy_is_garbage: bool,
}

impl Known {
    /// What is known at all.
    pub fn union(&self) -> Latch {
        let places = [&self.history, &self.object, &self.copy];
        places.into_iter().flatten().fold(Latch::default(), |all, latch| all.merged(latch.clone()))
    }

    /// Whether enough can be read to say that no stop holds: D1, and one of the places that take a stop without it.
    pub const fn is_enough(&self) -> bool {
        self.history.is_some() && (self.object.is_some() || self.copy.is_some())
    }
}

async fn in_history(env: &Env, record: &Latch) -> Result<Latch, String> {
    let write = async { Stops::new(D1Sql::of(env)?).write(record).await };
    match clock::within_ms(DEADLINE_MS, write).await {
        Some(answer) => answer.map_err(|error| error.to_string()),
        None => Err(format!("D1 gave no answer within {DEADLINE_MS} ms")),
    }
}

async fn in_object(env: &Env, record: &Latch) -> Result<Latch, String> {
    let told = Held { latch: record.clone(), document: None };
    collector_client::flag(env, &told, DEADLINE_MS).await.map(|held| held.latch)
}

fn said(place: &str, answer: Result<Latch, String>) -> Option<Latch> {
    answer.inspect_err(|error| console_error!("Stops in {place}: {error}")).ok()
}

/// Asks all places.
pub async fn known(env: &Env) -> Known {
    let nothing = Latch::default();
    let stored = join(in_history(env, &nothing), in_object(env, &nothing));
    let ((history, object), copy) = join(stored, flag_kv::stops(env)).await;
    let copy_is_garbage = matches!(copy, Ok(Err(_)));
    let copy = said("KV", copy.and_then(|text| text));
    Known { history: said("D1", history), object: said("the object", object), copy, copy_is_garbage }
}

/// The stops in D1, which keeps all.
///
/// # Errors
/// D1 can't be read.
pub async fn history(env: &Env) -> Result<Latch, Problem> {
    in_history(env, &Latch::default()).await.map_err(|error| {
        console_error!("Stops in D1: {error}");
        Problem::unavailable("the history of stops can't be reached now; GET flag/status says what holds")
    })
}

/// Refuses a change of the flag while a stop holds, or while that can't be told.
///
/// # Errors
/// Who stopped, when and why, and how it is released.
pub async fn refuse_while_stopped(env: &Env) -> Result<Latch, Problem> {
    let known = known(env).await;
    let latch = known.union();
    if let Some(detail) = latch.refusal(clock::rfc3339_of) {
        return Err(Problem { status: 409, title: STOPPED, detail });
    }
    if !known.is_enough() {
        let detail = "whether a stop holds can't be told now: D1, or both KV and the object, can't be read; \
                      POST flag/stop works without them";
        return Err(Problem::unavailable(detail));
    }
    Ok(latch)
}

/// What places took, and all that is known then.
struct Told {
    known: Latch,
    recorded: bool,
    copied: bool,
    in_object: bool,
}

/// Tells all places of a stop or a release.
async fn tell(env: &Env, stop: &Stop) -> Told {
    let record = Latch::of([stop.clone()]);
    // 1. A crash in here: some places know of it, or none. What one knows the repair brings to all.
    let (history, (object, mut known, copied)) = join(in_history(env, &record), copy(env, &record)).await;
    let history = said("D1", history);
    let (recorded, in_object) = (history.is_some(), object);
    known.merge(history.unwrap_or_default());
    if !recorded && !in_object && copied {
        // 2. A crash here: as 1., unless somebody merges into an older copy before the repair: see `flag_kv`.
        if let Err(error) = flag_kv::write_alone(env, stop).await {
            console_error!("Stop {}: {error}", stop.id);
        }
    }
    if recorded || in_object || copied {
        flag_cache::learn(known.clone());
    }
    Told { known, recorded, copied, in_object }
}

/// Tells the object, then writes to KV all that is known. D1 is not waited for.
async fn copy(env: &Env, record: &Latch) -> (bool, Latch, bool) {
    let (object, copy) = join(in_object(env, record), flag_kv::stops(env)).await;
    let (object, copy) = (said("the object", object), said("KV", copy.and_then(|text| text)));
    let taken = object.is_some();
    let mut known = record.clone().merged(flag_cache::stops());
    known.merge(object.unwrap_or_default());
    known.merge(copy.unwrap_or_default());
    for _ in 0..COPY_ATTEMPTS {
        if let Err(error) = flag_kv::write_stops(env, &known).await {
            console_error!("Stops are not copied: {error}");
            return (taken, known, false);
        }
        // Somebody else may have told the object meanwhile, and written their copy before this one.
        let Ok(now) = in_object(env, &Latch::default()).await else { break };
        let merged = known.clone().merged(now);
        if merged == known {
            break;
        }
        known = merged;
    }
    (taken, known, true)
}

fn outcome(told: Told, stop: Stop, changed: Option<Changed>) -> Stopped {
    let Told { known, recorded, copied, in_object } = told;
    let holding = known.holding().into_iter().cloned().collect();
    let stop = known.of_id(&stop.id).cloned().unwrap_or(stop);
    Stopped { stop, holding, recorded, copied, in_object, changed }
}

/// Makes routers take the old path alone, whatever the flag says, until the stop is released by its name.
///
/// # Errors
/// Nobody or no reason is named, or no place takes it.
pub async fn stop(env: &Env, by: Act) -> Result<Stopped, Problem> {
    by.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    let before = flag_cache::stops();
    let mut stop = match before.holding().as_slice() {
        [newest, ..] if before.holding().len() >= MAX_HOLDING => (*newest).clone(),
        _ => Stop::new(address_key::random_bytes(), by.clone()),
    };
    let mut told = tell(env, &stop).await;
    if !told.known.holds() {
        // What is remembered here was released elsewhere: nobody would be stopped by it.
        stop = Stop::new(address_key::random_bytes(), by);
        told = tell(env, &stop).await;
    }
    if !told.recorded && !told.copied && !told.in_object {
        return Err(Problem::unavailable("neither KV, the object nor D1 took the stop: try again"));
    }
    console_log!("Stopped ({}) by {}: {}", stop.id, stop.made.by, stop.made.reason);
    Ok(outcome(told, stop, None))
}

/// Ends the stop of this name; the flag holds again as it is. With `do_only` the flag is changed first, to the old path
/// alone, so that nothing moves.
///
/// # Errors
/// There is no such stop, or no place that is always consistent takes the release: the stop holds then.
pub async fn release(env: &Env, id: &str, by: Act, do_only: bool) -> Result<Stopped, Problem> {
    by.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    let (places, alone) = join(known(env), flag_kv::alone(env)).await;
    let mut latch = places.union().merged(flag_cache::stops());
    latch.merge(alone.unwrap_or_default().0);
    let Some(stop) = latch.of_id(id).cloned() else { return Err(unknown(id, &latch, &places)) };
    let changed = if do_only && stop.holds() { Some(flag_admin::set_do_only(env, &by).await?) } else { None };
    let released = stop.released.clone().unwrap_or_else(|| by.clone());
    let released = Stop { released: Some(released), ..stop.clone() };
    // Before KV is told, which may show what is older a moment later.
    let record = Latch::of([released.clone()]);
    let (history, object) = join(in_history(env, &record), in_object(env, &record)).await;
    if said("D1", history).is_none() && said("the object", object).is_none() {
        let detail = "neither D1 nor the object took the release, so the stop holds: try again";
        return Err(Problem::unavailable(detail));
    }
    let told = tell(env, &released).await;
    console_log!("Stop {id} released by {}: {}", by.by, by.reason);
    Ok(outcome(told, stop, changed))
}

fn unknown(id: &str, latch: &Latch, places: &Known) -> Problem {
    if !places.is_enough() {
        return Problem::unavailable(format!("no place that can be read now knows of `{id}`: try again"));
    }
    let holding: Vec<&str> = latch.holding().into_iter().map(|stop| stop.id.as_str()).collect();
    let remedy =
        if holding.is_empty() { "none holds".to_owned() } else { format!("give one of {}", holding.join(", ")) };
    Problem::not_found(format!("`id`: there is no stop \"{id}\"; {remedy}"))
}

/// Brings all places together; gives what is known then.
///
/// # Errors
/// What could not be read or written; the rest is done.
pub async fn repair(env: &Env) -> Result<Latch, String> {
    let (places, alone) = join(known(env), flag_kv::alone(env)).await;
    let (alone, keys) = alone.unwrap_or_else(|error| {
        console_error!("Stops in KV: {error}");
        Default::default()
    });
    let all = places.union().merged(alone);
    let mut failed = Vec::new();
    // 1. A crash here or below: the next run does it again, and what was written already is written once more.
    if places.history.as_ref() != Some(&all) {
        failed.extend(in_history(env, &all).await.err());
    }
    if places.object.as_ref() != Some(&all) {
        failed.extend(in_object(env, &all).await.err());
    }
    // KV that can't be read is left alone: it may hold a stop that no other place took.
    if places.copy.is_none() && !places.copy_is_garbage {
        failed.push("the copy of the stops can't be read".to_owned());
    } else if places.copy.as_ref() != Some(&all.copy()) {
        failed.extend(flag_kv::write_stops(env, &all).await.err());
    }
    if failed.is_empty() && !keys.is_empty() {
        failed.extend(flag_kv::delete(env, &keys).await.err());
    }
    flag_cache::learn(all.clone());
    if failed.is_empty() { Ok(all) } else { Err(failed.join("; ")) }
}

/// A stop or a release as it is recorded.
pub fn act(by: String, reason: String) -> Act {
    Act { at: clock::now_ms(), by, reason }
}

/// Who changes the flag, as a change has it.
pub fn author(by: &Act) -> change::Author {
    change::Author { by: by.by.clone(), reason: by.reason.clone(), at: clock::rfc3339_of(by.at) }
}
