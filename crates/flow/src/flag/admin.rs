//! Changing the flag: the history in D1, then the copies that routers read, in the object and in KV.
//!
//! Invariants: a change is in the history before it is in a copy. None is made while a stop holds: see `stop.rs`. What
//! an interruption leaves apart, [`repair`] brings together every minute.
//!
//! | a change, after | is stored | what follows |
//! |---|---|---|
//! | adding a copy that is ahead to the history | its version, in D1 | whoever tries again finds it there |
//! | appending to the history | the new version, in D1 | cron's repair copies it within a minute |
//! | writing one copy | the version, and that copy | the repair writes the other one |
//!
//! | the repair, after | is stored | the next run |
//! |---|---|---|
//! | adding a copy that is ahead to the history | its version, in D1 | finds it there |
//! | writing a copy | that copy | writes the other one |

use futures_util::future::join;

use model::flag::DEFAULT_DOCUMENT;
use model::flag::change::{self, ChangeAuthor};
use model::flag::document::{DatedDocument, Document};
use model::flag::obeyed::FlagCopy;
use model::flag::stop::{Latch, StopAct};
use model::time::ms_of_rfc3339;
use store::flag::history::FlagHistory;
use store::sql::StoreError;

use super::kv;
use super::places::{self, DEADLINE_MS, refuse_while_stopped};
use crate::app::App;
use crate::error::Error;
use crate::objects::ask;
use crate::port::Failure;
use api::flag::{ChangeAnswer, FlagSource};

/// The newest document that can be found.
#[derive(Debug)]
pub struct NewestFlag {
    /// The document.
    pub document: Document,
    /// Where it is.
    pub source: FlagSource,
    /// When it was stored, in ms.
    pub changed_at: u64,
}

fn history(app: &App) -> Result<FlagHistory, StoreError> {
    app.new_store().map(FlagHistory::new)
}

/// The copies: the object's and KV's.
struct Copies {
    object: Result<Option<Document>, Failure>,
    kv: Result<Option<Document>, Failure>,
}

impl Copies {
    async fn read(app: &App) -> Self {
        let object = async {
            let held = ask::flag(app, &FlagCopy::default(), DEADLINE_MS).await?;
            Ok(held.document.and_then(|text| Document::read(&text).ok()))
        };
        let (object, kv) = join(object, kv::document(app)).await;
        Self { object, kv }
    }

    fn newest(&self) -> Option<&Document> {
        [&self.object, &self.kv].into_iter().flatten().flatten().max_by_key(|document| document.version)
    }
}

/// Writes both copies; gives whether each took it. What did not, the repair will write.
async fn write_copies(app: &App, document: &Document) -> (bool, bool) {
    let complain = |error: &Failure| app.error(format_args!("Flag copy: {error}"));
    let (object, kv) = join(write_object(app, document), kv::write_document(app, document)).await;
    (object.inspect_err(complain).is_ok(), kv.inspect_err(complain).is_ok())
}

async fn write_object(app: &App, document: &Document) -> Result<(), Failure> {
    let text = serde_json::to_string(document).map_err(|error| Failure(error.to_string()))?;
    let told = FlagCopy { latch: Latch::default(), document: Some(text) };
    ask::flag(app, &told, DEADLINE_MS).await.map(drop)
}

/// The built-in document, which holds before any other.
fn built_in() -> Result<Document, Error> {
    Document::read(DEFAULT_DOCUMENT).map_err(|error| Error::unavailable(error.to_string()))
}

/// The document that changes start from: the history's newest, or else the built-in one. A copy that is ahead of the
/// history is added to it first, as the repair would do within a minute: routers obey it, so its version is taken.
///
/// # Errors
/// The history can't be reached, or somebody else changed it meanwhile.
pub async fn current(app: &App) -> Result<Document, Error> {
    let (newest, copies) = join(newest(app, 1), Copies::read(app)).await;
    let newest = newest?.pop().map(|change| change.document);
    let Some(plan) = change::repair(newest.as_ref(), copies.newest()) else { return built_in() };
    if plan.is_new {
        in_history(app, async |history| adopt(app, &history, &plan.document).await).await?;
    }
    Ok(plan.document)
}

/// Adds a copy that is ahead to the history.
async fn adopt(app: &App, history: &FlagHistory, copy: &Document) -> Result<(), StoreError> {
    app.note(format_args!("Flag version {} of a copy is added to the history", copy.version));
    history.append(copy, app.now_ms()).await
}

/// What the history answers, for whoever asks to read or change the flag.
async fn in_history<T>(
    app: &App,
    question: impl AsyncFnOnce(FlagHistory) -> Result<T, StoreError>,
) -> Result<T, Error> {
    let asked = async { question(history(app)?).await };
    asked.await.map_err(|error| match error {
        StoreError::Conflict => Error::conflict("somebody else changed the flag: read it again and decide anew"),
        error => {
            app.error(format_args!("Flag history: {error}"));
            Error::unavailable("the flag's history can't be reached now; POST flag/stop works without it")
        }
    })
}

/// The newest documents, newest first.
///
/// # Errors
/// The history can't be read.
pub async fn newest(app: &App, most: u64) -> Result<Vec<DatedDocument>, Error> {
    in_history(app, async |history| history.newest(most).await).await
}

/// Whether this author has ever changed the flag for this reason.
///
/// # Errors
/// The history can't be read.
pub async fn was_changed_for(app: &App, by: &str, reason: &str) -> Result<bool, StoreError> {
    history(app)?.has_reason(by, reason).await
}

