//! `GET ids`: the events themselves, as a store has them.

use serde::Serialize;
use worker::Env;

use crate::domain::event::Event;
use crate::edge::config::Config;
use crate::edge::problem::Problem;
use crate::edge::query::parameter;
use crate::edge::{clock, collector_client, sql_d1::D1Sql};
use crate::store::read::EventReader;

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

/// Reads the events of one store and range.
pub async fn read(url: &str, env: &Env, config: &Config) -> Result<EventList, Problem> {
    let (from, to) = range::of(url, clock::now_ms())?;
    let store = parameter(url, "store");
    let (events, more) = match store.as_deref() {
        Some("old") => collector_client::events(env, config, from, to).await.map_err(unreadable)?,
        Some("new") => {
            let events = EventReader::new(D1Sql::of(env).map_err(unreadable)?);
            events.events(from, to).await.map_err(unreadable)?
        }
        _ => return Err(Problem::bad_request("`store`: give `old` (the object) or `new` (D1)")),
    };
    Ok(EventList { store: store.unwrap_or_default(), from, to, more, events })
}
