//! `dead-letters`: what could not be applied, to look at, to try again, to throw away.
//!
//! Invariant: what changes letters names which, or says `all`; and one call does a bounded part and says what is left.

use serde::{Deserialize, Serialize};
use web_sys::Request;
use worker::Env;

use crate::body;
use crate::config::Config;
use crate::deadline::{self, Deadline};
use crate::problem::Problem;
use crate::query::parameter;
use crate::sql_d1::D1Sql;
use crate::{clock, counters};
use model::reading::missing::Part;
use store::events::event_store::EventStore;
use store::letters::dead_letters::{DeadLetters, Filter, Kept, Place};
use store::letters::redrive::Refused;
use store::sql::StoreError;

use super::stats::{nothing_is_readable, unreadable};

/// Most letters that one page shows.
const PAGE: u64 = 200;

/// Letters on a page where nothing is asked for.
const USUAL_PAGE: u64 = 50;

/// How long one call redrives, in ms; the step under way is finished.
const REDRIVE_MS: u64 = 5_000;

/// Steps of one call at the most: a bound on its requests to the database.
const MAX_STEPS: usize = 10;

/// Longest body, in bytes.
const MAX_BODY_BYTES: usize = 4_000;

/// Refusals that one answer names; the letters themselves name all.
const SHOWN_REFUSALS: usize = 100;

/// A page of letters, the newest first, without their payloads.
#[derive(Serialize)]
pub struct Page {
    /// Letters that match, on all pages.
    count: u64,
    letters: Vec<Kept>,
    /// `after` of the next page.
    next: Option<String>,
}

/// Which letters, as a body says it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    id: Option<String>,
    source: Option<String>,
    reason: Option<String>,
    /// Stored before this time, in ms.
    before: Option<u64>,
    #[serde(default)]
    all: bool,
    /// Where a redrive goes on.
    after: Option<String>,
}

/// What a call redrove.
#[derive(Serialize, Default)]
pub struct Sweep {
    /// Letters that are gone.
    redriven: u64,
    /// Their events that are counted now.
    stored: u64,
    /// Their events that were counted before.
    absorbed: u64,
    /// Letters that stay.
    refused: u64,
    /// The first of them, with why.
    refusals: Vec<Refused>,
    /// Letters that match and were not tried yet: ask again with `after`.
    left: u64,
    after: Option<String>,
}

/// What a call purged.
#[derive(Serialize)]
pub struct Purged {
    purged: u64,
    /// Letters that match: ask again.
    left: u64,
}

fn letters(env: &Env) -> Result<DeadLetters, Problem> {
    Ok(DeadLetters::new(D1Sql::of(env).map_err(unreadable)?))
}

fn letters_to_read(env: &Env, config: &Config) -> Result<DeadLetters, Problem> {
    Ok(DeadLetters::new(D1Sql::until(env, Deadline::to_read(config)).map_err(unread)?))
}

/// Letters are in D1 alone: without it there is nothing to answer with.
#[allow(clippy::needless_pass_by_value)] // it is given to `map_err`
fn unread(error: StoreError) -> Problem {
    nothing_is_readable(&[deadline::missing(Part::DeadLetters, &error)])
}

/// `GET dead-letters?source=…&reason=…&before=…&limit=…&after=…`.
pub async fn list(url: &str, env: &Env, config: &Config) -> Result<Page, Problem> {
    let number = |name: &str| {
        let text = parameter(url, name);
        text.map(|text| text.parse::<u64>().map_err(|_| Problem::bad_request(format!("`{name}`: give a whole number"))))
            .transpose()
    };
    let limit = number("limit")?.unwrap_or(USUAL_PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(Problem::bad_request(format!("`limit`: give a number from 1 to {PAGE}")));
    }
    let filter = Filter {
        id: None,
        source: parameter(url, "source"),
        reason: parameter(url, "reason"),
        before_ms: number("before")?,
    };
    let after = parameter(url, "after").map(|text| place(&text)).transpose()?;
    let kept = letters_to_read(env, config)?;
    let (count, mut letters) = kept.newest(&filter, after.as_ref(), limit).await.map_err(unread)?;
    let full = letters.len() as u64 >= limit;
    let next = letters.last().filter(|_| full).map(|last| place_of(last).to_string());
    for letter in &mut letters {
        letter.payload = None;
    }
    Ok(Page { count, letters, next })
}