/// The newest document: that of the history, else a copy, else the built-in one. None if a place that can't be reached
/// may hold a newer one.
pub async fn known(app: &App) -> Option<NewestFlag> {
    let newest = app.within_ms(DEADLINE_MS, newest(app, 1)).await.and_then(Result::ok);
    if let Some(DatedDocument { document, changed_at }) = newest.clone().and_then(|mut list| list.pop()) {
        return Some(NewestFlag { document, source: FlagSource::History, changed_at });
    }
    let copies = Copies::read(app).await;
    let (document, source) = match copies.newest() {
        Some(document) => (document.clone(), FlagSource::Copy),
        None if newest.is_some() && copies.kv.is_ok() => (built_in().ok()?, FlagSource::BuiltIn),
        None => return None,
    };
    let changed_at = ms_of_rfc3339(&document.updated_at).unwrap_or_else(|| app.now_ms());
    Some(NewestFlag { document, source, changed_at })
}

/// Changes the flag from version `base` to `wanted`.
///
/// # Errors
/// A stop holds, another version is in force, the document is invalid, or the history can't be reached.
pub async fn change(app: &App, base: u32, wanted: Document, author: ChangeAuthor) -> Result<ChangeAnswer, Error> {
    // Before the version: who starts from an old one is told of the stop all the same.
    refuse_while_stopped(app).await?;
    let before = current(app).await?;
    if before.version != base {
        let detail = format!("version {} holds, not {base}: read it again and decide anew", before.version);
        return Err(Error::conflict(detail));
    }
    let document = change::next(base, wanted, author)?;
    store(app, &before, document).await
}

/// Stores the document that follows `before`, and copies it for routers. `before` must still be the newest in the
/// history.
///
/// # Errors
/// A stop holds, another change was faster, or the history can't be reached.
pub async fn publish(app: &App, before: &Document, document: Document) -> Result<ChangeAnswer, Error> {
    refuse_while_stopped(app).await?;
    store(app, before, document).await
}

/// As [`publish`], also while a stop holds.
async fn store(app: &App, before: &Document, document: Document) -> Result<ChangeAnswer, Error> {
    in_history(app, async |history| history.append(&document, app.now_ms()).await).await?;
    let (in_object, copied) = write_copies(app, &document).await;
    let differences = change::differences(before, &document);
    app.note(format_args!(
        "Flag changed to version {} by {}: {}",
        document.version, document.updated_by, document.reason
    ));
    Ok(ChangeAnswer { document, differences, recorded: true, copied, in_object })
}

/// Puts the document of an earlier version in force again, as a new version. A ramp in it is paused.
///
/// # Errors
/// As [`change()`]; or there is no such version.
pub async fn rollback(app: &App, version: u32, author: ChangeAuthor) -> Result<ChangeAnswer, Error> {
    let Some(earlier) = in_history(app, async |history| history.of_version(version).await).await? else {
        return Err(Error::missing(format!("there is no version {version} in the history")));
    };
    let base = current(app).await?.version;
    change(app, base, change::restored(earlier.document, app.now_ms()), author).await
}

/// Sets the old path alone for every route, without a ramp: as the guard does.
///
/// # Errors
/// As [`publish`].
pub async fn roll_back_to_old(app: &App, author: ChangeAuthor) -> Result<ChangeAnswer, Error> {
    let (before, document) = do_only(app, author).await?;
    publish(app, &before, document).await
}

/// Does the same while a stop holds, so that no traffic moves when the stop is released.
///
/// # Errors
/// Another change was faster, or the history can't be reached.
pub async fn set_do_only(app: &App, by: &StopAct) -> Result<ChangeAnswer, Error> {
    let (before, document) = do_only(app, by.author()).await?;
    store(app, &before, document).await
}

async fn do_only(app: &App, author: ChangeAuthor) -> Result<(Document, Document), Error> {
    let before = current(app).await?;
    let document = change::next(before.version, change::to_old_path(&before), author)?;
    Ok((before, document))
}

/// Brings the history, both copies, and the stops in all places together. Returns the stops.
///
/// # Errors
/// Why something is left for the next run. The rest is done.
pub async fn repair(app: &App) -> Result<Latch, Failure> {
    let (stops, document) = join(places::repair(app), repair_document(app)).await;
    match (stops, document) {
        (Ok(latch), Ok(())) => Ok(latch),
        (Err(error), Ok(())) | (Ok(_), Err(error)) => Err(error),
        (Err(stops), Err(document)) => Err(Failure::all(&[stops, document])),
    }
}

async fn repair_document(app: &App) -> Result<(), Failure> {
    let history = history(app).map_err(Failure::from)?;
    let newest = async { history.newest(1).await };
    let (newest, copies) = join(app.within_ms(DEADLINE_MS, newest), Copies::read(app)).await;
    let newest = newest.ok_or("D1 gave no answer")?.map_err(Failure::from)?;
    let newest = newest.into_iter().next().map(|change| change.document);
    let Some(plan) = change::repair(newest.as_ref(), copies.newest()) else { return Ok(()) };
    if plan.is_new {
        adopt(app, &history, &plan.document).await.map_err(Failure::from)?;
    }
    let mut failed: Vec<Failure> = Vec::new();
    let is_there = |copy: &Option<Document>| copy.as_ref() == Some(&plan.document);
    // A copy that can't be read at all is left alone.
    match &copies.object {
        Ok(copy) if is_there(copy) => {}
        Ok(_) => failed.extend(write_object(app, &plan.document).await.err()),
        Err(error) => failed.push(error.clone()),
    }
    match &copies.kv {
        Ok(copy) if is_there(copy) => {}
        Ok(_) => failed.extend(kv::write_document(app, &plan.document).await.err()),
        Err(error) => failed.push(error.clone()),
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::all(&failed)) }
}
