//! Redriving: dead letters are tried again.
//!
//! Invariant: a redriven event counts once. It goes through the same dedup as an event from the queue, and its letter
//! is deleted only afterwards. A crash between the two leaves a letter whose events dedup absorbs when it is tried
//! again. Events that are too old for dedup are refused with the reason, and their letter stays.
//!
//! Events are recorded directly, and not sent to the queue again: sending and deleting the letter could not be one
//! transaction, the outcome of a send can be unknown, and the event might become a dead letter with another ID.
//!
//! | a crash after | leaves | a repeat |
//! |---|---|---|
//! | reading letters | nothing changed | begins anew |
//! | recording their events | the events; the letters, too | absorbs the events |
//! | ending the letters | the events, and no letter | goes on behind them |

use model::delivery::kept_letter::{KeptLetter, RefusedLetter};
use model::delivery::letter::{self, LetterRemainder, RetriedPayload};
use model::event::message;

use super::dead_letters::{DeadLetters, Filter, LetterPosition, kept};
use crate::events::event_store::{EventStore, RecordCounts, WriterMemory};
use crate::sql::{Statement, StoreError, json_chunks, rows};
use crate::statements::statements;

/// Letters that one step tries. They hold at most some 9,000 events, as a batch of the queue does.
pub const STEP: u64 = 50;

statements!("redrive.sql": OLDEST, COUNT_AFTER, DELETE, KEEP_REST);

/// What one step did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedriveStep {
    /// Events counted now, and events counted before.
    pub recorded: RecordCounts,
    /// Letters that were deleted, because all of their events are counted.
    pub redriven: u64,
    /// Letters that stay, with the reason.
    pub refused: Vec<RefusedLetter>,
    /// Letters that match and that this sweep has not tried yet.
    pub left: u64,
    /// Where the next step of this sweep continues.
    pub next: Option<LetterPosition>,
}

impl DeadLetters {
    /// Tries the oldest [`STEP`] letters that match, from a position on. A sweep calls this again with
    /// [`RedriveStep::next`] until none is left, and so tries each letter once.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn redrive(
        &self,
        store: &EventStore,
        filter: &Filter,
        after: Option<&LetterPosition>,
        now_ms: u64,
    ) -> Result<RedriveStep, StoreError> {
        self.try_again(store, filter, after, now_ms, |_| true).await
    }

    /// Tries the oldest [`STEP`] letters, from a position on, that a newer version of this code wrote: this version may
    /// be able to read them by now. Letters that it still can't read stay unchanged, however often this is repeated.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn read_newer(
        &self,
        store: &EventStore,
        after: Option<&LetterPosition>,
        now_ms: u64,
    ) -> Result<RedriveStep, StoreError> {
        let filter = Filter { reason: Some(message::NEEDS_NEWER.to_owned()), ..Filter::default() };
        let is_read = |retried: &RetriedPayload| !retried.events.is_empty();
        self.try_again(store, &filter, after, now_ms, is_read).await
    }

    /// Tries letters. Of a letter that stays and whose refusal is to be stored, it keeps the events that are not
    /// counted yet.
    async fn try_again(
        &self,
        store: &EventStore,
        filter: &Filter,
        after: Option<&LetterPosition>,
        now_ms: u64,
        is_noted: impl Fn(&RetriedPayload) -> bool,
    ) -> Result<RedriveStep, StoreError> {
        let letters = self.oldest(filter, after).await?;
        let Some(last) = letters.last() else { return Ok(RedriveStep::default()) };
        let next = LetterPosition { received_at: last.received_at, id: last.id.clone() };
        let (mut events, mut redriven, mut rests) = (Vec::new(), Vec::new(), Vec::new());
        for KeptLetter { id, bytes, payload, .. } in letters {
            let retried = letter::retry(&payload.unwrap_or_default(), bytes, now_ms);
            let noted = is_noted(&retried);
            events.extend(retried.events);
            match retried.rest {
                None => redriven.push(id),
                Some(rest) if noted => rests.push((id, rest)),
                Some(_) => {}
            }
        }
        let recorded = store.record(&mut WriterMemory::default(), &events, now_ms).await?;
        let left = self.conclude(filter, &next, &redriven, &rests).await?;
        let refused =
            rests.into_iter().map(|(id, LetterRemainder { reason, .. })| RefusedLetter { id, reason }).collect();
        Ok(RedriveStep { recorded, redriven: redriven.len() as u64, refused, left, next: (left > 0).then_some(next) })
    }

    async fn oldest(&self, filter: &Filter, after: Option<&LetterPosition>) -> Result<Vec<KeptLetter>, StoreError> {
        let params = filter.params().into_iter().chain(LetterPosition::params(after)).chain([STEP.into()]);
        rows(&self.sql.batch(vec![Statement::new(OLDEST, params)]).await?, 0).iter().map(kept).collect()
    }

    /// Deletes letters whose events are stored, shortens the others to the rest, and counts those still to be tried.
    async fn conclude(
        &self,
        filter: &Filter,
        next: &LetterPosition,
        redriven: &[String],
        rests: &[(String, LetterRemainder)],
    ) -> Result<u64, StoreError> {
        let rest = |(id, LetterRemainder { payload, reason }): &(String, LetterRemainder)| {
            serde_json::json!([id, payload, payload.len(), reason])
        };
        let mut statements = vec![Statement::new(DELETE, [serde_json::json!(redriven).to_string().into()])];
        statements
            .extend(json_chunks(rests.iter().map(rest)).into_iter().map(|list| Statement::new(KEEP_REST, [list])));
        let params = filter.params().into_iter().chain(LetterPosition::params(Some(next)));
        statements.push(Statement::new(COUNT_AFTER, params));
        let results = self.sql.batch(statements).await?;
        results.last().and_then(|rows| rows.first()).map_or(Ok(0), |row| row.integer("letters"))
    }
}
