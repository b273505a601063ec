//! `dead-letters`: list, show, redrive and purge messages that could not be applied.
//!
//! Invariant: a request that changes letters names them, or says `all`. One call does a bounded part and says what is
//! left.

use model::delivery::kept_letter::KeptLetter;
use model::reading::missing::MissingPart;
use store::letters::dead_letters::{DeadLetters, Filter, LetterPosition};
use store::letters::redrive::RedriveStep;
use store::sql::StoreError;

use crate::app::App;
use crate::error::Error;
use api::letters::{LetterSelection, LettersAnswer, PurgeAnswer, RedriveAnswer};
use api::parameters::{AFTER, LETTERS, REASON, SOURCE, STORED_BEFORE};
use api::url::Query;

/// How long one call redrives, in ms; the step under way is finished.
const REDRIVE_MS: u64 = 5_000;

/// Steps of one call at the most: a bound on its requests to the database.
const MAX_STEPS: usize = 10;

/// Longest body, in bytes.
pub const MAX_BODY_BYTES: usize = 4_000;

/// Refusals that one answer names; the letters themselves name all.
const SHOWN_REFUSALS: usize = 100;

fn letters(app: &App) -> Result<DeadLetters, Error> {
    Ok(DeadLetters::new(app.new_store().map_err(|error| app.unreadable(error))?))
}

fn letters_to_read(app: &App) -> Result<DeadLetters, Error> {
    Ok(DeadLetters::new(app.new_store_until(app.read_deadline()).map_err(|error| unread(app, error))?))
}

/// Letters are in D1 alone: without it there is nothing to answer with.
#[allow(clippy::needless_pass_by_value)] // it is given to `map_err`
fn unread(app: &App, error: StoreError) -> Error {
    app.unanswered(MissingPart::DeadLetters, &error)
}

/// `GET dead-letters?source=…&reason=…&before=…&limit=…&after=…`.
///
/// # Errors
/// [`Error`].
pub async fn list(query: &Query, app: &App) -> Result<LettersAnswer, Error> {
    let limit = LETTERS.of(query)?;
    let filter = Filter {
        id: None,
        source: SOURCE.of(query)?,
        reason: REASON.of(query)?.map(str::to_owned),
        before_ms: STORED_BEFORE.of(query)?,
    };
    let after = AFTER.of(query)?.map(place).transpose()?;
    let kept = letters_to_read(app)?;
    let (count, mut letters) = kept.newest(&filter, after.as_ref(), limit).await.map_err(|error| unread(app, error))?;
    let full = letters.len() as u64 >= limit;
    let next = letters.last().filter(|_| full).map(|last| place_of(last).to_string());
    for letter in &mut letters {
        letter.payload = None;
    }
    Ok(LettersAnswer { count, letters, next })
}

/// `GET dead-letters/{id}`: one letter in full.
///
/// # Errors
/// [`Error`].
pub async fn show(id: &str, app: &App) -> Result<KeptLetter, Error> {
    let filter = Filter { id: Some(id.to_owned()), ..Filter::default() };
    let (_, mut found) = letters_to_read(app)?.newest(&filter, None, 1).await.map_err(|error| unread(app, error))?;
    found.pop().ok_or_else(|| Error::missing("there is no such dead letter; GET dead-letters lists them"))
}

/// `POST dead-letters/redrive`.
///
/// # Errors
/// [`Error`].
pub async fn redrive(body: &str, app: &App) -> Result<RedriveAnswer, Error> {
    let order = order(body)?;
    let mut place = order.after.as_deref().map(place).transpose()?;
    let filter = filter(order)?;
    let (letters, store) = (letters(app)?, app.event_store().map_err(|error| app.unreadable(error))?);
    let begin = app.now_ms();
    let mut sum = RedriveAnswer::default();
    for _ in 0..MAX_STEPS {
        // What steps did is done, whatever happens; the caller's repeat finds the rest.
        let now_ms = app.now_ms();
        let step =
            letters.redrive(&store, &filter, place.as_ref(), now_ms).await.map_err(|error| app.unreadable(error))?;
        add(&mut sum, &step);
        sum.after = step.next.as_ref().map(ToString::to_string);
        place = step.next;
        if place.is_none() || now_ms.saturating_sub(begin) > REDRIVE_MS {
            break;
        }
    }
    app.count("dead_letters_redriven", sum.redriven);
    Ok(sum)
}

fn add(sum: &mut RedriveAnswer, step: &RedriveStep) {
    sum.redriven += step.redriven;
    sum.stored += step.recorded.stored;
    sum.absorbed += step.recorded.absorbed;
    sum.refused += step.refused.len() as u64;
    let room = SHOWN_REFUSALS.saturating_sub(sum.refusals.len());
    sum.refusals.extend(step.refused.iter().take(room).cloned());
    sum.left = step.left;
}

/// `POST dead-letters/purge`.
///
/// # Errors
/// [`Error`].
pub async fn purge(body: &str, app: &App) -> Result<PurgeAnswer, Error> {
    let filter = filter(order(body)?)?;
    let (purged, left) = letters(app)?.purge(&filter).await.map_err(|error| app.unreadable(error))?;
    app.count("dead_letters_purged", purged);
    Ok(PurgeAnswer { purged, left })
}

fn order(body: &str) -> Result<LetterSelection, Error> {
    serde_json::from_str(body).map_err(|error| Error::input(format!("body: {error}; {REMEDY}")))
}

const REMEDY: &str =
    "give {\"id\":…}, {\"source\":…}, {\"reason\":…}, {\"before\":…} (ms), some of them, or {\"all\":true}";

fn filter(order: LetterSelection) -> Result<Filter, Error> {
    let filter = Filter { id: order.id, source: order.source, reason: order.reason, before_ms: order.before };
    // Neither a forgotten filter nor one beside `all` may change more letters than were meant.
    if (filter == Filter::default()) == order.all { Ok(filter) } else { Err(Error::input(REMEDY)) }
}

fn place(text: &str) -> Result<LetterPosition, Error> {
    LetterPosition::parse(text)
        .ok_or_else(|| Error::input("`after`: give what the answer before had as its next place"))
}

fn place_of(letter: &KeptLetter) -> LetterPosition {
    LetterPosition { received_at: letter.received_at, id: letter.id.clone() }
}
