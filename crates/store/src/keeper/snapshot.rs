//! The dashboard's summary, stored in the object `default` for the page's first paint.
//!
//! It is not stored in KV, because KV allows few writes (1,000 a day on the free plan), and the flag and the stop need
//! those.

use crate::sql::{Database, Statement, StoreError, rows};
use crate::statements::statements;

statements!("snapshot.sql": WRITE, READ);

/// Replaces the stored text.
///
/// # Errors
/// [`StoreError`].
pub async fn write(sql: impl Into<Database>, text: String) -> Result<(), StoreError> {
    sql.into().batch(vec![Statement::new(WRITE, [text.into()])]).await.map(drop)
}

/// The stored text, if any.
///
/// # Errors
/// [`StoreError`].
pub async fn read(sql: impl Into<Database>) -> Result<Option<String>, StoreError> {
    let results = sql.into().batch(vec![Statement::new(READ, [])]).await?;
    rows(&results, 0).first().map(|row| row.text("text").map(ToOwned::to_owned)).transpose()
}
