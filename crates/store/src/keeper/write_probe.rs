//! A small write, once a minute, that shows whether a database takes writes. One that can be read may not.
//!
//! Invariant: a probe needs free space, as events do. An update in place would succeed even in a full database.

use crate::sql::{Database, Statement, StoreError, rows};
use crate::statements::statements;

statements!("write_probe.sql": WRITE, DELETE_EARLIER, LAST);

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

    /// Writes a row, and deletes the one before.
    ///
    /// # Errors
    /// [`StoreError`]: why the database takes no writes.
    pub async fn write(&self, now_ms: u64) -> Result<(), StoreError> {
        let statements = [WRITE, DELETE_EARLIER].map(|sql| Statement::new(sql, [now_ms.into()]));
        self.sql.batch(statements.to_vec()).await.map(drop)
    }

    /// When the database last took such a write, in ms. `None` if it never did.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last(&self) -> Result<Option<u64>, StoreError> {
        let results = self.sql.batch(vec![Statement::new(LAST, [])]).await?;
        let at = rows(&results, 0).first().map_or(Ok(0), |row| row.integer("at"))?;
        Ok(Some(at).filter(|at| *at > 0))
    }
}
