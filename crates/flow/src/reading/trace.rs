//! `GET trace/{id}`: what each part of the system knows of one ID.

use futures_util::future::join;

use model::archive::Day;
use model::event::identity::IdempotentId;
use model::event::{Event, MAX_AHEAD_MS};
use model::reading::answers::Sighting;
use model::reading::missing::{MissingData, MissingPart};
use model::reading::trace::{self, Age};
use store::letters::dead_letters::{DeadLetters, SEARCHED_BYTES};
use store::sql::StoreError;

use super::stores;
use crate::app::App;
use crate::archive;
use crate::error::Error;
use api::trace::{AbsorbedRepeats, ArchivedDay, StoredEvent, TraceAnswer};

/// Asks every part. A part that can't be read is null in the answer, and listed as missing.
///
/// # Errors
/// [`Error`].
pub async fn read(text: &str, app: &App) -> Result<TraceAnswer, Error> {
    let id: IdempotentId = text.parse()?;
    let window_start = id.timestamp_ms();
    // A message is sent after its ID was made, by a clock that may be ahead.
    let deadline = app.read_deadline();
    let letters = async {
        let letters = DeadLetters::new(app.new_store_until(deadline)?);
        letters.containing(&id.to_string(), window_start.saturating_sub(MAX_AHEAD_MS), SEARCHED_BYTES).await
    };
    let day = Day::of(window_start);
    let ((old, new), (letters, archiving)) =
        join(stores::trace(app, id, deadline), join(letters, archive::state_of(app, day, deadline))).await;
    let mut missing = [old.missing, new.missing].concat();
    let (old, new) = (old.found, new.found);
    let (dead_letters, dead_letters_not_searched) = known(app, MissingPart::DeadLetters, letters, &mut missing).unzip();
    let archiving = known(app, MissingPart::Archive, archiving, &mut missing);
    if old.is_none() && new.is_none() && dead_letters.is_none() {
        return Err(Error::nothing_is_readable(&missing));
    }
    let details = archiving.map(|archiving| {
        trace::details(&Age { window_start, now_ms: app.now_ms(), kept_ms: archive::kept_ms(app), archiving })
    });
    let first = first(old.as_ref(), new.as_ref());
    Ok(TraceAnswer {
        idempotent_id: id,
        absorbed: AbsorbedRepeats {
            old: old.as_ref().map(|sighting| sighting.absorbed.len()),
            new: new.as_ref().map(|sighting| sighting.absorbed.len()),
        },
        cohort: first.map(|event| event.cohort),
        flag_version: first.map(|event| event.flag_version),
        missing,
        old: old.map(stored),
        new: new.map(stored),
        dead_letters,
        dead_letters_not_searched,
        archive: archiving.flatten().map(|state| ArchivedDay { day: day.to_string(), state }),
        details,
    })
}

fn known<T>(app: &App, part: MissingPart, read: Result<T, StoreError>, missing: &mut Vec<MissingData>) -> Option<T> {
    read.map_err(|error| missing.push(app.missing(part, &error))).ok()
}

fn first<'a>(old: Option<&'a Sighting>, new: Option<&'a Sighting>) -> Option<&'a Event> {
    let both = [old, new];
    let stored = both.iter().flatten().flat_map(|sighting| &sighting.stored);
    let absorbed = both.iter().flatten().flat_map(|sighting| &sighting.absorbed);
    stored.chain(absorbed).map(|(event, _)| event).next()
}

fn stored(sighting: Sighting) -> Vec<StoredEvent> {
    sighting.stored.into_iter().map(|(event, stored_at)| StoredEvent { stored_at, event }).collect()
}
