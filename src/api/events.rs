//! `GET ids`: the events themselves, as a store has them.

use serde::Serialize;
use worker::Env;

use crate::config::Config;
use crate::deadline::Deadline;
use crate::problem::Problem;
use crate::query::parameter;
use crate::{clock, stores};
use model::event::Event;
use model::reading::missing::Missing;

use super::range;
use super::stats::nothing_is_readable;

/// Events of one store.
#[derive(Serialize)]
pub struct EventList {
    store: String,
    from: u64,
    to: u64,
    /// Whether there are more than are given out: ask for a shorter range.
    more: bool,
    missing: Vec<Missing>,
    events: Vec<Event>,
}

/// Reads the events of one store and range.
pub async fn read(url: &str, env: &Env, config: &Config) -> Result<EventList, Problem> {
    let (from, to) = range::of(url, clock::now_ms())?;
    let store = parameter(url, "store");
    let deadline = Deadline::to_read(config);
    let answer = match store.as_deref() {
        Some("old") => stores::old_events(env, config, from, to, deadline).await,
        Some("new") => stores::new_events(env, from, to, deadline).await,
        _ => return Err(Problem::bad_request("`store`: give `old` (the object) or `new` (D1)")),
    };
    let (events, more) = answer.found.ok_or_else(|| nothing_is_readable(&answer.missing))?;
    Ok(EventList { missing: answer.missing, store: store.unwrap_or_default(), from, to, more, events })
}
