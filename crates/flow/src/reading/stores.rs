//! Asks both stores the same at once. Results are the object's answer first, then D1's.
//!
//! Invariant: both stores have the same deadline, and the answer of one is used even if the other doesn't answer.

use futures_util::future::join;

use model::counting::rollup::{self, Rollups};
use model::event::Event;
use model::event::identity::IdempotentId;
use model::reading::answers::{LogState, SelectedRollups, Sighting};
use model::reading::intervals::{self, Intervals};
use model::reading::merge;
use model::reading::missing::{self, MissingData, MissingPart};
use model::reading::selection::{KnownIntervals, RollupParts, Selection};
use store::events::read::summed;
use store::events::recall::{MAX_BYTES, Recall};
use store::sql::StoreError;

use crate::app::App;
use crate::deadline::Deadline;
use crate::objects::{all, ask, layout};

/// Events, and whether there are more than were returned.
pub type Events = (Vec<Event>, bool);

/// A store's answer, as far as it arrived in time.
#[derive(Debug)]
pub struct StoreAnswer<T> {
    /// What was found. None if nothing answered. If there are several objects, the sum of those that answered.
    pub found: Option<T>,
    /// What is missing from the answer.
    pub missing: Vec<MissingData>,
}

impl<T> StoreAnswer<T> {
    /// The answer, if nothing is missing.
    ///
    /// # Errors
    /// What is missing from the answer.
    pub fn whole(self) -> Result<T, StoreError> {
        self.found
            .filter(|_| self.missing.is_empty())
            .ok_or_else(|| StoreError::Unavailable(missing::sentence(&self.missing)))
    }

    fn of_new(app: &App, answer: Result<T, StoreError>) -> Self {
        match answer {
            Ok(found) => Self { found: Some(found), missing: Vec::new() },
            Err(error) => Self { found: None, missing: vec![app.missing(MissingPart::New, &error)] },
        }
    }

