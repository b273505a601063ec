//! Reading the same of both stores at once: the object's answer first, then D1's.

use std::cell::RefCell;
use std::fmt::Display;
use std::future::Future;

use futures_util::future::{join, join_all};
use litemap::LiteMap;
use worker::Env;

use crate::domain::event::Event;
use crate::domain::identity::IdempotentId;
use crate::domain::intervals::{self, Intervals};
use crate::domain::merge;
use crate::domain::rollup::Rollups;
use crate::domain::selection::{Known, Parts, Selection};
use crate::store::read::{EventReader, Found, Sighting, summed};
use crate::store::recall::{MAX_BYTES, Recall};

use super::clock;
use super::collector_client;
use super::config::Config;
use super::sql_d1::D1Sql;

/// What one store answers, or why it does not.
pub type Answer<T> = Result<T, String>;

/// Events, and whether there are more than were given out.
pub type Events = (Vec<Event>, bool);

thread_local! {
    /// What this isolate remembers of the stores, by their names.
    static MEMORY: RefCell<LiteMap<String, Recall>> = const { RefCell::new(LiteMap::new()) };
}

/// Name of the new store; an object's begins differently.
const NEW: &str = "new";

/// Figures that were selected.
pub async fn rollups(env: &Env, config: &Config, selection: &Selection) -> (Answer<Rollups>, Answer<Rollups>) {
    let new = as_text(async { new_store(env)?.rollups(selection).await });
    let old = async {
        let ask = |name: String| async move { collector_client::find(env, &name, selection, None).await };
        let mut rows = Vec::new();
        for found in join_all(collector_client::names(config).map(ask)).await {
            let Found { folded, waiting, .. } = found?;
            rows.extend(folded.into_iter().chain(waiting));
        }
        summed(&rows).map_err(|error| error.to_string())
    };
    join(old, new).await
}

/// Figures that were selected, for a merge. Of dual events the new store gives numbers only, unless the old one lacks
/// some: sketches are most of what is read, and a merge takes them from the store that has more.
pub async fn for_merge(env: &Env, config: &Config, selection: &Selection) -> (Answer<Intervals>, Answer<Intervals>) {
    let thin = Selection { dual: Parts::Counts, ..selection.clone() };
    let (old, new) = join(of_old(env, config, selection), of_new(env, config, &thin)).await;
    match (&old, &new) {
        (Ok(held), Ok(known)) if selection.dual > Parts::Counts && merge::takes_dual_of_new(held, known) => {
            let new = of_new(env, config, selection).await;
            (old, new)
        }
        _ => (old, new),
    }
}

async fn of_old(env: &Env, config: &Config, selection: &Selection) -> Answer<Intervals> {
    let ask = |name: String| async move {
        let find = async |known: Option<Known>| collector_client::find(env, &name, selection, known.as_ref()).await;
        remembering(&name, config, selection, find).await
    };
    let mut all = Intervals::new();
    for answer in join_all(collector_client::names(config).map(ask)).await {
        intervals::extend(&mut all, answer?);
    }
    Ok(all)
}

async fn of_new(env: &Env, config: &Config, selection: &Selection) -> Answer<Intervals> {
    let find =
        async |known: Option<Known>| as_text(async { new_store(env)?.find(selection, known.as_ref()).await }).await;
    remembering(NEW, config, selection, find).await
}

/// Asks a store for what this isolate does not remember of a selection.
async fn remembering(
    name: &str,
    config: &Config,
    selection: &Selection,
    find: impl AsyncFnOnce(Option<Known>) -> Answer<Found>,
) -> Answer<Intervals> {
    let now_ms = clock::now_ms();
    let recalled = MEMORY.with_borrow(|memory| memory.get(name).map(|recall| recall.recall(selection, now_ms)));
    let recalled = recalled.unwrap_or_default();
    let found = find(recalled.known()).await?;
    MEMORY.with_borrow_mut(|memory| {
        let stores = usize::try_from(config.shards).unwrap_or(usize::MAX).saturating_add(1);
        let recall = memory.entry(name.to_owned()).or_insert_with(|| Recall::new(MAX_BYTES / stores));
        recall.learn(selection, &recalled, &found, now_ms).map_err(|error| error.to_string())
    })
}

/// Events of a range.
pub async fn events(env: &Env, config: &Config, from: u64, to: u64) -> (Answer<Events>, Answer<Events>) {
    let new = as_text(async { new_store(env)?.events(from, to).await });
    join(collector_client::events(env, config, from, to), new).await
}

/// What is known of an ID.
pub async fn trace(env: &Env, config: &Config, id: IdempotentId) -> (Answer<Sighting>, Answer<Sighting>) {
    let new = as_text(async { new_store(env)?.trace(id).await });
    join(collector_client::trace(env, config, id), new).await
}

fn new_store(env: &Env) -> Result<EventReader, crate::store::sql::StoreError> {
    D1Sql::of(env).map(EventReader::new)
}

async fn as_text<T, E: Display>(read: impl Future<Output = Result<T, E>>) -> Answer<T> {
    read.await.map_err(|error| error.to_string())
}
