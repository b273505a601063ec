//! Reading the same of both stores at once: the object's answer first, then D1's.
//!
//! Invariant: each is waited for until the same deadline, and one that is missing doesn't keep the other from being heard.

use std::cell::RefCell;

use futures_util::future::join;
use litemap::LiteMap;
use worker::Env;

use model::counting::rollup::{self, Rollups};
use model::event::Event;
use model::event::identity::IdempotentId;
use model::reading::intervals::{self, Intervals};
use model::reading::merge;
use model::reading::missing::{self, Missing, Part};
use model::reading::selection::{Known, Parts, Selection};
use store::events::read::{EventReader, Found, LogState, Sighting, summed};
use store::events::recall::{MAX_BYTES, Recall};
use store::sql::StoreError;

use crate::clock;
use crate::collector_client;
use crate::config::Config;
use crate::deadline::{self, Deadline};
use crate::layout;
use crate::sql_d1::D1Sql;

/// Events, and whether there are more than were given out.
pub type Events = (Vec<Event>, bool);

/// What a store answered in time.
#[derive(Debug)]
pub struct Answer<T> {
    /// What there is; none where nothing is. Of several objects it is the sum of those that answered.
    pub found: Option<T>,
    /// What it lacks.
    pub missing: Vec<Missing>,
}

impl<T> Answer<T> {
    /// The answer, if it lacks nothing.
    ///
    /// # Errors
    /// What it lacks.
    pub fn whole(self) -> Result<T, StoreError> {
        self.found
            .filter(|_| self.missing.is_empty())
            .ok_or_else(|| StoreError::Unavailable(missing::sentence(&self.missing)))
    }

    fn of_new(answer: Result<T, StoreError>) -> Self {
        match answer {
            Ok(found) => Self { found: Some(found), missing: Vec::new() },
            Err(error) => Self { found: None, missing: vec![deadline::missing(Part::New, &error)] },
        }
    }

    /// The sum of what each object answered.
    fn of_old(answers: Vec<(String, Result<T, StoreError>)>, mut add: impl FnMut(&mut T, T)) -> Self {
        let mut sum = Self { found: None, missing: Vec::new() };
        let objects = answers.len();
        for (name, answer) in answers {
            match (answer, &mut sum.found) {
                (Ok(found), Some(all)) => add(all, found),
                (Ok(found), none) => *none = Some(found),
                (Err(error), _) => {
                    let mut missing = deadline::missing(Part::Old, &error);
                    if objects > 1 {
                        missing.reason = format!("object {name}: {}", missing.reason);
                    }
                    sum.missing.push(missing);
                }
            }
        }
        sum
    }
}

thread_local! {
    /// What this isolate remembers of the stores, by their names.
    static MEMORY: RefCell<LiteMap<String, Recall>> = const { RefCell::new(LiteMap::new()) };
}

/// Name of the new store; an object's begins differently.
const NEW: &str = "new";

/// Figures that were selected.
pub async fn rollups(
    env: &Env,
    config: &Config,
    selection: &Selection,
    deadline: Deadline,
) -> (Answer<Rollups>, Answer<Rollups>) {
    let new = async { new_store(env, deadline)?.rollups(selection).await };
    let old = collector_client::of_each(env, config, deadline, async |name| {
        let Found { folded, waiting, .. } = collector_client::find(env, name, selection, None, deadline).await?;
        summed(folded.iter().chain(&waiting))
    });
    let (old, new) = join(old, new).await;
    let add = |all: &mut Rollups, of_object: Rollups| {
        for (key, rollup) in of_object {
            rollup::merge(all, key, &rollup);
        }
    };
    (Answer::of_old(old, add), Answer::of_new(new))
}

/// Figures that were selected, for a merge. Of dual events the new store gives numbers only, unless the old one lacks
/// some: sketches are most of what is read, and a merge takes them from the store that has more.
pub async fn for_merge(
    env: &Env,
    config: &Config,
    selection: &Selection,
    deadline: Deadline,
) -> (Answer<Intervals>, Answer<Intervals>) {
    let thin = Selection { dual: Parts::Counts, ..selection.clone() };
    let (old, new) = join(of_old(env, config, selection, deadline), of_new(env, config, &thin, deadline)).await;
    let nothing = Intervals::new();
    let held = old.found.as_ref().unwrap_or(&nothing);
    match &new.found {
        Some(known) if selection.dual > Parts::Counts && merge::takes_dual_of_new(held, known) => {
            // An old store that let the deadline pass must not keep the new one from being heard.
            let deadline = if old.missing.is_empty() { deadline } else { Deadline::to_read(config) };
            let new = of_new(env, config, selection, deadline).await;
            (old, new)
        }
        _ => (old, new),
    }
}

