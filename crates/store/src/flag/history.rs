//! The flag's history: every document that was ever in force, by version.
//!
//! Invariant: versions only grow, and none is changed or deleted. A change is a compare-and-swap: it inserts the
//! version that follows the one it was made from, or it fails. (A stop that was made while this history could not be
//! reached may leave a gap behind it.)

use model::flag::document::{DatedDocument, Document};

use crate::sql::{Database, Statement, StoreError, rows};
use crate::statements::statements;

statements!("history.sql": NEWEST, ONE, REASON, INSERT, FORGET_OLDER, HOLD);

/// The history in a database.
#[derive(Debug, Clone)]
pub struct FlagHistory {
    sql: Database,
}

impl FlagHistory {
    /// Over this database.
    pub fn new(sql: impl Into<Database>) -> Self {
        Self { sql: sql.into() }
    }

    /// The newest documents, newest first, at most `most`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(&self, most: u64) -> Result<Vec<DatedDocument>, StoreError> {
        self.read(Statement::new(NEWEST, [most.into()])).await
    }

    /// The document of a version, if there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of_version(&self, version: u32) -> Result<Option<DatedDocument>, StoreError> {
        let statement = Statement::new(ONE, [u64::from(version).into()]);
        Ok(self.read(statement).await?.into_iter().next())
    }

    /// Whether this author ever changed the flag for this reason.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_reason(&self, by: &str, reason: &str) -> Result<bool, StoreError> {
        let results = self.sql.batch(vec![Statement::new(REASON, [by.into(), reason.into()])]).await?;
        Ok(!rows(&results, 0).is_empty())
    }

    /// Adds a document. Its version must be above the newest.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is not, because somebody else changed the flag.
    pub async fn append(&self, document: &Document, now_ms: u64) -> Result<(), StoreError> {
        let text = serde_json::to_string(document).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let params = [u64::from(document.version).into(), text.into(), now_ms.into()];
        // If it was stored and the answer got lost, a repeat is told of the conflict and reads it.
        let results = self.sql.batch(vec![Statement::new(INSERT, params)]).await?;
        if rows(&results, 0).is_empty() { Err(StoreError::Conflict) } else { Ok(()) }
    }

    /// Stores this document and deletes older ones, unless a newer one is stored: for the copy, which has no history.
    ///
    /// # Errors
    /// [`StoreError`]; repeating is harmless.
    pub async fn hold(&self, document: &Document, now_ms: u64) -> Result<(), StoreError> {
        let text = serde_json::to_string(document).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let version: crate::sql::Value = u64::from(document.version).into();
        let hold = Statement::new(HOLD, [version.clone(), text.into(), now_ms.into()]);
        self.sql.batch(vec![Statement::new(FORGET_OLDER, [version]), hold]).await.map(drop)
    }

    async fn read(&self, statement: Statement) -> Result<Vec<DatedDocument>, StoreError> {
        let results = self.sql.batch(vec![statement]).await?;
        let change = |row: &crate::sql::Row| {
            let document =
                Document::read(row.text("document")?).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            Ok(DatedDocument { changed_at: row.integer("changed_at")?, document })
        };
        rows(&results, 0).iter().map(change).collect()
    }
}
