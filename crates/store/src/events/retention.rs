//! Deletes what is older than its retention time, in bounded steps.
//!
//! Invariants: nothing is moved, so an interrupted or repeated step changes no figure that is kept. A segment is
//! deleted only if it is folded, and if events as old as its own are no longer accepted ([`MAX_AGE_MS`]), so that dedup
//! never misses a repeat.

use model::counting::grain::{DAY_MS, Grain, first_proof};
use model::event::{MAX_AGE_MS, MAX_ID_DISTANCE_MS};

use super::event_store::EventStore;
use crate::sql::{Statement, StoreError, rows};
use crate::statements::statements;

/// Shortest time that segments are kept, in ms. The ID window of an accepted event may begin [`MAX_ID_DISTANCE_MS`]
/// before the event, and the window before it may as well hold a repeat.
pub const MIN_SEGMENT_AGE_MS: u64 = MAX_AGE_MS + 2 * MAX_ID_DISTANCE_MS;

/// How long rows of `folds` are kept, in ms: longer than any fold runs.
const FOLD_AGE_MS: u64 = DAY_MS;

/// How long a producer's first appearance is kept, in ms: longer than an isolate lives.
const PRODUCER_AGE_MS: u64 = 30 * DAY_MS;

/// Rows of each table that one step deletes. Of rollups, it deletes whole intervals, and so may delete more.
const STEP: u64 = 500;

statements!("retention.sql":
    DELETE_SEGMENTS, DELETE_ROLLUPS, DELETE_LEDGERS, DELETE_PRODUCERS, DELETE_FOLDS,
);

impl EventStore {
    /// Deletes some of what is too old. Returns whether there may be more. A segment is deleted only if its window
    /// begins before `details_until` (ms): later ones are not archived yet.
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
