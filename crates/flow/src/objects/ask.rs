//! Asking one object, by the protocol of [`api::object`].
//!
//! Invariant: an answer that is missing, late, or of the wrong kind for the question is an error.

use api::object::{ObjectAnswer, ObjectRequest, pack, unpack};
use model::delivery::layout::Layout;
use model::event::address::DailyKey;
use model::flag::obeyed::FlagCopy;
use model::operating::vitals::{Vitals, VitalsReport};
use model::parity::ask;
use model::reading::answers::SelectedRollups;
use model::reading::selection::{KnownIntervals, Selection};
use store::parity::side::ParityStore;
use store::sql::{LocalFuture, StoreError};

use crate::app::App;
use crate::deadline::Deadline;
use crate::port::Failure;

/// The object that keeps everything of which there is only one: address keys, vital signs, the flag's copy, the number
/// of objects.
pub const KEEPER: &str = "default";

/// Asks an object.
///
/// # Errors
/// [`StoreError`]: no answer in time, an answer that can't be read, or the object's own error.
pub async fn ask(
    app: &App,
    name: &str,
    request: &ObjectRequest,
    deadline: Deadline,
) -> Result<ObjectAnswer, StoreError> {
    let corrupt = |error| StoreError::Corrupt(format!("object {name}: {error}"));
    let question = pack(request).map_err(corrupt)?;
    let asked = async { app.ports.objects.ask(name, question).await.map_err(StoreError::from) };
    match unpack(&app.until(deadline, asked).await?).map_err(corrupt)? {
        ObjectAnswer::Failed(why) => Err(StoreError::Unavailable(format!("object {name}: {why}"))),
        answer => Ok(answer),
    }
}

/// An answer of the kind that was asked for, or the error that it is none.
macro_rules! answer {
    ($answer:expr, $pattern:pat => $value:expr) => {
        match $answer {
            $pattern => Ok($value),
            _ => Err(StoreError::Corrupt("an object answered something that was not asked".to_owned())),
        }
    };
}
pub(super) use answer;

/// The address key of a day (UTC days since 1970), and the number of objects, which this call records.
///
/// # Errors
/// Why they can't be read.
pub async fn address_key(app: &App, day: u64) -> Result<(DailyKey, Layout), StoreError> {
    let request = ObjectRequest::AddressKey { day, setting: app.config.shards };
    let answer = ask(app, KEEPER, &request, Deadline::BACKGROUND).await?;
    answer!(answer, ObjectAnswer::AddressKey(key, layout) => (DailyKey(key), layout))
}

/// The number of objects. This call records it if `record` is true.
///
/// # Errors
/// [`StoreError`].
pub async fn layout(app: &App, record: bool, deadline: Deadline) -> Result<Layout, StoreError> {
    let request = ObjectRequest::Layout { setting: app.config.shards, record };
    answer!(ask(app, KEEPER, &request, deadline).await?, ObjectAnswer::Layout(layout) => layout)
}

/// Sends the object a flag document and stops. Returns what it holds afterwards.
///
/// # Errors
/// Why it may not have them. Repeating is harmless.
pub async fn flag(app: &App, told: &FlagCopy, deadline_ms: u64) -> Result<FlagCopy, Failure> {
    let text = serde_json::to_string(told).map_err(|error| Failure(error.to_string()))?;
    let held = async {
        let answer = ask(app, KEEPER, &ObjectRequest::Flag(text), app.deadline(deadline_ms)).await?;
        let text = answer!(answer, ObjectAnswer::Flag(text) => text)?;
        serde_json::from_str(&text).map_err(|error| StoreError::Corrupt(error.to_string()))
    };
    held.await.map_err(|error: StoreError| Failure(format!("the object's flag: {error}")))
}

/// Reports what this isolate counted, and the jobs that it ran.
///
/// # Errors
/// Why it may not have arrived.
pub async fn report(app: &App, report: VitalsReport, deadline: Deadline) -> Result<(), StoreError> {
    answer!(ask(app, KEEPER, &ObjectRequest::Report(report), deadline).await?, ObjectAnswer::Done => ())
}

/// What all isolates counted, and when jobs ran.
///
/// # Errors
/// Why it can't be read.
pub async fn vitals(app: &App, deadline: Deadline) -> Result<Vitals, StoreError> {
    answer!(ask(app, KEEPER, &ObjectRequest::Vitals, deadline).await?, ObjectAnswer::Vitals(vitals) => vitals)
}

/// Stores the dashboard's summary in place of the previous one.
///
/// # Errors
/// Why it may not have arrived.
pub async fn keep_snapshot(app: &App, text: String) -> Result<(), StoreError> {
    answer!(ask(app, KEEPER, &ObjectRequest::KeepSnapshot(text), Deadline::BACKGROUND).await?, ObjectAnswer::Done => ())
}

/// The dashboard's summary, if one is kept.
///
/// # Errors
/// Why it can't be read.
pub async fn snapshot(app: &App, deadline: Deadline) -> Result<Option<String>, StoreError> {
    answer!(ask(app, KEEPER, &ObjectRequest::Snapshot, deadline).await?, ObjectAnswer::Snapshot(text) => text)
}

/// The selected figures of one object, without those that are known and unchanged.
///
/// # Errors
/// Why they can't be read.
pub async fn find(
    app: &App,
    name: &str,
    selection: &Selection,
    known: Option<KnownIntervals>,
    deadline: Deadline,
) -> Result<SelectedRollups, StoreError> {
    let request = ObjectRequest::Rollups(selection.clone(), known);
    answer!(ask(app, name, &request, deadline).await?, ObjectAnswer::Rollups(found) => found)
}

/// One object as a store, for background work.
#[derive(Debug, Clone, Copy)]
pub struct Collector<'a> {
    /// The context.
    pub app: &'a App,
    /// Name of the object.
    pub name: &'a str,
}

impl ParityStore for Collector<'_> {
    fn ask<'a>(&'a self, question: &'a ask::ParityQuestion) -> LocalFuture<'a, Result<ask::ParityAnswer, StoreError>> {
        Box::pin(async move {
            let answer = self.tell(&ObjectRequest::Parity(question.clone())).await?;
            answer!(answer, ObjectAnswer::Parity(answer) => answer)
        })
    }
}

impl Collector<'_> {
    async fn tell(&self, request: &ObjectRequest) -> Result<ObjectAnswer, StoreError> {
        ask(self.app, self.name, request, Deadline::BACKGROUND).await
    }

    /// Records events that were written as a message.
    ///
    /// # Errors
    /// Why they may not be recorded, or which of them can't be read.
    pub async fn record(&self, message: String) -> Result<(), StoreError> {
        let answer = self.tell(&ObjectRequest::Record(message)).await?;
        let rejected = answer!(answer, ObjectAnswer::Recorded { rejected, .. } => rejected)?;
        match rejected.as_slice() {
            [] => Ok(()),
            reasons => Err(StoreError::Unavailable(format!("object {} rejected: {}", self.name, reasons.join("; ")))),
        }
    }

    /// Stores events of a self-test, given as a message, without dedup.
    ///
    /// # Errors
    /// Why they may not be stored.
    pub async fn store_again(&self, message: String) -> Result<(), StoreError> {
        answer!(self.tell(&ObjectRequest::StoreAgain(message)).await?, ObjectAnswer::Done => ())
    }

    /// Deletes all that the object holds.
    ///
    /// # Errors
    /// Why it may still hold something.
    pub async fn erase(&self) -> Result<(), StoreError> {
        answer!(self.tell(&ObjectRequest::Erase).await?, ObjectAnswer::Done => ())
    }
}
