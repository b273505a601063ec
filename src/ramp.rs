//! A ramp's steps, taken by cron.
//!
//! Invariant: a step is a change like a person's: it follows the newest version or is not taken, and is in the history
//! before it is in the copy.

use std::cell::RefCell;

use worker::{Env, console_log};

use model::flag::ramp::{self, Advance, Stage};
use model::flag::stop::Latch;

use crate::config::Config;
use crate::{clock, counters, flag_admin, ramp_gate};

/// Takes the step of the newest document's ramp that is due, if no stop holds and the gate lets it pass.
///
/// # Errors
/// Why it is left for the next run.
pub async fn advance(env: &Env, config: &Config, stops: &Latch) -> Result<(), String> {
    // 1. A crash here, or up to 3: nothing was changed.
    let newest = flag_admin::newest(env, 1).await.map_err(|problem| problem.detail)?.pop();
    let Some(document) = newest.map(|change| ramp::after_release(change.document, stops.released_at())) else {
        return Ok(());
    };
    let due = document.ramp.as_ref().is_some_and(|ramp| ramp.stage(clock::now_ms()) == Stage::Due);
    if !due {
        return Ok(());
    }
    if let Some(reason) = stops.refusal(clock::rfc3339_of) {
        held(Some(reason));
        return Ok(());
    }
    // 2. Somebody may change the flag meanwhile: the step then has a version that is taken.
    let gate = ramp_gate::read(env, config, &document).await;
    match ramp::advance(&document, clock::now_ms(), &clock::now_rfc3339(), &gate) {
        Advance::Wait => Ok(()),
        Advance::Hold(reason) => {
            held(Some(reason));
            Ok(())
        }
        Advance::Step(next) => {
            held(None);
            // 3. As for any change: see there.
            flag_admin::publish(env, &document, *next).await.map(drop).map_err(|problem| problem.detail)
        }
    }
}

/// Notes that a step is held back, or no longer; logs each reason once.
fn held(reason: Option<String>) {
    thread_local! { static LAST: RefCell<Option<String>> = const { RefCell::new(None) }; }
    let before = LAST.replace(reason.clone());
    if let Some(text) = reason {
        counters::add("ramp_held", 1);
        if before.as_deref() != Some(&text) {
            console_log!("Flag ramp held: {text}");
        }
    }
}
