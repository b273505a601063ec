//! A ramp's steps, taken by cron.
//!
//! Invariant: a step is a change like a person's: it follows the newest version or is not taken, and is in the history
//! before it is in the copy.

use model::flag::ramp::RampStage;
use model::flag::ramp_step;
use model::flag::ramp_step::Advance;
use model::flag::stop::Latch;
use model::time::rfc3339;

use super::{admin, ramp_gate};
use crate::app::App;
use crate::error::Error;

/// Takes the step of the newest document's ramp that is due, if no stop holds and the gate lets it pass.
///
/// # Errors
/// Why it is left for the next run.
pub async fn advance(app: &App, stops: &Latch) -> Result<(), Error> {
    let document = ramp_step::after_release(admin::current(app).await?, stops.released_at());
    let due = document.ramp.as_ref().is_some_and(|ramp| ramp.stage(app.now_ms()) == RampStage::Due);
    if !due {
        return Ok(());
    }
    if let Some(reason) = stops.refusal(rfc3339) {
        held(app, Some(reason));
        return Ok(());
    }
    // Somebody may change the flag meanwhile: the step then has a version that is taken.
    let gate = ramp_gate::read(app, &document).await;
    match ramp_step::advance(&document, app.now_ms(), &rfc3339(app.now_ms()), &gate) {
        Advance::Wait => Ok(()),
        Advance::Hold(reason) => {
            held(app, Some(reason));
            Ok(())
        }
        Advance::Step(next) => {
            held(app, None);
            admin::publish(app, &document, *next).await.map(drop)
        }
    }
}

/// Notes that a step is held back, or no longer; logs each reason once.
fn held(app: &App, reason: Option<String>) {
    let before = app.isolate.ramp_held.replace(reason.clone());
    if let Some(text) = reason {
        app.count("ramp_held", 1);
        if before.as_deref() != Some(&text) {
            app.note(format_args!("Flag ramp held: {text}"));
        }
    }
}
