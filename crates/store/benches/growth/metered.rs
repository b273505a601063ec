//! A database that counts what crosses the port: on the platform each byte of it crosses into the Worker.

use std::cell::Cell;
use std::ops::Sub;
use std::rc::Rc;

use store::sql::{Row, Sql, Statement, StoreError, Value};

use rig::Sqlite;

/// What was counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// Bytes of parameters and results.
    pub bytes: u64,
    /// Rows inserted, replaced or deleted.
    pub written: u64,
}

impl Sub for Traffic {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { bytes: self.bytes - before.bytes, written: self.written - before.written }
    }
}

/// SQLite in memory, and a meter that several may share.
#[derive(Clone)]
pub struct Metered {
    sqlite: Sqlite,
    meter: Rc<Cell<Traffic>>,
}

impl Metered {
    pub fn new() -> Self {
        Self { sqlite: Sqlite::new(), meter: Rc::default() }
    }

    /// Another database, counted together with this one.
    pub fn beside(&self) -> Self {
        Self { sqlite: Sqlite::new(), meter: self.meter.clone() }
    }

    pub fn sqlite(&self) -> &Sqlite {
        &self.sqlite
    }

    pub fn traffic(&self) -> Traffic {
        self.meter.get()
    }
}

fn bytes(value: &Value) -> u64 {
    match value {
        Value::Text(text) => text.len() as u64,
        Value::Integer(_) | Value::Null => 8,
    }
}

impl Sql for Metered {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let sent: u64 = statements.iter().flat_map(|statement| &statement.params).map(bytes).sum();
        let written = self.sqlite.written();
        let results = self.sqlite.batch(statements).await?;
        let got: u64 = results.iter().flatten().flat_map(Row::values).map(bytes).sum();
        let Traffic { bytes, written: before } = self.meter.get();
        self.meter.set(Traffic { bytes: bytes + sent + got, written: before + self.sqlite.written() - written });
        Ok(results)
    }
}
