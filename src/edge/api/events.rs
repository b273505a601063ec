//! `GET ids` and `GET trace/{id}`: the events themselves, as each store has them.

use serde::Serialize;
use worker::Env;

use crate::domain::event::Event;
use crate::domain::identity::IdempotentId;
use crate::edge::config::Config;
use crate::edge::problem::Problem;
use crate::edge::query::parameter;
use crate::edge::{clock, collector_client, sql_d1::D1Sql, stores};
use crate::store::events::EventStore;

use super::range;
use super::stats::unreadable;

/// Events of one store.
#[derive(Serialize)]
pub struct EventList {
    store: String,
    from: u64,
    to: u64,
    /// Whether there are more than are given out: ask for a shorter range.
    more: bool,
    events: Vec<Event>,
}

/// What both stores know of an ID.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    idempotent_id: IdempotentId,
    old: Vec<Stored>,
    new: Vec<Stored>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    stored_at: u64,
    event: Event,
}

/// Reads the events of one store and range.
pub async fn read(url: &str, env: &Env, config: &Config) -> Result<EventList, Problem> {
    let (from, to) = range::of(url, clock::now_ms())?;
    let store = parameter(url, "store");
    let (events, more) = match store.as_deref() {
        Some("old") => collector_client::events(env, config, from, to).await.map_err(unreadable)?,
        Some("new") => {
            let events = EventStore::new(D1Sql::of(env).map_err(unreadable)?, config.window_ms);
            events.events(from, to).await.map_err(unreadable)?
        }
        _ => return Err(Problem::bad_request("`store`: give `old` (the object) or `new` (D1)")),
    };
    Ok(EventList { store: store.unwrap_or_default(), from, to, more, events })
}

/// Finds an ID in both stores.
pub async fn trace(text: &str, env: &Env, config: &Config) -> Result<Trace, Problem> {
    let idempotent_id: IdempotentId =
        text.parse().map_err(|error: crate::domain::error::InputError| Problem::bad_request(error.to_string()))?;
    let (old, new) = stores::trace(env, config, idempotent_id).await;
    let stored =
        |list: Vec<(Event, u64)>| list.into_iter().map(|(event, stored_at)| Stored { stored_at, event }).collect();
    Ok(Trace { idempotent_id, old: stored(old.map_err(unreadable)?), new: stored(new.map_err(unreadable)?) })
}
