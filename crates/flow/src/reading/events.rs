//! `GET ids`: the events themselves, as a store has them.

use serde::Serialize;

use model::event::Event;
use model::reading::missing::Missing;

use super::{range, stores};
use crate::app::App;
use crate::error::Error;
use api::url::Query;

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
///
/// # Errors
/// [`Error`].
pub async fn read(query: &Query, app: &App) -> Result<EventList, Error> {
    let (from, to) = range::of(query, app.now_ms())?;
    let store = query.get("store").map(str::to_owned);
    let deadline = app.read_deadline();
    let answer = match store.as_deref() {
        Some("old") => stores::old_events(app, from, to, deadline).await,
        Some("new") => stores::new_events(app, from, to, deadline).await,
        _ => return Err(Error::input("`store`: give `old` (the object) or `new` (D1)")),
    };
    let (events, more) = answer.found.ok_or_else(|| Error::nothing_is_readable(&answer.missing))?;
    Ok(EventList { missing: answer.missing, store: store.unwrap_or_default(), from, to, more, events })
}