async fn of_old(env: &Env, config: &Config, selection: &Selection, deadline: Deadline) -> Answer<Intervals> {
    let ask = async |name: &str| {
        let find =
            async |known: Option<Known>| collector_client::find(env, name, selection, known.as_ref(), deadline).await;
        remembering(name, config, selection, find).await
    };
    Answer::of_old(collector_client::of_each(env, config, deadline, ask).await, intervals::extend)
}

async fn of_new(env: &Env, config: &Config, selection: &Selection, deadline: Deadline) -> Answer<Intervals> {
    let find = async |known: Option<Known>| new_store(env, deadline)?.find(selection, known.as_ref()).await;
    Answer::of_new(remembering(NEW, config, selection, find).await)
}

/// Asks a store for what this isolate does not remember of a selection.
async fn remembering(
    name: &str,
    config: &Config,
    selection: &Selection,
    find: impl AsyncFnOnce(Option<Known>) -> Result<Found, StoreError>,
) -> Result<Intervals, StoreError> {
    let now_ms = clock::now_ms();
    let recalled = MEMORY.with_borrow(|memory| memory.get(name).map(|recall| recall.recall(selection, now_ms)));
    let recalled = recalled.unwrap_or_default();
    let found = find(recalled.known()).await?;
    MEMORY.with_borrow_mut(|memory| {
        let stores = usize::try_from(layout::known(config)).unwrap_or(usize::MAX).saturating_add(1);
        let recall = memory.entry(name.to_owned()).or_insert_with(|| Recall::new(MAX_BYTES / stores));
        recall.learn(selection, &recalled, &found, now_ms)
    })
}

/// Events of a range.
pub async fn events(
    env: &Env,
    config: &Config,
    from: u64,
    to: u64,
    deadline: Deadline,
) -> (Answer<Events>, Answer<Events>) {
    join(old_events(env, config, from, to, deadline), new_events(env, from, to, deadline)).await
}

/// Events of a range in the old store.
pub async fn old_events(env: &Env, config: &Config, from: u64, to: u64, deadline: Deadline) -> Answer<Events> {
    let add = |(all, any_more): &mut Events, (events, more): Events| {
        all.extend(events);
        *any_more |= more;
    };
    Answer::of_old(collector_client::events(env, config, from, to, deadline).await, add)
}

/// Events of a range in the new store.
pub async fn new_events(env: &Env, from: u64, to: u64, deadline: Deadline) -> Answer<Events> {
    let events = async { new_store(env, deadline)?.events(from, to).await };
    Answer::of_new(events.await)
}

/// What is known of an ID.
pub async fn trace(
    env: &Env,
    config: &Config,
    id: IdempotentId,
    deadline: Deadline,
) -> (Answer<Sighting>, Answer<Sighting>) {
    let new = async { new_store(env, deadline)?.trace(id).await };
    let add = |all: &mut Sighting, Sighting { stored, absorbed }: Sighting| {
        all.stored.extend(stored);
        all.absorbed.extend(absorbed);
    };
    let (old, new) = join(collector_client::trace(env, config, id, deadline), new).await;
    (Answer::of_old(old, add), Answer::of_new(new))
}

/// How much each store holds, by object; and the size of D1 in bytes.
pub async fn state(env: &Env, config: &Config, deadline: Deadline) -> (Answer<Vec<LogState>>, Answer<LogState>) {
    let now_ms = clock::now_ms();
    let new = async {
        let sql = D1Sql::until(env, deadline)?;
        let size = sql.size();
        let state = EventReader::new(sql).state(now_ms).await?;
        Ok(LogState { bytes: size.bytes(), ..state })
    };
    let (old, new) = join(collector_client::state(env, config, deadline), new).await;
    let old = old.into_iter().map(|(name, state)| (name, state.map(|state| vec![state]))).collect();
    (Answer::of_old(old, |all: &mut Vec<LogState>, state| all.extend(state)), Answer::of_new(new))
}

fn new_store(env: &Env, deadline: Deadline) -> Result<EventReader, StoreError> {
    Ok(EventReader::new(D1Sql::until(env, deadline)?))
}
