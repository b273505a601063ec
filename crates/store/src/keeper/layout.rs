//! The number of objects in which events are kept, as one of them keeps it.
//!
//! Invariant: the first number that is recorded stays.

use model::delivery::layout::Layout;

use crate::sql::{Database, Statement, StoreError, rows};
use crate::statements::statements;

statements!(
    "layout.sql": RECORD, READ
);

/// The layout in a database.
#[derive(Debug, Clone)]
pub struct Layouts {
    sql: Database,
}

impl Layouts {
    /// Over this database.
    pub fn new(sql: impl Into<Database>) -> Self {
        Self { sql: sql.into() }
    }

    /// What is in force: the number that was recorded first, this one if none was. Events may be stored by it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&self, setting: u64) -> Result<Layout, StoreError> {
        let results = self.sql.batch(vec![Statement::new(RECORD, [setting.into()]), Statement::new(READ, [])]).await?;
        let row = rows(&results, 1).first().ok_or_else(|| StoreError::Corrupt("the layout is gone".into()))?;
        Ok(Layout::of(Some(row.integer("shards")?), setting))
    }

    /// What is in force, to read by.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, setting: u64) -> Result<Layout, StoreError> {
        let results = self.sql.batch(vec![Statement::new(READ, [])]).await?;
        let recorded = rows(&results, 0).first().map(|row| row.integer("shards")).transpose()?;
        Ok(Layout::of(recorded, setting))
    }
}
