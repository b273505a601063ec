//! D1.

use std::cell::Cell;
use std::rc::Rc;

use flow::port::{Failure, NewStore};
use store::sql::{Database, Row, Sql, Statement, StoreError};

use super::trouble::Port;
use super::{Inner, at_once};

/// An isolate's binding of D1.
#[derive(Clone)]
pub(super) struct D1 {
    inner: Rc<Inner>,
    bytes: Rc<Cell<Option<u64>>>,
}

impl D1 {
    pub fn new(inner: &Rc<Inner>) -> Self {
        Self { inner: inner.clone(), bytes: Rc::default() }
    }
}

impl NewStore for D1 {
    fn database(&self) -> Result<Database, StoreError> {
        Ok(self.clone().into())
    }

    fn bytes(&self) -> Option<u64> {
        self.bytes.get()
    }
}

impl Sql for D1 {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let reads =
            |statement: &Statement| ["SELECT", "WITH"].iter().any(|word| statement.sql.trim().starts_with(word));
        let port = if statements.iter().all(reads) { Port::D1Read } else { Port::D1Write };
        self.inner.longest_batch.set(self.inner.longest_batch.get().max(statements.len()));
        let d1 = self.inner.d1.clone();
        let rows = self.inner.call(port, "D1", at_once(move || d1.try_batch(&statements))).await?;
        self.bytes.set(Some(self.inner.d1.bytes()));
        Ok(rows)
    }

    async fn pause(&self) {
        self.inner.time.sleep_ms(0).await;
    }
}

/// An object's database, which answers without a pause.
#[derive(Clone)]
pub(super) struct ObjectSql {
    pub inner: Rc<Inner>,
    pub name: String,
    pub sqlite: rig::Sqlite,
}

impl Sql for ObjectSql {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        use super::trouble::Fault::{FailsAfterPersisting, HangsAfterPersisting};
        let failed = || Failure("the object's database was told to fail".to_owned());
        match self.inner.fault(Port::ObjectSql, &self.name) {
            None => self.sqlite.try_batch(&statements),
            Some(FailsAfterPersisting | HangsAfterPersisting) => {
                self.sqlite.try_batch(&statements).and(Err(failed().into()))
            }
            Some(_) => Err(failed().into()),
        }
    }

    async fn pause(&self) {
        self.inner.time.sleep_ms(0).await;
    }
}
