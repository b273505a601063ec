//! The event store: record each event once.
//!
//! Invariants: an event is stored, deduped and counted by the insertion of one immutable segment, in one transaction.
//! Whatever fails, at whatever point, repeating the same call is harmless. Writers need no lock: each inserts the
//! next number, and of two with the same number the slower is refused whole and decides anew.

use std::ops::Deref;

use litemap::LiteMap;

use crate::domain::dedup::{self, Seen};
use crate::domain::event::Event;
use crate::domain::grain::Retention;
use crate::domain::identity::Digest;
use crate::domain::segment::{self, Segment};

use super::read::EventReader;
use super::sql::{Database, Row, Statement, StoreError, Value, json_list, rows};

/// Attempts against faster writers before giving up; the caller's own retry follows.
const MAX_ATTEMPTS: usize = 8;

/// Windows whose digests a writer remembers between calls: all that a batch across an edge needs.
const REMEMBERED_WINDOWS: usize = 4;

/// Head of the log, and how far it is folded.
pub(super) const HEAD: &str = "
    SELECT max(coalesce((SELECT max(seq) FROM segments), 0), coalesce((SELECT to_seq FROM folds ORDER BY from_seq DESC LIMIT 1), 0)) AS head,
           coalesce((SELECT to_seq FROM folds ORDER BY from_seq DESC LIMIT 1), 0) AS folded";

// The plus keeps SQLite from reading all of a window by its index where only the few newest segments are asked for.
const DIGESTS_SINCE: &str = "
    SELECT window_start, hex(digests) AS digests FROM segments
    WHERE seq > ?1 AND +window_start IN (SELECT value FROM json_each(?2))";

const DIGESTS: &str = "
    SELECT window_start, hex(digests) AS digests FROM segments
    WHERE window_start IN (SELECT value FROM json_each(?1))";

const INSERT_SEGMENT: &str = "
    INSERT INTO segments
      (seq, window_start, first_ms, last_ms, events, absorbed, stored_at, digests, body, absorbed_digests, absorbed_body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, unhex(?8), unhex(?9), unhex(?10), unhex(?11))";

/// What a writer remembers of committed segments, to read only what is new. It is filled from the database alone,
/// never from what a writer is about to write, and may be lost or shared stale at no harm.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    seen: Seen,
    head: u64,
}

/// What became of the events of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recorded {
    /// Counted now.
    pub stored: u64,
    /// Counted before.
    pub absorbed: u64,
    /// Segments that wait to be folded.
    pub unfolded: u64,
}

/// The event store over a database, for those who write, fold and delete. It reads like an [`EventReader`].
#[derive(Debug, Clone)]
pub struct EventStore {
    reader: EventReader,
    window_ms: u64,
    pub(super) retention: Retention,
}

impl Deref for EventStore {
    type Target = EventReader;

    fn deref(&self) -> &EventReader {
        &self.reader
    }
}

impl EventStore {
    /// A store whose events were identified with this ID window (ms), and that keeps things so long. A fold leaves out
    /// what is kept no longer, so that two parts of the Worker with different retentions would lose figures.
    pub fn new(sql: impl Into<Database>, window_ms: u64, retention: Retention) -> Self {
        Self { reader: EventReader::new(sql), window_ms, retention }
    }

