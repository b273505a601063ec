//! Reading the same of both stores at once: the object's answer first, then D1's.

use std::fmt::Display;
use std::future::Future;

use futures_util::future::join;
use worker::Env;

use crate::domain::event::Event;
use crate::domain::identity::IdempotentId;
use crate::domain::merge;
use crate::domain::rollup::Rollups;
use crate::domain::selection::{Parts, Selection};
use crate::store::events::EventStore;
use crate::store::read::Sighting;

use super::collector_client;
use super::config::Config;
use super::sql_d1::D1Sql;

/// What one store answers, or why it does not.
pub type Answer<T> = Result<T, String>;

/// Events, and whether there are more than were given out.
pub type Events = (Vec<Event>, bool);

/// Figures that were selected.
pub async fn rollups(env: &Env, config: &Config, selection: &Selection) -> (Answer<Rollups>, Answer<Rollups>) {
    let new = as_text(async { new_store(env, config)?.rollups(selection).await });
    join(collector_client::rollups(env, config, selection), new).await
}

/// Figures that were selected, for a merge. Of dual events the new store gives numbers only, unless the old one lacks
/// some: sketches are most of what is read, and a merge takes them from the store that has more.
pub async fn for_merge(env: &Env, config: &Config, selection: &Selection) -> (Answer<Rollups>, Answer<Rollups>) {
    let thin = Selection { dual: Parts::Counts, ..selection.clone() };
    let ask = |selection| as_text(async move { new_store(env, config)?.rollups(selection).await });
    let (old, new) = join(collector_client::rollups(env, config, selection), ask(&thin)).await;
    match (&old, &new) {
        (Ok(held), Ok(known)) if selection.dual > Parts::Counts && merge::takes_dual_of_new(held, known) => {
            let new = ask(selection).await;
            (old, new)
        }
        _ => (old, new),
    }
}

/// Events of a range.
pub async fn events(env: &Env, config: &Config, from: u64, to: u64) -> (Answer<Events>, Answer<Events>) {
    let new = as_text(async { new_store(env, config)?.events(from, to).await });
    join(collector_client::events(env, config, from, to), new).await
}

/// What is known of an ID.
pub async fn trace(env: &Env, config: &Config, id: IdempotentId) -> (Answer<Sighting>, Answer<Sighting>) {
    let new = as_text(async { new_store(env, config)?.trace(id).await });
    join(collector_client::trace(env, config, id), new).await
}

fn new_store(env: &Env, config: &Config) -> Result<EventStore, crate::store::sql::StoreError> {
    Ok(EventStore::new(D1Sql::of(env)?, config.window_ms))
}

async fn as_text<T, E: Display>(read: impl Future<Output = Result<T, E>>) -> Answer<T> {
    read.await.map_err(|error| error.to_string())
}
