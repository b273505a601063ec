//! The port to a SQLite database, wherever it is: in an object, in D1, in a test.
//!
//! Invariant: a batch is one transaction. All of its statements see one state and take effect together or not at all.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use model::error::first_line;

/// A value bound to a statement or read from a row. There are no blobs: D1 hands them over as arrays of numbers, so
/// statements pass bytes as hexadecimal text (`hex(…)`, `unhex(?)`).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL `NULL`.
    Null,
    /// A whole number below 2⁵³: beyond, the platform rounds.
    Integer(i64),
    /// Text.
    Text(String),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Integer(number.cast_signed())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Text(hex::encode(bytes))
    }
}

/// A statement with its parameters, in the order of `?1`, `?2`, ….
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The text.
    pub sql: &'static str,
    /// Its parameters; at most 100 (D1).
    pub params: Vec<Value>,
}

impl Statement {
    /// A statement with parameters.
    pub fn new(sql: &'static str, params: impl IntoIterator<Item = Value>) -> Self {
        Self { sql, params: params.into_iter().collect() }
    }
}

/// The names of a result's columns, which all of its rows share.
pub type Columns = Rc<[Box<str>]>;

/// A row: a value for each of its columns. Columns are read by the names that their statement gives them.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    columns: Columns,
    values: Vec<Value>,
}

impl Row {
    /// A row of these columns, with their values in the same order.
    pub fn new(columns: &Columns, values: Vec<Value>) -> Self {
        Self { columns: Rc::clone(columns), values }
    }

    /// The values, in the order of their columns.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Whether a column holds `NULL`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when there is no such column.
    pub fn is_null(&self, column: &str) -> Result<bool, StoreError> {
        self.value(column).map(|value| *value == Value::Null)
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when there is no such column, or it is negative or of another type.
    pub fn integer(&self, column: &str) -> Result<u64, StoreError> {
        match self.value(column)? {
            Value::Integer(number) if *number >= 0 => Ok(number.cast_unsigned()),
            other => Err(StoreError::Corrupt(format!("column {column} holds {other:?} where a count was stored"))),
        }
    }

    /// Text.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when there is no such column, or it is of another type.
    pub fn text(&self, column: &str) -> Result<&str, StoreError> {
        match self.value(column)? {
            Value::Text(text) => Ok(text),
            other => Err(StoreError::Corrupt(format!("column {column} holds {other:?} where text was stored"))),
        }
    }

    /// Bytes, from a column that the statement selects as `hex(…)`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when there is no such column, or it is no hexadecimal text.
    pub fn bytes(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        hex::decode(self.text(column)?).map_err(|error| StoreError::Corrupt(format!("column {column}: {error}")))
    }

    fn value(&self, column: &str) -> Result<&Value, StoreError> {
        let mut named = self.columns.iter().zip(&self.values);
        let found = named.find_map(|(name, value)| (**name == *column).then_some(value));
        found.ok_or_else(|| StoreError::Corrupt(format!("there is no column {column}")))
    }
}

/// Why a store failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another writer was faster; nothing was changed. Read again and repeat.
    #[error("another writer was faster")]
    Conflict,
    /// The database could not be reached, or refused. A write may have taken effect all the same; repeating it is
    /// harmless.
    #[error("database: {0}")]
    Unavailable(String),
    /// The database did not answer within this time, in ms. A write may have taken effect; repeating it is harmless.
    #[error("no answer within {0} ms")]
    Late(u64),
    /// Stored data can't be read: it is damaged, or another version wrote it.
    #[error("stored data: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Turns a database's message into an error. A conflict shows as a sequence number that is taken, or as a mark that
    /// is NULL: statements insert that when the log is not the one that was read.
    pub fn from_message(message: &str) -> Self {
        let signs = [
            "UNIQUE constraint failed",
            "NOT NULL constraint failed: segments.mark",
            "NOT NULL constraint failed: folds.mark",
        ];
        if signs.iter().any(|sign| message.contains(sign)) {
            Self::Conflict
        } else {
            Self::Unavailable(first_line(message))
        }
    }
}

/// A SQLite database.
pub trait Sql {
    /// Runs the statements in order, in one transaction. Returns the rows of each.
    fn batch(&self, statements: Vec<Statement>) -> impl Future<Output = Result<Vec<Vec<Row>>, StoreError>>;

    /// Yields, so that other tasks on this thread get a turn during long work. The default does nothing.
    fn pause(&self) -> impl Future<Output = ()> {
        std::future::ready(())
    }
}

