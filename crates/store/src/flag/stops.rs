//! Emergency stops in a database: in D1, which keeps their history, and in the object `default`.
//!
//! Invariant: a stored stop holds until its release is stored, and neither is ever deleted. Writing a stop that is
//! already stored changes nothing, so stops may be written again, in any order, to either place.

use model::flag::stop::{Latch, Stop, StopAct};

use crate::sql::{Database, Row, Statement, StoreError, json_chunks, rows};
use crate::statements::statements;

/// Most stops that one read returns: those that hold, then those made last.
const MAX_READ: u64 = 200;

statements!("stops.sql": WRITE, READ);

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

    /// The stops that are stored here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self) -> Result<Latch, StoreError> {
        self.write(&Latch::default()).await
    }

    /// Adds stops that are known elsewhere. Returns those that are then stored here.
    ///
    /// # Errors
    /// [`StoreError`]; the stops may have been stored all the same. Repeating is harmless.
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
