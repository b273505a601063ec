//! Dead letters: what the queue delivered and could not be applied.
//!
//! Invariant: nothing that a queue delivered is acked before it is either counted or here.

use crate::domain::health::Letters;

use super::sql::{Sql, Statement, StoreError, json_chunks, rows};

/// Bytes of a payload that are kept.
pub const MAX_PAYLOAD_BYTES: usize = 60_000;

const INSERT: &str = "
    INSERT INTO dead_letters (id, received_at, source, reason, payload)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
           json_extract(value, '$[3]'), json_extract(value, '$[4]')
    FROM json_each(?1) WHERE true
    ON CONFLICT (id) DO NOTHING";

const COUNT: &str = "SELECT count(*) AS letters FROM dead_letters";

const GAUGE: &str = "SELECT count(*) AS letters, coalesce(min(received_at), 0) AS oldest FROM dead_letters";

const COUNT_SINCE: &str = "SELECT count(*) AS letters FROM dead_letters WHERE received_at >= ?1";

const NEWEST: &str = "
    SELECT id, received_at, source, reason, payload FROM dead_letters ORDER BY received_at DESC LIMIT ?1";

/// A message, or an event of one, that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The queue's message ID, with the position in the message.
    pub id: String,
    /// When it was stored, in ms.
    pub received_at: u64,
    /// `consumer`: it can't be read; `dlq`: its retries are exhausted.
    pub source: String,
    /// Why.
    pub reason: String,
    /// The text as it came.
    pub payload: String,
}

/// Dead letters in a database.
#[derive(Debug, Clone)]
pub struct DeadLetters<S> {
    sql: S,
}

impl<S: Sql> DeadLetters<S> {
    /// Over this database.
    pub const fn new(sql: S) -> Self {
        Self { sql }
    }

    /// Stores letters, each ID once, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn store(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        if letters.is_empty() {
            return Ok(());
        }
        let row = |letter: &DeadLetter| {
            let DeadLetter { id, received_at, source, reason, payload } = letter;
            serde_json::json!([id, received_at, source, reason, cut(payload)])
        };
        let statement = |chunk| Statement::new(INSERT, [chunk]);
        self.sql.batch(json_chunks(letters.iter().map(row)).into_iter().map(statement).collect()).await.map(drop)
    }

    /// How many there are, and the newest `most` of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(&self, most: u64) -> Result<(u64, Vec<DeadLetter>), StoreError> {
        let statements = vec![Statement::new(COUNT, []), Statement::new(NEWEST, [most.into()])];
        let results = self.sql.batch(statements).await?;
        let count = rows(&results, 0).first().map_or(Ok(0), |row| row.integer(0))?;
        let letters = rows(&results, 1)
            .iter()
            .map(|row| {
                Ok(DeadLetter {
                    id: row.text(0)?.to_owned(),
                    received_at: row.integer(1)?,
                    source: row.text(2)?.to_owned(),
                    reason: row.text(3)?.to_owned(),
                    payload: row.text(4)?.to_owned(),
                })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok((count, letters))
    }

    /// How many there are, and when the oldest was received.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn gauge(&self) -> Result<Letters, StoreError> {
        let results = self.sql.batch(vec![Statement::new(GAUGE, [])]).await?;
        let row = rows(&results, 0).first().ok_or_else(|| StoreError::Corrupt("no gauge".into()))?;
        Ok(Letters { count: row.integer(0)?, oldest_at: Some(row.integer(1)?).filter(|at| *at > 0) })
    }

    /// How many were received since `from_ms`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_since(&self, from_ms: u64) -> Result<u64, StoreError> {
        let results = self.sql.batch(vec![Statement::new(COUNT_SINCE, [from_ms.into()])]).await?;
        rows(&results, 0).first().map_or(Ok(0), |row| row.integer(0))
    }
}

/// At most [`MAX_PAYLOAD_BYTES`] of `text`, on a character's border.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_PAYLOAD_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
