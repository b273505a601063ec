//! Deleting what has had its time, in bounded steps.
//!
//! Invariants: nothing is moved, so that a step that is interrupted or repeated changes no figure that is kept. Only
//! folded segments are deleted, and only when no event that old is accepted any more ([`MAX_AGE_MS`]): dedup never
//! forgets what could come again.

use model::counting::grain::{DAY_MS, Grain, first_proof};
use model::event::{MAX_AGE_MS, MAX_ID_DISTANCE_MS};

use super::event_store::EventStore;
use crate::sql::{Statement, StoreError, rows};
use crate::statements::statements;

/// Shortest time that segments are kept, in ms: an accepted event's window may begin a distance before its time, and
/// its neighbour a window earlier.
pub const MIN_SEGMENT_AGE_MS: u64 = MAX_AGE_MS + 2 * MAX_ID_DISTANCE_MS;

/// How long the log of folds is kept, in ms: longer than any fold may run.
const FOLD_AGE_MS: u64 = DAY_MS;

/// How long it is remembered when a producer was first heard of, in ms: longer than an isolate lives.
const PRODUCER_AGE_MS: u64 = 30 * DAY_MS;

/// Rows of a table that one step deletes; of rollups, up to one interval's more.
const STEP: u64 = 500;

statements!(
    "retention.sql": DELETE_SEGMENTS, DELETE_ROLLUPS, DELETE_LEDGERS, DELETE_PRODUCERS, DELETE_FOLDS
);

impl EventStore {
    /// Deletes some of what is kept no longer; gives whether there may be more. Segments are deleted only of windows
    /// that begin before `details_until` (ms): what is later is not archived yet.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn prune(&self, now_ms: u64, details_until: u64) -> Result<bool, StoreError> {
        let details = now_ms.saturating_sub(self.retention.details_ms.max(MIN_SEGMENT_AGE_MS));
        let windows = details.min(details_until);
        let bounded = |sql, before: u64| Statement::new(sql, [before.into(), STEP.into()]);
        let mut statements = vec![
            bounded(DELETE_SEGMENTS, windows),
            bounded(DELETE_LEDGERS, first_proof(now_ms)),
            bounded(DELETE_PRODUCERS, now_ms.saturating_sub(PRODUCER_AGE_MS)),
        ];
        for grain in Grain::ALL {
            let first = self.retention.first(grain, now_ms);
            statements.push(Statement::new(DELETE_ROLLUPS, [grain.ms().into(), first.into(), STEP.into()]));
        }
        statements.push(Statement::new(DELETE_FOLDS, [now_ms.saturating_sub(FOLD_AGE_MS).into()]));
        let results = self.sql.batch(statements).await?;
        Ok((0..results.len()).any(|statement| rows(&results, statement).len() as u64 >= STEP))
    }
}