    /// The sum of what each object answered.
    fn of_old(app: &App, answers: Vec<(String, Result<T, StoreError>)>, mut add: impl FnMut(&mut T, T)) -> Self {
        let mut sum = Self { found: None, missing: Vec::new() };
        let objects = answers.len();
        for (name, answer) in answers {
            match (answer, &mut sum.found) {
                (Ok(found), Some(all)) => add(all, found),
                (Ok(found), none) => *none = Some(found),
                (Err(error), _) => {
                    let mut missing = app.missing(MissingPart::Old, &error);
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

/// Name of the new store; an object's begins differently.
const NEW: &str = "new";

/// The selected figures.
pub async fn rollups(
    app: &App,
    selection: &Selection,
    deadline: Deadline,
) -> (StoreAnswer<Rollups>, StoreAnswer<Rollups>) {
    let new = async { app.event_reader(deadline)?.rollups(selection).await };
    let old = all::of_each(app, deadline, async |name| {
        let SelectedRollups { folded, waiting, .. } = ask::find(app, name, selection, None, deadline).await?;
        summed(folded.iter().chain(&waiting))
    });
    let (old, new) = join(old, new).await;
    let add = |all: &mut Rollups, of_object: Rollups| {
        for (key, rollup) in of_object {
            rollup::merge(all, key, &rollup);
        }
    };
    (StoreAnswer::of_old(app, old, add), StoreAnswer::of_new(app, new))
}

/// The selected figures, for a merge. For dual events the new store returns only numbers, unless the old store lacks
/// some: sketches are the largest part of what is read, and a merge takes them from the store that has more.
pub async fn for_merge(
    app: &App,
    selection: &Selection,
    deadline: Deadline,
) -> (StoreAnswer<Intervals>, StoreAnswer<Intervals>) {
    let thin = Selection { dual: RollupParts::Counts, ..selection.clone() };
    let (old, new) = join(of_old(app, selection, deadline), of_new(app, &thin, deadline)).await;
    let nothing = Intervals::new();
    let held = old.found.as_ref().unwrap_or(&nothing);
    match &new.found {
        Some(known) if selection.dual > RollupParts::Counts && merge::takes_dual_of_new(held, known) => {
            // An old store that let the deadline pass must not keep the new one from being heard.
            let deadline = if old.missing.is_empty() { deadline } else { app.read_deadline() };
            let new = of_new(app, selection, deadline).await;
            (old, new)
        }
        _ => (old, new),
    }
}

async fn of_old(app: &App, selection: &Selection, deadline: Deadline) -> StoreAnswer<Intervals> {
    let ask = async |name: &str| {
        let find = async |known: Option<KnownIntervals>| ask::find(app, name, selection, known, deadline).await;
        remembering(name, app, selection, find).await
    };
    StoreAnswer::of_old(app, all::of_each(app, deadline, ask).await, intervals::extend)
}

async fn of_new(app: &App, selection: &Selection, deadline: Deadline) -> StoreAnswer<Intervals> {
    let find = async |known: Option<KnownIntervals>| app.event_reader(deadline)?.find(selection, known.as_ref()).await;
    StoreAnswer::of_new(app, remembering(NEW, app, selection, find).await)
}

/// Asks a store for what this isolate does not remember of a selection.
async fn remembering(
    name: &str,
    app: &App,
    selection: &Selection,
    find: impl AsyncFnOnce(Option<KnownIntervals>) -> Result<SelectedRollups, StoreError>,
) -> Result<Intervals, StoreError> {
    let now_ms = app.now_ms();
    let recalls = &app.isolate.recalls;
    let recalled = recalls.borrow().get(name).map(|recall| recall.recall(selection, now_ms)).unwrap_or_default();
    let found = find(recalled.known()).await?;
    let stores = usize::try_from(layout::known(app)).unwrap_or(usize::MAX).saturating_add(1);
    let mut recalls = recalls.borrow_mut();
    let recall = recalls.entry(name.to_owned()).or_insert_with(|| Recall::new(MAX_BYTES / stores));
    recall.learn(selection, &recalled, &found, now_ms)
}

/// Events of a range.
pub async fn events(app: &App, from: u64, to: u64, deadline: Deadline) -> (StoreAnswer<Events>, StoreAnswer<Events>) {
    join(old_events(app, from, to, deadline), new_events(app, from, to, deadline)).await
}

/// Events of a range in the old store.
pub async fn old_events(app: &App, from: u64, to: u64, deadline: Deadline) -> StoreAnswer<Events> {
    let add = |(all, any_more): &mut Events, (events, more): Events| {
        all.extend(events);
        *any_more |= more;
    };
    StoreAnswer::of_old(app, all::events(app, from, to, deadline).await, add)
}

/// Events of a range in the new store.
pub async fn new_events(app: &App, from: u64, to: u64, deadline: Deadline) -> StoreAnswer<Events> {
    let events = async { app.event_reader(deadline)?.events(from, to).await };
    StoreAnswer::of_new(app, events.await)
}

/// What each store knows of an ID.
pub async fn trace(app: &App, id: IdempotentId, deadline: Deadline) -> (StoreAnswer<Sighting>, StoreAnswer<Sighting>) {
    let new = async { app.event_reader(deadline)?.trace(id).await };
    let add = |all: &mut Sighting, Sighting { stored, absorbed }: Sighting| {
        all.stored.extend(stored);
        all.absorbed.extend(absorbed);
    };
    let (old, new) = join(all::trace(app, id, deadline), new).await;
    (StoreAnswer::of_old(app, old, add), StoreAnswer::of_new(app, new))
}

/// How much each store holds, by object; and the size of D1 in bytes.
pub async fn state(app: &App, deadline: Deadline) -> (StoreAnswer<Vec<LogState>>, StoreAnswer<LogState>) {
    let now_ms = app.now_ms();
    let new = async {
        let state = app.event_reader(deadline)?.state(now_ms).await?;
        Ok(LogState { bytes: app.ports.new_store.bytes(), ..state })
    };
    let (old, new) = join(all::state(app, deadline), new).await;
    let old = old.into_iter().map(|(name, state)| (name, state.map(|state| vec![state]))).collect();
    (StoreAnswer::of_old(app, old, |all: &mut Vec<LogState>, state| all.extend(state)), StoreAnswer::of_new(app, new))
}