/// A boxed future of any type. Code that awaits it is compiled once for all of them.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A shared handle to any database. Code that uses it is compiled once for all kinds.
#[derive(Clone)]
pub struct Database(Rc<dyn AnySql>);

trait AnySql {
    fn batch(&self, statements: Vec<Statement>) -> LocalFuture<'_, Result<Vec<Vec<Row>>, StoreError>>;
    fn pause(&self) -> LocalFuture<'_, ()>;
}

impl<S: Sql> AnySql for S {
    fn batch(&self, statements: Vec<Statement>) -> LocalFuture<'_, Result<Vec<Vec<Row>>, StoreError>> {
        Box::pin(Sql::batch(self, statements))
    }

    fn pause(&self) -> LocalFuture<'_, ()> {
        Box::pin(Sql::pause(self))
    }
}

impl Database {
    /// As [`Sql::batch`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn batch(&self, statements: Vec<Statement>) -> LocalFuture<'_, Result<Vec<Vec<Row>>, StoreError>> {
        self.0.batch(statements)
    }

    /// As [`Sql::pause`].
    pub fn pause(&self) -> LocalFuture<'_, ()> {
        self.0.pause()
    }
}

impl<S: Sql + 'static> From<S> for Database {
    fn from(sql: S) -> Self {
        Self(Rc::new(sql))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

/// The rows of one statement of a batch; none if the database gave fewer results than there were statements.
pub(crate) fn rows(results: &[Vec<Row>], statement: usize) -> &[Row] {
    results.get(statement).map_or(&[], Vec::as_slice)
}

/// Packs a value, as hexadecimal text.
pub(crate) fn packed<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    postcard::to_allocvec(value).map(hex::encode).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Reads what [`packed`] made, from a column that the statement selects as `hex(…)`.
pub(crate) fn unpacked<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Result<T, StoreError> {
    postcard::from_bytes(&row.bytes(column)?).map_err(|error| StoreError::Corrupt(format!("column {column}: {error}")))
}

/// A list of numbers as the text that `json_each(?)` reads: one parameter for any number of values.
pub(crate) fn json_list(numbers: impl IntoIterator<Item = u64>) -> Value {
    let list: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    Value::Text(format!("[{}]", list.join(",")))
}

/// The same as [`json_list`], in as many parameters as are needed.
pub(crate) fn json_lists(numbers: &[u64]) -> impl Iterator<Item = Value> {
    numbers.chunks(CHUNK_NUMBERS).map(|some| json_list(some.iter().copied()))
}

/// Numbers in one parameter. Each has at most 20 digits.
const CHUNK_NUMBERS: usize = 20_000;

/// Bytes of JSON in one parameter, unless a single row has more. The platform's limit is 2 MB.
const CHUNK_BYTES: usize = 500_000;

/// Rows as parameters that `json_each(?)` reads. One parameter holds many rows, so that a batch stays far below the
/// platform's limit on statements.
pub(crate) fn json_chunks(rows: impl IntoIterator<Item = serde_json::Value>) -> Vec<Value> {
    chunks_of(&mut rows.into_iter().map(|row| row.to_string()))
}

fn chunks_of(rows: &mut dyn Iterator<Item = String>) -> Vec<Value> {
    let mut chunks = Vec::new();
    let mut list = String::new();
    for row in rows {
        if !list.is_empty() && list.len() + row.len() > CHUNK_BYTES {
            list.push(']');
            chunks.push(Value::Text(std::mem::take(&mut list)));
        }
        list.push(if list.is_empty() { '[' } else { ',' });
        list.push_str(&row);
    }
    if !list.is_empty() {
        list.push(']');
        chunks.push(Value::Text(list));
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_read_by_its_name_and_one_that_is_not_there_is_named() {
        let columns: Columns = ["seq", "body", "gone"].map(Box::from).into();
        let row = Row::new(&columns, vec![Value::Integer(7), "0aff".into(), Value::Null]);
        assert_eq!((row.integer("seq"), row.text("body")), (Ok(7), Ok("0aff")));
        assert_eq!((row.bytes("body"), row.is_null("gone")), (Ok(vec![10, 255]), Ok(true)));
        let errors = [row.integer("mark").map(drop), row.text("mark").map(drop), row.bytes("mark").map(drop)];
        for error in errors.into_iter().chain([row.is_null("mark").map(drop)]) {
            assert_eq!(error, Err(StoreError::Corrupt("there is no column mark".into())));
        }
        for (read, column) in [(row.integer("body").map(drop), "body"), (row.text("seq").map(drop), "seq")] {
            assert!(matches!(read, Err(StoreError::Corrupt(why)) if why.contains(column)));
        }
    }
}
