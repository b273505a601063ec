//! `GET ids`: the events themselves, as a store has them.

use super::{range, stores};
use crate::app::App;
use crate::error::Error;
use api::events::{EventsAnswer, StoreName};
use api::parameters::STORE;
use api::url::Query;

/// Reads the events of one store and range.
///
/// # Errors
/// [`Error`].
pub async fn read(query: &Query, app: &App) -> Result<EventsAnswer, Error> {
    let (from, to) = range::of(query, app.now_ms())?;
    let deadline = app.read_deadline();
    let store = STORE.of(query)?;
    let store = store.ok_or_else(|| Error::input("`store`: give `old` (the object) or `new` (D1)"))?;
    let answer = match store {
        StoreName::Old => stores::old_events(app, from, to, deadline).await,
        StoreName::New => stores::new_events(app, from, to, deadline).await,
    };
    let (events, more) = answer.found.ok_or_else(|| Error::nothing_is_readable(&answer.missing))?;
    Ok(EventsAnswer { missing: answer.missing, store, from, to, more, events })
}
