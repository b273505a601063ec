//! Dead letters: messages, or single events of them, that a queue delivered and no code can read.
//!
//! Invariants: a message is acked only after each of its events is counted, stored here, or handed to the slow lane.
//! Events that can be read are never stored here: they wait in their queue until the database takes them. The table is
//! bounded: letters that had to make room are counted, by day.

use model::counting::grain::DAY_MS;
use model::delivery::kept_letter::{FoundLetter, KeptLetter, LetterSource};
use model::operating::health::LetterGauge;

use crate::sql::{Database, Row, Statement, StoreError, Value, json_chunks, rows};
use crate::statements::statements;

/// Longest payload that is kept, in bytes. The rest is cut off.
pub const MAX_PAYLOAD_BYTES: usize = 60_000;

/// Most letters that are kept. They take at most 1.2 GB, an eighth of the database.
pub const MAX_LETTERS: u64 = 20_000;

/// How long a letter is kept, in ms: 90 days. After 7 days it can be read, but no longer redriven.
pub const KEEP_MS: u64 = 90 * DAY_MS;

/// Bytes of payloads that one search reads: 64 MB.
pub const SEARCHED_BYTES: u64 = 64 << 20;

/// Most letters that one search returns.
const MOST_FOUND: u64 = 20;

/// Most letters that one call purges.
const PURGE_STEP: u64 = 1_000;

statements!("dead_letters.sql":
    INSERT, COUNT_EXCESS, DROP_EXCESS, GAUGE, CONTAINING, NOT_SEARCHED, COUNT_SINCE, COUNT_MATCHING, NEWEST, PURGE,
    FORGET_DROPPED,
);

/// A message, or an event of one, that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue's message ID, with the event's position in the message.
    pub id: String,
    /// When it was stored, in ms.
    pub received_at: u64,
    /// When its message was sent, in ms, if that is known.
    pub sent_at: Option<u64>,
    /// Which consumer found it.
    pub source: LetterSource,
    /// Why it can't be read.
    pub reason: String,
    /// The text as it came.
    pub payload: String,
}

/// Selects letters. A field that is `None` matches every letter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The letter with this ID.
    pub id: Option<String>,
    /// Letters from this source.
    pub source: Option<LetterSource>,
    /// Letters with this text in their reason, or in the reason for which their last redrive was refused.
    pub reason: Option<String>,
    /// Letters stored before this time, in ms.
    pub before_ms: Option<u64>,
}

impl Filter {
    pub(crate) fn params(&self) -> Vec<Value> {
        let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
        let source = self.source.map_or(Value::Null, |source| source.name().into());
        vec![text(&self.id), source, text(&self.reason), self.before_ms.map_or(Value::Null, Value::from)]
    }
}

/// A position in the list of letters, which is ordered by time and ID. Its text is `{receivedAt}-{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterPosition {
    /// When the letter was stored, in ms.
    pub received_at: u64,
    /// Its ID.
    pub id: String,
}

impl LetterPosition {
    /// Parses a position's text. `None` if it has another form.
    pub fn parse(text: &str) -> Option<Self> {
        let (received_at, id) = text.split_once('-')?;
        Some(Self { received_at: received_at.parse().ok()?, id: id.to_owned() })
    }

    pub(crate) fn params(place: Option<&Self>) -> [Value; 2] {
        place.map_or([Value::Null, Value::Null], |place| [place.received_at.into(), place.id.as_str().into()])
    }
}

impl std::fmt::Display for LetterPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.received_at, self.id)
    }
}

/// Dead letters in a database.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    pub(crate) sql: Database,
    most: u64,
}

impl DeadLetters {
    /// Over this database.
    pub fn new(sql: impl Into<Database>) -> Self {
        Self::at_most(sql, MAX_LETTERS)
    }

    /// Over this database, with another bound than [`MAX_LETTERS`].
    pub fn at_most(sql: impl Into<Database>, most: u64) -> Self {
        Self { sql: sql.into(), most }
    }

