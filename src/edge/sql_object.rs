//! The database inside an object, as the store's port.

use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::{SqlStorage, State};

use crate::store::sql::{Row, Sql, Statement, StoreError};

use super::sql_values::{Columns, bound};

#[wasm_bindgen]
extern "C" {
    /// The part of an object's storage that has no wrapper yet.
    type TransactionalStorage;

    /// Runs the closure in one transaction, which an exception rolls back.
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &TransactionalStorage,
        closure: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;
}

/// An object's database.
#[derive(Debug, Clone)]
pub struct ObjectSql {
    sql: SqlStorage,
    storage: JsValue,
}

impl ObjectSql {
    /// The database of this object.
    pub fn new(state: &State) -> Self {
        let storage = state.storage();
        Self { sql: storage.sql(), storage: JsValue::from(storage.as_raw()) }
    }

    /// Runs a script of statements that have no parameters: the schema.
    ///
    /// # Errors
    /// The platform's message.
    pub fn script(&self, script: &str) -> Result<(), StoreError> {
        self.sql.exec(script, None).map(drop).map_err(|error| StoreError::from_message(error.to_string()))
    }

    fn run(&self, statement: &Statement) -> Result<Vec<Row>, worker::Error> {
        let params: Vec<JsValue> = statement.params.iter().map(bound).collect();
        let rows: Vec<Columns> = self.sql.exec_raw(statement.sql, params)?.to_array()?;
        Ok(rows.into_iter().map(|columns| Row(columns.0)).collect())
    }
}

impl Sql for ObjectSql {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let mut results = Vec::with_capacity(statements.len());
        let mut run_all = || {
            for statement in &statements {
                results.push(self.run(statement).map_err(JsValue::from)?);
            }
            Ok(JsValue::UNDEFINED)
        };
        let storage: &TransactionalStorage = self.storage.unchecked_ref();
        storage
            .transaction_sync(&mut run_all)
            .map_err(|error| StoreError::from_message(worker::Error::from(error).to_string()))?;
        Ok(results)
    }
}
