//! Reading: figures and events of a time range.
//!
//! Invariant: a read sees one state: rollups, and the segments that are not in them yet, come from one transaction.

use crate::domain::event::{Cohort, Event};
use crate::domain::identity::{IdempotentId, MAX_TIMESTAMP_MS};
use crate::domain::rollup::{self, Key, MINUTE_MS, Rollup, Rollups};
use crate::domain::segment;

use super::events::EventStore;
use super::sql::{Row, Sql, Statement, StoreError, rows, unpacked};

/// How far an event's time may lie behind the start of its ID window, in ms.
pub(super) const REACH_MS: u64 = crate::domain::event::MAX_ID_DISTANCE_MS;

const ROLLUPS_BETWEEN: &str = "
    SELECT start, path, cohort, hex(body) AS body FROM rollups
    WHERE grain = ?1 AND start >= ?2 AND start < ?3";

const TAIL: &str = "
    SELECT window_start, hex(digests) AS digests, hex(body) AS body FROM segments
    WHERE seq > coalesce((SELECT max(to_seq) FROM folds), 0) AND first_ms < ?2 AND last_ms >= ?1";

const EVENTS_BETWEEN: &str = "
    SELECT window_start, hex(digests) AS digests, hex(body) AS body FROM segments
    WHERE window_start > ?1 - ?3 AND window_start < ?2 + ?3 AND first_ms < ?2 AND last_ms >= ?1
    ORDER BY seq LIMIT ?4";

const STATE: &str = "SELECT coalesce(sum(events), 0) AS events, coalesce(sum(absorbed), 0) AS absorbed,
    coalesce(sum(seq > coalesce((SELECT max(to_seq) FROM folds), 0)), 0) AS unfolded FROM segments";

const BY_WINDOW: &str = "
    SELECT window_start, hex(digests) AS digests, hex(body) AS body, stored_at FROM segments
    WHERE window_start = ?1 AND instr(digests, unhex(?2)) > 0";

/// The most events that one read gives out.
pub const MAX_EVENTS: usize = 50_000;

/// State of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogState {
    /// Events in the segments that are kept.
    pub events: u64,
    /// Repeats that dedup absorbed, in the segments that are kept.
    pub absorbed: u64,
    /// Segments that wait to be folded.
    pub unfolded: u64,
}

impl<S: Sql> EventStore<S> {
    /// Rollups of the minutes in `from_ms..to_ms`, which are taken as whole minutes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rollups(&self, from_ms: u64, to_ms: u64) -> Result<Rollups, StoreError> {
        let (from, to) = (from_ms - from_ms % MINUTE_MS, to_ms.min(MAX_TIMESTAMP_MS).next_multiple_of(MINUTE_MS));
        let statements = vec![
            Statement::new(ROLLUPS_BETWEEN, [MINUTE_MS.into(), from.into(), to.into()]),
            Statement::new(TAIL, [from.into(), to.into()]),
        ];
        let results = self.sql.batch(statements).await?;
        let mut rollups = Rollups::new();
        for row in rows(&results, 0) {
            let (key, rollup) = rollup_of(row)?;
            rollup::merge(&mut rollups, key, &rollup);
        }
        for row in rows(&results, 1) {
            for event in events_of(row)?.iter().filter(|event| (from..to).contains(&event.timestamp)) {
                rollup::add(&mut rollups, event);
            }
        }
        Ok(rollups)
    }

    /// Events in `from_ms..to_ms`, in the order in which they were stored; about [`MAX_EVENTS`] at the most, and
    /// whether there are more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn events(&self, from_ms: u64, to_ms: u64) -> Result<(Vec<Event>, bool), StoreError> {
        // The least events in a segment is 1, so this many segments can't hold fewer than the limit allows.
        let params = [from_ms, to_ms, REACH_MS, MAX_EVENTS as u64].map(Into::into);
        let results = self.sql.batch(vec![Statement::new(EVENTS_BETWEEN, params)]).await?;
        let mut events = Vec::new();
        for row in rows(&results, 0) {
            if events.len() >= MAX_EVENTS {
                return Ok((events, true));
            }
            events.extend(events_of(row)?.into_iter().filter(|event| (from_ms..to_ms).contains(&event.timestamp)));
        }
        Ok((events, rows(&results, 0).len() >= MAX_EVENTS))
    }

    /// The event with this ID, if it is stored, and when it was (ms). Two events may share an ID by chance.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn trace(&self, id: IdempotentId) -> Result<Vec<(Event, u64)>, StoreError> {
        let half = hex::encode(id.hash8().to_be_bytes());
        let statement = Statement::new(BY_WINDOW, [id.timestamp_ms().into(), half.into()]);
        let results = self.sql.batch(vec![statement]).await?;
        let mut found = Vec::new();
        for row in rows(&results, 0) {
            let stored_at = row.integer(3)?;
            found.extend(events_of(row)?.into_iter().filter(|e| e.idempotent_id == id).map(|e| (e, stored_at)));
        }
        Ok(found)
    }

    /// How much the log holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn state(&self) -> Result<LogState, StoreError> {
        let results = self.sql.batch(vec![Statement::new(STATE, [])]).await?;
        let row = rows(&results, 0).first().ok_or_else(|| StoreError::Corrupt("no state".into()))?;
        Ok(LogState { events: row.integer(0)?, absorbed: row.integer(1)?, unfolded: row.integer(2)? })
    }
}

/// The events of a row that begins with `window_start, digests, body`.
pub(super) fn events_of(row: &Row) -> Result<Vec<Event>, StoreError> {
    segment::unpack(row.integer(0)?, &row.bytes(1)?, &row.bytes(2)?)
        .map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The repeats of a row that begins with `window_start, digests, body, absorbed_digests, absorbed_body`.
pub(super) fn absorbed_of(row: &Row) -> Result<Vec<Event>, StoreError> {
    segment::unpack(row.integer(0)?, &row.bytes(3)?, &row.bytes(4)?)
        .map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The rollup of a row `start, path, cohort, body`.
pub(super) fn rollup_of(row: &Row) -> Result<(Key, Rollup), StoreError> {
    let code = row.integer(2)?;
    let cohort = usize::try_from(code).ok().and_then(|index| Cohort::ALL.get(index).copied());
    let cohort = cohort.ok_or_else(|| StoreError::Corrupt(format!("cohort {code} is unknown")))?;
    Ok((Key { start: row.integer(0)?, path: row.text(1)?.to_owned(), cohort }, unpacked(row, 3)?))
}