    /// Records events that were checked, each digest once.
    ///
    /// # Errors
    /// [`StoreError`]; the events may or may not be stored then, and the call may be repeated.
    pub async fn record(&self, memory: &mut Memory, events: &[Event], now_ms: u64) -> Result<Recorded, StoreError> {
        if events.is_empty() {
            return Ok(Recorded::default());
        }
        let mut windows: Vec<u64> =
            events.iter().flat_map(|e| dedup::neighbours(e.idempotent_id.timestamp_ms(), self.window_ms)).collect();
        windows.sort_unstable();
        windows.dedup();
        for _ in 0..MAX_ATTEMPTS {
            // 1. A crash here: nothing was written.
            let folded = match self.refresh(memory, &windows).await {
                Ok(folded) => folded,
                Err(StoreError::Conflict) => continue,
                Err(error) => return Err(error),
            };
            let segments = dedup::plan(events.to_vec(), &memory.seen, self.window_ms);
            let inserts = insertions(&segments, memory.head, now_ms)?;
            // 2. A crash here: the transaction is there or is not. If it is, a repeat finds its digests.
            match self.sql.batch(inserts).await {
                Ok(_) => {
                    let count = |part: fn(&Segment) -> usize| segments.iter().map(|s| part(s) as u64).sum();
                    let recorded = Recorded {
                        stored: count(|s| s.events.len()),
                        absorbed: count(|s| s.absorbed.len()),
                        unfolded: memory.head + segments.len() as u64 - folded,
                    };
                    memory.seen.keep_newest(REMEMBERED_WINDOWS.max(windows.len()));
                    return Ok(recorded);
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Brings the memory up to the head of the log, with the given windows in it; gives how far the log is folded. A
    /// conflict means that the memory was of another state, is empty now, and is to be filled again.
    async fn refresh(&self, memory: &mut Memory, windows: &[u64]) -> Result<u64, StoreError> {
        let missing: Vec<u64> = windows.iter().copied().filter(|window| !memory.seen.knows(*window)).collect();
        let statements = vec![
            Statement::new(HEAD, []),
            Statement::new(DIGESTS_SINCE, [memory.head.into(), json_list(memory.seen.windows())]),
            Statement::new(DIGESTS, [json_list(missing.iter().copied())]),
        ];
        let results = self.sql.batch(statements).await?;
        let (head, folded) = head_and_folded(&results)?;
        if head < memory.head {
            // The database was restored to an earlier state: what is remembered may not be in it any more.
            *memory = Memory::default();
            return Err(StoreError::Conflict);
        }
        // All of a window at once: the memory sorts what it is given.
        let mut new: LiteMap<u64, Vec<Digest>> = LiteMap::new();
        for row in rows(&results, 1).iter().chain(rows(&results, 2)) {
            new.entry(row.integer(0)?).or_default().extend(segment::unpack_digests(&row.bytes(1)?));
        }
        // From here nothing can fail: the memory never stops half way.
        for window in missing {
            memory.seen.open(window);
        }
        for (window, digests) in new {
            memory.seen.insert(window, digests);
        }
        memory.head = head;
        Ok(folded)
    }
}

/// What [`HEAD`] gave, as the first statement of a batch.
pub(super) fn head_and_folded(results: &[Vec<Row>]) -> Result<(u64, u64), StoreError> {
    let row = rows(results, 0).first().ok_or_else(|| StoreError::Corrupt("no head".into()))?;
    Ok((row.integer(0)?, row.integer(1)?))
}

/// The statements that add segments after `head`.
fn insertions(segments: &[Segment], head: u64, now_ms: u64) -> Result<Vec<Statement>, StoreError> {
    let statement = |(seq, part): (u64, &Segment)| {
        let times = || part.events.iter().map(|event| event.timestamp);
        let (digests, body) = packed(part.window, &part.events)?;
        let (absorbed_digests, absorbed_body) = packed(part.window, &part.absorbed)?;
        let params: [Value; 11] = [
            seq.into(),
            part.window.into(),
            times().min().unwrap_or(part.window).into(),
            times().max().unwrap_or(part.window).into(),
            (part.events.len() as u64).into(),
            (part.absorbed.len() as u64).into(),
            now_ms.into(),
            digests,
            body,
            absorbed_digests,
            absorbed_body,
        ];
        Ok(Statement::new(INSERT_SEGMENT, params))
    };
    (head + 1..).zip(segments).map(statement).collect()
}

/// Events of one window as what a segment's row holds of them: digests and the rest.
fn packed(window: u64, events: &[Event]) -> Result<(Value, Value), StoreError> {
    if events.is_empty() {
        return Ok(("".into(), "".into()));
    }
    let body = segment::pack(window, events).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let digests = segment::pack_digests(events.iter().map(|event| event.digest));
    Ok((digests.as_slice().into(), body.as_slice().into()))
}
