//! Deleting what has had its time, in bounded steps.
//!
//! Invariant: only folded segments are deleted, and only when no event that old is accepted any more
//! ([`MAX_AGE_MS`]): dedup never forgets what could come again.

use crate::domain::event::{MAX_AGE_MS, MAX_ID_DISTANCE_MS};

use super::events::EventStore;
use super::sql::{Sql, Statement, StoreError, rows};

/// Shortest time that segments are kept, in ms: an accepted event's window may begin a distance before its time, and
/// its neighbour a window earlier.
pub const MIN_SEGMENT_AGE_MS: u64 = MAX_AGE_MS + 2 * MAX_ID_DISTANCE_MS;

/// How long the log of folds is kept, in ms: longer than any fold may run.
const FOLD_AGE_MS: u64 = 24 * 60 * 60 * 1000;

/// Rows that one step deletes.
const STEP: u64 = 500;

const DELETE_SEGMENTS: &str = "
    DELETE FROM segments WHERE seq IN (
      SELECT seq FROM segments
      WHERE window_start < ?1 AND seq <= coalesce((SELECT max(to_seq) FROM folds), 0)
      LIMIT ?2)
    RETURNING 1 AS deleted";

const DELETE_FOLDS: &str = "
    DELETE FROM folds WHERE folded_at < ?1 AND from_seq < (SELECT max(from_seq) FROM folds)";

impl<S: Sql> EventStore<S> {
    /// Deletes some of what is older than `age_ms` (at least [`MIN_SEGMENT_AGE_MS`]); gives whether there may be more.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn prune(&self, now_ms: u64, age_ms: u64) -> Result<bool, StoreError> {
        let before = now_ms.saturating_sub(age_ms.max(MIN_SEGMENT_AGE_MS));
        let statements = vec![
            Statement::new(DELETE_SEGMENTS, [before.into(), STEP.into()]),
            Statement::new(DELETE_FOLDS, [now_ms.saturating_sub(FOLD_AGE_MS).into()]),
        ];
        // 1. A crash here: the step is done or is not; the next one goes on.
        let results = self.sql.batch(statements).await?;
        Ok(rows(&results, 0).len() as u64 >= STEP)
    }
}
