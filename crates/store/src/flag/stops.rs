//! Emergency stops in a database: in D1, which keeps their history, and in the object `default`.
//!
//! Invariant: a stop that is stored holds until its release is stored; nothing deletes either. Writing what is there
//! already changes nothing, so that any record may be written again, in any order, to any of the two.

use model::flag::stop::{Latch, Stop, StopAct};

use crate::sql::{Database, Row, Statement, StoreError, json_chunks, rows};

/// Stops that one read gives at most: those that hold, then the newest that were released.
const MAX_READ: u64 = 200;

const WRITE: &str = "
    INSERT INTO flag_stops (id, made_at, made_by, reason, released_at, released_by, release_reason)
    SELECT json_extract(value, '$.id'), json_extract(value, '$.at'), json_extract(value, '$.by'),
           json_extract(value, '$.reason'), json_extract(value, '$.released.at'),
           json_extract(value, '$.released.by'), json_extract(value, '$.released.reason')
    FROM json_each(?1) WHERE true
    ON CONFLICT (id) DO UPDATE SET released_at = excluded.released_at, released_by = excluded.released_by,
      release_reason = excluded.release_reason
    WHERE excluded.released_at IS NOT NULL AND (released_at IS NULL OR
      (excluded.released_at, excluded.released_by, excluded.release_reason) < (released_at, released_by, release_reason))";

const READ: &str = "
    SELECT id, made_at, made_by, reason, coalesce(released_at, 0) AS released_at,
           coalesce(released_by, '') AS released_by, coalesce(release_reason, '') AS release_reason
    FROM flag_stops ORDER BY flag_stops.released_at IS NOT NULL, made_at DESC, id LIMIT ?1";

/// The stops in a database.
#[derive(Debug, Clone)]
pub struct Stops {
    sql: Database,
}

impl Stops {
    /// Over this database.
    pub fn new(sql: impl Into<Database>) -> Self {
        Self { sql: sql.into() }
    }

    /// What is known here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self) -> Result<Latch, StoreError> {
        self.write(&Latch::default()).await
    }

    /// Adds what is known elsewhere; gives what is known here then.
    ///
    /// # Errors
    /// [`StoreError`]; what was written may be there all the same. Repeating is harmless.
    pub async fn write(&self, latch: &Latch) -> Result<Latch, StoreError> {
        let values = latch.all().into_iter().map(|stop| serde_json::json!(stop));
        let mut statements: Vec<Statement> =
            json_chunks(values).into_iter().map(|chunk| Statement::new(WRITE, [chunk])).collect();
        let read = statements.len();
        statements.push(Statement::new(READ, [MAX_READ.into()]));
        let results = self.sql.batch(statements).await?;
        rows(&results, read).iter().map(stop).collect::<Result<Vec<Stop>, StoreError>>().map(Latch::of)
    }
}

fn stop(row: &Row) -> Result<Stop, StoreError> {
    let text = |column| row.text(column).map(ToOwned::to_owned);
    let made = StopAct { at: row.integer("made_at")?, by: text("made_by")?, reason: text("reason")? };
    let released = match row.integer("released_at")? {
        0 => None,
        at => Some(StopAct { at, by: text("released_by")?, reason: text("release_reason")? }),
    };
    Ok(Stop { id: text("id")?, made, released })
}
