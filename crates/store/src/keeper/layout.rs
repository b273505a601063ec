//! The number of objects that hold events. One of them stores it.
//!
//! Invariant: the number that is stored first never changes.

use model::delivery::layout::Layout;

use crate::sql::{Database, Statement, StoreError, rows};
use crate::statements::statements;

statements!("layout.sql": RECORD, READ);

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

    /// Stores this number if none is stored yet, and returns the layout in force. Events may be stored by it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&self, setting: u64) -> Result<Layout, StoreError> {
        let results = self.sql.batch(vec![Statement::new(RECORD, [setting.into()]), Statement::new(READ, [])]).await?;
        let row = rows(&results, 1).first().ok_or_else(|| StoreError::Corrupt("the layout is gone".into()))?;
        Ok(Layout::of(Some(row.integer("shards")?), setting))
    }

    /// The layout in force, for reading only: stores nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, setting: u64) -> Result<Layout, StoreError> {
        let results = self.sql.batch(vec![Statement::new(READ, [])]).await?;
        let recorded = rows(&results, 0).first().map(|row| row.integer("shards")).transpose()?;
        Ok(Layout::of(recorded, setting))
    }
}
