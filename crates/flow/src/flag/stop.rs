//! Emergency stops and their release.
//!
//! Invariant: a stop that any place took holds until a place that is always consistent takes its release.

use futures_util::future::join;
use model::flag::stop::{Latch, MAX_HOLDING, Stop, StopAct};

use super::admin;
use super::places::{self, KnownStops, StopDelivery, in_history, in_object, said, tell};
use super::{cache, kv};
use crate::app::App;
use crate::error::Error;
use api::flag::{ChangeAnswer, StopAnswer};

fn outcome(told: StopDelivery, stop: Stop, changed: Option<ChangeAnswer>) -> StopAnswer {
    let StopDelivery { known, recorded, copied, in_object } = told;
    let holding = known.holding().into_iter().cloned().collect();
    let stop = known.of_id(&stop.id).cloned().unwrap_or(stop);
    StopAnswer { stop, holding, recorded, copied, in_object, changed }
}

/// Makes routers take the old path alone, whatever the flag says, until the stop is released by its name.
///
/// # Errors
/// If the author or the reason is missing, or no place takes the stop.
pub async fn stop(app: &App, by: StopAct) -> Result<StopAnswer, Error> {
    by.check()?;
    let before = cache::stops(app);
    let mut stop = match before.holding().as_slice() {
        [newest, ..] if before.holding().len() >= MAX_HOLDING => (*newest).clone(),
        _ => Stop::new(app.unique(), by.clone()),
    };
    let mut told = tell(app, &stop).await;
    if !told.known.holds() {
        // What is remembered here was released elsewhere: nobody would be stopped by it.
        stop = Stop::new(app.unique(), by);
        told = tell(app, &stop).await;
    }
    if !told.recorded && !told.copied && !told.in_object {
        return Err(Error::unavailable("neither KV, the object nor D1 took the stop: try again"));
    }
    app.note(format_args!("Stopped ({}) by {}: {}", stop.id, stop.made.by, stop.made.reason));
    Ok(outcome(told, stop, None))
}

/// Ends the stop of this name; the flag holds again as it is. With `do_only` the flag is changed first, to the old path
/// alone, so that nothing moves.
///
/// # Errors
/// There is no such stop, or neither D1 nor the object takes the release. The stop then still holds.
pub async fn release(app: &App, id: &str, by: StopAct, do_only: bool) -> Result<StopAnswer, Error> {
    by.check()?;
    let (known, alone) = join(places::known(app), kv::alone(app)).await;
    let mut latch = known.union().merged(cache::stops(app));
    latch.merge(alone.unwrap_or_default().0);
    let Some(stop) = latch.of_id(id).cloned() else { return Err(unknown(id, &latch, &known)) };
    let changed = if do_only && stop.holds() { Some(admin::set_do_only(app, &by).await?) } else { None };
    let released = stop.released.clone().unwrap_or_else(|| by.clone());
    let released = Stop { released: Some(released), ..stop.clone() };
    // Before KV is told, which may show what is older a moment later.
    let record = Latch::of([released.clone()]);
    let (history, object) = join(in_history(app, &record), in_object(app, &record)).await;
    if said(app, "D1", history).is_none() && said(app, "the object", object).is_none() {
        let detail = "neither D1 nor the object took the release, so the stop holds: try again";
        return Err(Error::unavailable(detail));
    }
    let told = tell(app, &released).await;
    app.note(format_args!("Stop {id} released by {}: {}", by.by, by.reason));
    Ok(outcome(told, stop, changed))
}

fn unknown(id: &str, latch: &Latch, places: &KnownStops) -> Error {
    if !places.is_enough() {
        return Error::unavailable(format!("no place that can be read now knows of `{id}`: try again"));
    }
    let holding: Vec<&str> = latch.holding().into_iter().map(|stop| stop.id.as_str()).collect();
    let remedy =
        if holding.is_empty() { "none holds".to_owned() } else { format!("give one of {}", holding.join(", ")) };
    Error::missing(format!("`id`: there is no stop \"{id}\"; {remedy}"))
}
