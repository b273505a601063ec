//! Asking all objects, as one store.
//!
//! Invariant: an event goes to the object that [`layout`] names, and a question to all of them.

use std::rc::Rc;

use api::object::{ObjectAnswer, ObjectRequest};
use futures_util::future::join_all;
use model::archive::plan::{PartRange, Windows};
use model::delivery::layout::shard_name;
use model::event::Event;
use model::event::identity::{Digest, IdempotentId};
use model::event::message::EncodedEvent;
use model::parity::ask::{self, ParityQuestion};
use model::reading::answers::{LogState, Sighting};
use store::events::details::Details;
use store::parity::side::ParityStore;
use store::sql::{LocalFuture, StoreError};

use super::ask::{Collector, KEEPER, answer, ask};
use super::layout;
use crate::app::App;
use crate::deadline::Deadline;

/// What each object answered, by its name.
pub type ObjectAnswers<T> = Vec<(String, Result<T, StoreError>)>;

/// Names of all objects.
async fn names(app: &App, deadline: Deadline) -> Result<impl Iterator<Item = String> + use<>, StoreError> {
    let shards = layout::to_read(app, deadline).await?;
    Ok((0..shards).map(move |shard| shard_name(shard, shards)))
}

/// Records events of one object, written as `message`.
///
/// # Errors
/// Why they may not be recorded.
pub async fn record(app: &App, shards: u64, events: &[Rc<EncodedEvent>], message: String) -> Result<(), StoreError> {
    let Some(first) = events.first() else { return Ok(()) };
    let name = shard_name(first.event().digest.0 % shards.max(1), shards);
    Collector { app, name: &name }.record(message).await
}

/// Asks every object, and returns the answers by name. If the number of objects is unknown, the only entry is the error
/// of the object that keeps the number.
pub async fn of_each<T>(
    app: &App,
    deadline: Deadline,
    question: impl AsyncFn(&str) -> Result<T, StoreError>,
) -> ObjectAnswers<T> {
    let asked = async |name: String| {
        let answer = question(&name).await;
        (name, answer)
    };
    match names(app, deadline).await {
        Ok(names) => join_all(names.map(asked)).await,
        Err(error) => vec![(KEEPER.to_owned(), Err(error))],
    }
}

/// Events of a range (ms), by object, and whether there are more than were returned.
pub async fn events(app: &App, from: u64, to: u64, deadline: Deadline) -> ObjectAnswers<(Vec<Event>, bool)> {
    of_each(app, deadline, async |name| {
        let answer = ask(app, name, &ObjectRequest::Events { from, to }, deadline).await?;
        answer!(answer, ObjectAnswer::Events(events, more) => (events, more))
    })
    .await
}

/// What each object knows of an ID.
pub async fn trace(app: &App, id: IdempotentId, deadline: Deadline) -> ObjectAnswers<Sighting> {
    of_each(
        app,
        deadline,
        async |name| {
            answer!(ask(app, name, &ObjectRequest::Trace(id), deadline).await?, ObjectAnswer::Trace(sighting) => sighting)
        },
    )
    .await
}

/// How much each object holds.
pub async fn state(app: &App, deadline: Deadline) -> ObjectAnswers<LogState> {
    of_each(
        app,
        deadline,
        async |name| {
            answer!(ask(app, name, &ObjectRequest::State, deadline).await?, ObjectAnswer::State(state) => state)
        },
    )
    .await
}

/// All objects as one store, for background work.
#[derive(Debug, Clone, Copy)]
pub struct Collectors<'a> {
    /// The context.
    pub app: &'a App,
}

impl ParityStore for Collectors<'_> {
    fn ask<'a>(&'a self, question: &'a ParityQuestion) -> LocalFuture<'a, Result<ask::ParityAnswer, StoreError>> {
        Box::pin(async move {
            let names = names(self.app, Deadline::BACKGROUND).await?;
            let asked = names.map(|name| async move { Collector { app: self.app, name: &name }.ask(question).await });
            let mut answers = join_all(asked).await.into_iter();
            let mut sum = answers.next().unwrap_or_else(|| Err(StoreError::Unavailable("no object".to_owned())))?;
            for answer in answers {
                sum.add(answer?)?;
            }
            Ok(sum)
        })
    }
}

impl Collectors<'_> {
    /// Asks every object, one after the other, so that only one answer is in memory.
    async fn each(
        &self,
        request: ObjectRequest,
        mut take: impl FnMut(ObjectAnswer) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for name in names(self.app, Deadline::BACKGROUND).await? {
            take(ask(self.app, &name, &request, Deadline::BACKGROUND).await?)?;
        }
        Ok(())
    }
}

impl Details for Collectors<'_> {
    async fn windows(&self, from: u64, to: u64, most: u64) -> Result<Windows, StoreError> {
        let mut all = Windows { until: to, ..Windows::default() };
        let add = |answer| {
            let (counts, until) = answer!(answer, ObjectAnswer::Windows(counts, until) => (counts, until))?;
            all.add(Windows { counts: counts.into_iter().collect(), until });
            Ok(())
        };
        self.each(ObjectRequest::Windows { from, to, most }, add).await?;
        Ok(all)
    }

    async fn events_in(&self, cut: PartRange) -> Result<Vec<Event>, StoreError> {
        let mut all = Vec::new();
        let add = |answer| answer!(answer, ObjectAnswer::Details(events) => all.extend(events));
        self.each(ObjectRequest::Details(cut), add).await?;
        Ok(all)
    }

    async fn digests(&self, from: u64, to: u64) -> Result<Vec<(u64, Digest)>, StoreError> {
        let mut all = Vec::new();
        let add = |answer| answer!(answer, ObjectAnswer::Digests(digests) => all.extend(digests));
        self.each(ObjectRequest::Digests { from, to }, add).await?;
        Ok(all)
    }
}
