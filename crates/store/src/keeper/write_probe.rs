//! A small write, each minute: whether a database that can be read also takes writes.
//!
//! Invariant: a probe needs room that is free, as events do: an update in place succeeds in a database that is full.

use crate::sql::{Database, Statement, StoreError, rows};
use crate::statements::statements;

statements!(
    "write_probe.sql": WRITE, DELETE_EARLIER, LAST
);

/// Probes of a database.
#[derive(Debug, Clone)]
pub struct WriteProbe {
    sql: Database,
}

impl WriteProbe {
    /// Over this database.
    pub fn new(sql: impl Into<Database>) -> Self {
        Self { sql: sql.into() }
    }

    /// Writes, and deletes what was written before.
    ///
    /// # Errors
    /// Why the database takes no writes.
    pub async fn write(&self, now_ms: u64) -> Result<(), StoreError> {
        let statements = [WRITE, DELETE_EARLIER].map(|sql| Statement::new(sql, [now_ms.into()]));
        self.sql.batch(statements.to_vec()).await.map(drop)
    }

    /// When the database last took a write of this kind, in ms; none if it never did.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last(&self) -> Result<Option<u64>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(LAST, [])]).await?;
        let at = rows(&results, 0).first().map_or(Ok(0), |row| row.integer("at"))?;
        Ok(Some(at).filter(|at| *at > 0))
    }
}
