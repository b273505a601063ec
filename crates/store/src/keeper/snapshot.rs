//! The dashboard's summary, kept ready in the object `default`.
//!
//! Invariant: it is not in KV, whose writes are few (1,000 a day on the free plan): the flag and the stop need them.

use crate::sql::{Database, Statement, StoreError, rows};
use crate::statements::statements;

statements!(
    "snapshot.sql": WRITE, READ
);

/// Keeps this text in place of the one before.
///
/// # Errors
/// [`StoreError`].
pub async fn write(sql: impl Into<Database>, text: String) -> Result<(), StoreError> {
    sql.into().batch(vec![Statement::new(WRITE, [text.into()])]).await.map(drop)
}

/// The text that is kept, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn read(sql: impl Into<Database>) -> Result<Option<String>, StoreError> {
    let results = sql.into().batch(vec![Statement::new(READ, [])]).await?;
    rows(&results, 0).first().map(|row| row.text("text").map(ToOwned::to_owned)).transpose()
}
