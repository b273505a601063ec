//! The event store: records each event once.
//!
//! Invariants: one transaction stores, dedups and counts an event, by inserting one immutable segment. Repeating a call
//! is harmless, wherever it failed before. Writers need no lock: each inserts the next sequence number; of two with the
//! same number the slower one is refused, reads again, and decides again. The same happens to a writer that read
//! another timeline than the one it writes to (`timeline.rs`).

use std::ops::Deref;

use litemap::LiteMap;

use model::counting::admission::RouteLimit;
use model::counting::grain::Retention;
use model::event::Event;
use model::event::identity::Digest;
use model::log::dedup::{self, SeenDigests};
use model::log::segment::{self, Segment};

use super::read::EventReader;
use super::timeline::{LogExtent, Position};
use crate::sql::{Database, Statement, StoreError, Value, json_lists};
use crate::statements::statements;

/// Attempts to record while other writers are faster. Then the call fails, and the caller may retry.
const MAX_ATTEMPTS: usize = 8;

/// ID windows whose digests a writer remembers between calls. A batch at the edge of a window needs as many.
const REMEMBERED_WINDOWS: usize = 4;

statements!("event_store.sql": DIGESTS_SINCE, DIGESTS, INSERT_SEGMENT);

/// What a writer remembers of committed segments, so that it reads only new ones. It is filled only from the database,
/// never with what is about to be written. Losing it, or using an old one, is harmless.
#[derive(Debug, Clone, Default)]
pub struct WriterMemory {
    seen: SeenDigests,
    /// The last segment that was read.
    head: Position,
}

/// Result of recording events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordCounts {
    /// Events counted now.
    pub stored: u64,
    /// Events that were counted before.
    pub absorbed: u64,
    /// Segments that are not folded yet.
    pub unfolded: u64,
}

/// The event store over a database, for code that writes, folds and deletes. It also has the methods of an
/// [`EventReader`].
#[derive(Debug, Clone)]
pub struct EventStore {
    reader: EventReader,
    window_ms: u64,
    pub(crate) retention: Retention,
    pub(crate) routes: RouteLimit,
}

impl Deref for EventStore {
    type Target = EventReader;

    fn deref(&self) -> &EventReader {
        &self.reader
    }
}

impl EventStore {
    /// A store with this length of the ID window (ms) and these retention times. All parts of the Worker must use the
    /// same retention: a fold drops figures that are older.
    pub fn new(sql: impl Into<Database>, window_ms: u64, retention: Retention) -> Self {
        Self { reader: EventReader::new(sql), window_ms, retention, routes: RouteLimit::default() }
    }

    /// The same, counting so many routes separately.
    #[must_use]
    pub fn counting(self, routes: RouteLimit) -> Self {
        Self { routes, ..self }
    }