/// `GET dead-letters/{id}`: whole.
pub async fn show(id: &str, env: &Env, config: &Config) -> Result<Kept, Problem> {
    let filter = Filter { id: Some(id.to_owned()), ..Filter::default() };
    let (_, mut found) = letters_to_read(env, config)?.newest(&filter, None, 1).await.map_err(unread)?;
    found.pop().ok_or_else(|| Problem::not_found("there is no such dead letter; GET dead-letters lists them"))
}

/// `POST dead-letters/redrive`.
pub async fn redrive(request: &Request, env: &Env, config: &Config) -> Result<Sweep, Problem> {
    let order = order(request).await?;
    let mut place = order.after.as_deref().map(place).transpose()?;
    let filter = filter(order)?;
    let database = D1Sql::of(env).map_err(unreadable)?;
    let (letters, store) = (letters(env)?, EventStore::new(database, config.window_ms, config.retention));
    let begin = clock::now_ms();
    let mut sum = Sweep::default();
    for _ in 0..MAX_STEPS {
        // 1. A crash here: what steps did is done; the caller's repeat finds the rest.
        let now_ms = clock::now_ms();
        let step = letters.redrive(&store, &filter, place.as_ref(), now_ms).await.map_err(unreadable)?;
        sum.add(&step);
        sum.after = step.next.as_ref().map(ToString::to_string);
        place = step.next;
        if place.is_none() || now_ms.saturating_sub(begin) > REDRIVE_MS {
            break;
        }
    }
    counters::add("dead_letters_redriven", sum.redriven);
    Ok(sum)
}

impl Sweep {
    fn add(&mut self, step: &store::letters::redrive::Step) {
        self.redriven += step.redriven;
        self.stored += step.recorded.stored;
        self.absorbed += step.recorded.absorbed;
        self.refused += step.refused.len() as u64;
        let room = SHOWN_REFUSALS.saturating_sub(self.refusals.len());
        self.refusals.extend(step.refused.iter().take(room).cloned());
        self.left = step.left;
    }
}

/// `POST dead-letters/purge`.
pub async fn purge(request: &Request, env: &Env) -> Result<Purged, Problem> {
    let filter = filter(order(request).await?)?;
    let (purged, left) = letters(env)?.purge(&filter).await.map_err(unreadable)?;
    counters::add("dead_letters_purged", purged);
    Ok(Purged { purged, left })
}

async fn order(request: &Request) -> Result<Order, Problem> {
    let text = body::text(request, MAX_BODY_BYTES).await?;
    serde_json::from_str(&text).map_err(|error| Problem::bad_request(format!("body: {error}; {REMEDY}")))
}

const REMEDY: &str =
    "give {\"id\":…}, {\"source\":…}, {\"reason\":…}, {\"before\":…} (ms), some of them, or {\"all\":true}";

fn filter(order: Order) -> Result<Filter, Problem> {
    let filter = Filter { id: order.id, source: order.source, reason: order.reason, before_ms: order.before };
    // Neither a forgotten filter nor one beside `all` may change more letters than were meant.
    if (filter == Filter::default()) == order.all { Ok(filter) } else { Err(Problem::bad_request(REMEDY)) }
}

fn place(text: &str) -> Result<Place, Problem> {
    Place::parse(text).ok_or_else(|| Problem::bad_request("`after`: give what the answer before had as its next place"))
}

fn place_of(letter: &Kept) -> Place {
    Place { received_at: letter.received_at, id: letter.id.clone() }
}