    /// Stores letters, each ID once, in one transaction. Returns how many older letters had to make room for them.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn store(&self, letters: &[DeadLetter]) -> Result<u64, StoreError> {
        let Some(day) = letters.iter().map(|letter| letter.received_at / DAY_MS).max() else { return Ok(0) };
        let row = |letter: &DeadLetter| {
            let DeadLetter { id, received_at, sent_at, source, reason, payload } = letter;
            serde_json::json!([id, received_at, sent_at, source, reason, payload.len(), cut(payload)])
        };
        let insert = |chunk| Statement::new(INSERT, [chunk]);
        let mut statements: Vec<Statement> = json_chunks(letters.iter().map(row)).into_iter().map(insert).collect();
        statements.push(Statement::new(COUNT_EXCESS, [day.into(), self.most.into()]));
        statements.push(Statement::new(DROP_EXCESS, [self.most.into()]));
        let results = self.sql.batch(statements).await?;
        Ok(results.last().map_or(0, |dropped| dropped.len() as u64))
    }

    /// How many letters there are, and when the oldest was received.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn gauge(&self) -> Result<LetterGauge, StoreError> {
        let results = self.sql.batch(vec![Statement::new(GAUGE, [])]).await?;
        let row = rows(&results, 0).first().ok_or_else(|| StoreError::Corrupt("no gauge".into()))?;
        Ok(LetterGauge {
            count: row.integer("letters")?,
            oldest_at: maybe(row, "oldest_at", Row::integer)?,
            dropped: row.integer("dropped")?,
        })
    }

    /// How many letters were received since `from_ms`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_since(&self, from_ms: u64) -> Result<u64, StoreError> {
        let results = self.sql.batch(vec![Statement::new(COUNT_SINCE, [from_ms.into()])]).await?;
        rows(&results, 0).first().map_or(Ok(0), |row| row.integer("letters"))
    }

    /// Searches the payloads of letters stored since `from_ms` for a text. Returns the oldest 20 that contain it, and
    /// how many letters were not searched because the payloads before them already had this many bytes
    /// ([`SEARCHED_BYTES`]).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn containing(
        &self,
        text: &str,
        from_ms: u64,
        bytes: u64,
    ) -> Result<(Vec<FoundLetter>, u64), StoreError> {
        let bounds = [from_ms, MAX_PAYLOAD_BYTES as u64, bytes].map(Value::from);
        let search = bounds.clone().into_iter().chain([text.into(), MOST_FOUND.into()]);
        let statements = vec![Statement::new(CONTAINING, search), Statement::new(NOT_SEARCHED, bounds)];
        let results = self.sql.batch(statements).await?;
        let found = |row: &Row| {
            let text = |column| row.text(column).map(str::to_owned);
            Ok(FoundLetter {
                id: text("id")?,
                received_at: row.integer("received_at")?,
                source: source(row)?,
                reason: text("reason")?,
            })
        };
        let letters = rows(&results, 0).iter().map(found).collect::<Result<_, StoreError>>()?;
        Ok((letters, rows(&results, 1).first().map_or(Ok(0), |row| row.integer("letters"))?))
    }

    /// Returns how many letters match, and the newest `most` of them that come after a position in the list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(
        &self,
        filter: &Filter,
        after: Option<&LetterPosition>,
        most: u64,
    ) -> Result<(u64, Vec<KeptLetter>), StoreError> {
        let params = filter.params().into_iter().chain(LetterPosition::params(after)).chain([most.into()]);
        let statements = vec![Statement::new(COUNT_MATCHING, filter.params()), Statement::new(NEWEST, params)];
        let results = self.sql.batch(statements).await?;
        let count = rows(&results, 0).first().map_or(Ok(0), |row| row.integer("letters"))?;
        Ok((count, rows(&results, 1).iter().map(kept).collect::<Result<_, _>>()?))
    }

    /// Deletes at most 1,000 letters that match. Returns how many it deleted, and how many are left.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn purge(&self, filter: &Filter) -> Result<(u64, u64), StoreError> {
        let params = filter.params().into_iter().chain([PURGE_STEP.into()]);
        let statements = vec![Statement::new(PURGE, params), Statement::new(COUNT_MATCHING, filter.params())];
        let results = self.sql.batch(statements).await?;
        let left = rows(&results, 1).first().map_or(Ok(0), |row| row.integer("letters"))?;
        Ok((rows(&results, 0).len() as u64, left))
    }

    /// Deletes at most 1,000 letters that are older than [`KEEP_MS`]. Returns how many it deleted.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn expire(&self, now_ms: u64) -> Result<u64, StoreError> {
        let before = now_ms.saturating_sub(KEEP_MS);
        let filter = Filter { before_ms: Some(before), ..Filter::default() };
        let params = filter.params().into_iter().chain([PURGE_STEP.into()]);
        let statements =
            vec![Statement::new(PURGE, params), Statement::new(FORGET_DROPPED, [(before / DAY_MS).into()])];
        Ok(rows(&self.sql.batch(statements).await?, 0).len() as u64)
    }
}

/// A column that may be null.
fn maybe<T>(
    row: &Row,
    column: &str,
    read: impl Fn(&Row, &str) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    if row.is_null(column)? { Ok(None) } else { read(row, column).map(Some) }
}

fn source(row: &Row) -> Result<LetterSource, StoreError> {
    let name = row.text("source")?;
    LetterSource::named(name).ok_or_else(|| StoreError::Corrupt(format!("a dead letter's source is {name:?}")))
}

/// A letter, from a row of `dead_letters`.
pub(crate) fn kept(row: &Row) -> Result<KeptLetter, StoreError> {
    let text = |row: &Row, column: &str| row.text(column).map(str::to_owned);
    Ok(KeptLetter {
        id: text(row, "id")?,
        received_at: row.integer("received_at")?,
        sent_at: maybe(row, "sent_at", Row::integer)?,
        source: source(row)?,
        reason: text(row, "reason")?,
        attempts: row.integer("attempts")?,
        refused: maybe(row, "refused", text)?,
        bytes: row.integer("bytes")?,
        payload: Some(text(row, "payload")?),
    })
}

/// The first [`MAX_PAYLOAD_BYTES`] of `text` at most, cut between two characters.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_PAYLOAD_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