    /// Records events, each digest once. The events must have been checked.
    ///
    /// # Errors
    /// [`StoreError`]; the events may or may not be stored then, and the call may be repeated.
    pub async fn record(
        &self,
        memory: &mut WriterMemory,
        events: &[Event],
        now_ms: u64,
    ) -> Result<RecordCounts, StoreError> {
        if events.is_empty() {
            return Ok(RecordCounts::default());
        }
        let mut windows: Vec<u64> =
            events.iter().flat_map(|e| dedup::neighbours(e.idempotent_id.timestamp_ms(), self.window_ms)).collect();
        windows.sort_unstable();
        windows.dedup();
        for _ in 0..MAX_ATTEMPTS {
            let folded = match self.refresh(memory, &windows).await {
                Ok(folded) => folded,
                Err(StoreError::Conflict) => continue,
                Err(error) => return Err(error),
            };
            let segments = dedup::plan(events.to_vec(), &memory.seen, self.window_ms);
            let inserts = insertions(&segments, memory.head, now_ms)?;
            // All of it or nothing. If it was stored and the answer got lost, a repeat finds its digests.
            match self.sql.batch(inserts).await {
                Ok(_) => {
                    let count = |part: fn(&Segment) -> usize| segments.iter().map(|s| part(s) as u64).sum();
                    let recorded = RecordCounts {
                        stored: count(|s| s.events.len()),
                        absorbed: count(|s| s.absorbed.len()),
                        unfolded: memory.head.seq + segments.len() as u64 - folded,
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

    /// Stores events without dedup: the fault that dedup prevents. Only the parity self-test uses it, on a store of its
    /// own.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn store_again(&self, events: &[Event], now_ms: u64) -> Result<(), StoreError> {
        let LogExtent { head, .. } = LogExtent::of(&self.sql.batch(vec![LogExtent::look(Position::default())]).await?)?;
        let segments = dedup::plan(events.to_vec(), &SeenDigests::default(), self.window_ms);
        self.sql.batch(insertions(&segments, head, now_ms)?).await.map(drop)
    }

    /// Reads what is new in the log into the memory, including these windows. Returns the number of the last folded
    /// segment. [`StoreError::Conflict`] means that the memory did not belong to this log; it was emptied, and the call
    /// is to be repeated.
    async fn refresh(&self, memory: &mut WriterMemory, windows: &[u64]) -> Result<u64, StoreError> {
        let missing: Vec<u64> = windows.iter().copied().filter(|window| !memory.seen.knows(*window)).collect();
        let known: Vec<u64> = memory.seen.windows().collect();
        let mut statements = vec![LogExtent::look(memory.head)];
        let since = |list| Statement::new(DIGESTS_SINCE, [memory.head.seq.into(), list]);
        statements.extend(json_lists(&known).map(since));
        statements.extend(json_lists(&missing).map(|list| Statement::new(DIGESTS, [list])));
        let results = self.sql.batch(statements).await?;
        let log = LogExtent::of(&results)?;
        if !log.is_continued {
            // The database was restored, and what is remembered may not be in it; or that segment has had its time.
            *memory = WriterMemory::default();
            return Err(StoreError::Conflict);
        }
        // All of a window at once: the memory sorts what it is given.
        let mut new: LiteMap<u64, Vec<Digest>> = LiteMap::new();
        for row in results.iter().skip(1).flatten() {
            let digests = row.bytes("digests")?;
            new.entry(row.integer("window_start")?).or_default().extend(segment::unpack_digests(&digests));
        }
        // From here nothing can fail: the memory never stops half way.
        for window in missing {
            memory.seen.open(window);
        }
        for (window, digests) in new {
            memory.seen.insert(window, digests);
        }
        memory.head = log.head;
        Ok(log.folded.seq)
    }
}

/// The statements that insert segments after `head`.
fn insertions(segments: &[Segment], mut head: Position, now_ms: u64) -> Result<Vec<Statement>, StoreError> {
    let mut statements = Vec::with_capacity(segments.len());
    for part in segments {
        let times = || part.events.iter().map(|event| event.timestamp);
        let (digests, body) = packed(part.window, &part.events)?;
        let (absorbed_digests, absorbed_body) = packed(part.window, &part.absorbed)?;
        let blobs = [&digests, &body, &absorbed_digests, &absorbed_body];
        let numbers = [part.window, now_ms].map(u64::to_be_bytes);
        let next = head.next(numbers.iter().map(|bytes| &bytes[..]).chain(blobs.map(Vec::as_slice)));
        let mut params: Vec<Value> = vec![
            next.seq.into(),
            part.window.into(),
            times().min().unwrap_or(part.window).into(),
            times().max().unwrap_or(part.window).into(),
            (part.events.len() as u64).into(),
            (part.absorbed.len() as u64).into(),
            now_ms.into(),
        ];
        params.extend(blobs.map(|blob| blob.as_slice().into()));
        params.extend([head.mark.into(), next.mark.into()]);
        statements.push(Statement::new(INSERT_SEGMENT, params));
        head = next;
    }
    Ok(statements)
}

/// Packs the events of one window for a segment's row: digests, and the rest.
fn packed(window: u64, events: &[Event]) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    if events.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let body = segment::pack(window, events).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok((segment::pack_digests(events.iter().map(|event| event.digest)), body))
}
