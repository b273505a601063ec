//! Folding: segments into rollups.
//!
//! Invariant: rollups hold exactly the segments up to the last fold; both change in one transaction, which inserts the
//! fold it begins at. A fold that is interrupted or races another changes nothing.

use crate::domain::rollup::{self, Key, MINUTE_MS, Rollup, Rollups};

use super::events::{EventStore, HEAD, head_and_folded};
use super::read::{events_of, rollup_of};
use super::sql::{Sql, Statement, StoreError, json_chunks, json_list, rows};

/// Segments that one fold takes: a bound on its memory and time.
const MAX_SEGMENTS: u64 = 512;

const UNFOLDED: &str = "
    SELECT window_start, hex(digests) AS digests, hex(body) AS body, seq FROM segments
    WHERE seq > ?1 ORDER BY seq LIMIT ?2";

const ROLLUPS: &str = "
    SELECT start, path, cohort, hex(body) AS body FROM rollups
    WHERE grain = ?1 AND start IN (SELECT value FROM json_each(?2))";

const INSERT_FOLD: &str = "INSERT INTO folds (from_seq, to_seq, folded_at) VALUES (?1, ?2, ?3)";

const REPLACE_ROLLUPS: &str = "
    REPLACE INTO rollups (grain, start, path, cohort, requests, body)
    SELECT ?1, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
           json_extract(value, '$[3]'), unhex(json_extract(value, '$[4]'))
    FROM json_each(?2)";

impl<S: Sql> EventStore<S> {
    /// Folds some of the segments that wait; gives how many still do. Call again until it gives 0.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Conflict`] means that another fold did the work.
    pub async fn fold(&self, now_ms: u64) -> Result<u64, StoreError> {
        // 1. A crash before the write at 4: nothing was changed.
        let (head, folded) = head_and_folded(&self.sql.batch(vec![Statement::new(HEAD, [])]).await?)?;
        if head == folded {
            return Ok(0);
        }
        // 2. As 1.
        let waiting = Statement::new(UNFOLDED, [folded.into(), MAX_SEGMENTS.into()]);
        let waiting = self.sql.batch(vec![waiting]).await?;
        let mut fresh = Rollups::new();
        let mut reached = folded;
        for row in rows(&waiting, 0) {
            for event in events_of(row)? {
                rollup::add(&mut fresh, &event);
            }
            reached = row.integer(3)?;
        }
        if reached == folded {
            return Err(StoreError::Conflict);
        }
        // 3. As 1. Another fold may commit between 1 and here; the write is refused then.
        let minutes: std::collections::BTreeSet<u64> = fresh.keys().map(|key| key.start).collect();
        let stored = self.sql.batch(vec![Statement::new(ROLLUPS, [MINUTE_MS.into(), json_list(minutes)])]).await?;
        for row in rows(&stored, 0) {
            let (key, rollup) = rollup_of(row)?;
            if let Some(sum) = fresh.get_mut(&key) {
                sum.merge(&rollup);
            }
        }
        let mut statements = vec![Statement::new(INSERT_FOLD, [folded.into(), reached.into(), now_ms.into()])];
        statements.extend(replacements(&fresh)?);
        // 4. A crash here: the transaction is there or is not; the next fold begins where it finds the log.
        self.sql.batch(statements).await?;
        Ok(head.saturating_sub(reached))
    }
}

/// Statements that store rollups.
fn replacements(rollups: &Rollups) -> Result<Vec<Statement>, StoreError> {
    let row = |(key, rollup): (&Key, &Rollup)| {
        let body = postcard::to_allocvec(rollup).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(serde_json::json!([key.start, key.path, key.cohort.index(), rollup.requests, hex::encode(body)]))
    };
    let rows: Vec<serde_json::Value> = rollups.iter().map(row).collect::<Result<_, StoreError>>()?;
    let statement = |chunk| Statement::new(REPLACE_ROLLUPS, [MINUTE_MS.into(), chunk]);
    Ok(json_chunks(rows).into_iter().map(statement).collect())
}
