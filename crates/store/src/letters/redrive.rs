//! Redriving: dead letters, tried again.
//!
//! Invariant: a redriven event counts once. It is recorded by the same dedup as one that the queue delivers, and only
//! then does its letter go: a crash between the two leaves a letter whose events a repeat absorbs. What dedup could not
//! vouch for any more is refused with the reason, and stays.
//!
//! Letters are applied here rather than sent to the queue again: a send can't be in one transaction with the letter's
//! end, its outcome can be unknown, and its event might become a dead letter of another ID.
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

/// Letters that one step tries: some 9,000 events at the most, as many as a batch of the queue has.
pub const STEP: u64 = 50;

statements!(
    "redrive.sql": OLDEST, COUNT_AFTER, DELETE, KEEP_REST
);

/// What one step did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedriveStep {
    /// Events counted now, and counted before.
    pub recorded: RecordCounts,
    /// Letters that are gone, all of their events counted.
    pub redriven: u64,
    /// Letters that stay.
    pub refused: Vec<RefusedLetter>,
    /// Letters that match and were not tried yet in this sweep.
    pub left: u64,
    /// Where the next step of this sweep goes on.
    pub next: Option<LetterPosition>,
}

impl DeadLetters {
    /// Tries the oldest [`STEP`] letters that match, after a place; a sweep goes on at [`RedriveStep::next`] until none is
    /// left, so that what is refused is tried once in it.
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

    /// Tries the oldest [`STEP`] letters after a place that a newer version wrote, of which this one may be the reader by
    /// now. What still can't be read at all is left as it is, however often this is repeated.
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

    /// Tries letters, and keeps of those that stay and are to be noted what remains of them.
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

    /// Deletes letters whose events are stored, keeps of others what remains, and counts those still to be tried.
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
