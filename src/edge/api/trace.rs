//! `GET trace/{id}`: what each part knows of one ID.

use futures_util::future::join;
use serde::Serialize;
use worker::Env;

use crate::domain::archive::Day;
use crate::domain::error::InputError;
use crate::domain::event::{Cohort, Event, MAX_AHEAD_MS};
use crate::domain::identity::IdempotentId;
use crate::domain::trace::{self, Age, Archiving, Details};
use crate::edge::config::Config;
use crate::edge::problem::Problem;
use crate::edge::{archive, clock, sql_d1::D1Sql, stores};
use crate::store::dead_letters::{DeadLetters, Found, SEARCHED_BYTES};
use crate::store::read::Sighting;

use super::stats::unreadable;

/// What is known of an ID.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    idempotent_id: IdempotentId,
    old: Vec<Stored>,
    new: Vec<Stored>,
    absorbed: Absorbed,
    dead_letters: Vec<Found>,
    /// Dead letters of its time or later that were not looked into: there are too many.
    dead_letters_not_searched: u64,
    archive: Option<ArchiveDay>,
    /// Of the first event under it, or else of the first repeat.
    cohort: Option<Cohort>,
    flag_version: Option<u32>,
    details: Details,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    stored_at: u64,
    event: Event,
}

/// Repeats that each store absorbed.
#[derive(Serialize)]
struct Absorbed {
    old: usize,
    new: usize,
}

#[derive(Serialize)]
struct ArchiveDay {
    day: String,
    state: Archiving,
}

/// Asks every part.
pub async fn read(text: &str, env: &Env, config: &Config) -> Result<Trace, Problem> {
    let id: IdempotentId = text.parse().map_err(|error: InputError| Problem::bad_request(error.to_string()))?;
    let window_start = id.timestamp_ms();
    // A message is sent after its ID was made, by a clock that may be ahead.
    let letters = async {
        let letters = DeadLetters::new(D1Sql::of(env)?);
        letters.containing(&id.to_string(), window_start.saturating_sub(MAX_AHEAD_MS), SEARCHED_BYTES).await
    };
    let day = Day::of(window_start);
    let ((old, new), (letters, archiving)) =
        join(stores::trace(env, config, id), join(letters, archive::state_of(env, day))).await;
    let (old, new) = (old.map_err(unreadable)?, new.map_err(unreadable)?);
    let (dead_letters, dead_letters_not_searched) = letters.map_err(unreadable)?;
    let archiving = archiving.map_err(unreadable)?;
    let age = Age { window_start, now_ms: clock::now_ms(), kept_ms: archive::kept_ms(config), archiving };
    let first = first(&old, &new);
    Ok(Trace {
        idempotent_id: id,
        absorbed: Absorbed { old: old.absorbed.len(), new: new.absorbed.len() },
        cohort: first.map(|event| event.cohort),
        flag_version: first.map(|event| event.flag_version),
        old: stored(old),
        new: stored(new),
        dead_letters,
        dead_letters_not_searched,
        archive: archiving.map(|state| ArchiveDay { day: day.to_string(), state }),
        details: trace::details(&age),
    })
}

fn first<'a>(old: &'a Sighting, new: &'a Sighting) -> Option<&'a Event> {
    let all = [&old.stored, &new.stored, &old.absorbed, &new.absorbed];
    all.into_iter().flatten().map(|(event, _)| event).next()
}

fn stored(sighting: Sighting) -> Vec<Stored> {
    sighting.stored.into_iter().map(|(event, stored_at)| Stored { stored_at, event }).collect()
}
