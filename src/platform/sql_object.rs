//! The database inside an object, as the store's port.

use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::worker_sys::SqlStorage;
use worker::{Error, State};

use store::sql::{Row, Sql, Statement, StoreError};

use super::clock;
use super::sql_values::{bound, rows};

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

    /// The rows of a statement, through raw bindings, because the wrapper assumes that reading a row can't fail.
    type Cursor;

    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &Cursor) -> Result<Array, JsValue>;
}

/// An object's database.
#[derive(Debug, Clone)]
pub struct DurableObjectSql {
    sql: SqlStorage,
    storage: JsValue,
}

impl DurableObjectSql {
    /// The database of this object.
    pub fn new(state: &State) -> Self {
        let storage = state.storage();
        let sql = JsValue::from(storage.sql().as_ref()).unchecked_into();
        Self { sql, storage: JsValue::from(storage.as_raw()) }
    }

    /// Runs a script of statements that have no parameters, in one transaction.
    ///
    /// # Errors
    /// The platform's message.
    pub fn script(&self, script: &str) -> Result<(), StoreError> {
        self.transaction(|| self.sql.exec(script, Array::new()).map(drop))
    }

    fn transaction(&self, mut work: impl FnMut() -> Result<(), JsValue>) -> Result<(), StoreError> {
        let storage: &TransactionalStorage = self.storage.unchecked_ref();
        storage.transaction_sync(&mut || work().map(|()| JsValue::UNDEFINED)).map(drop).map_err(failed)
    }

    /// Size of the database, in bytes.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive and far below 2^53
    pub fn bytes(&self) -> Option<u64> {
        let bytes = Reflect::get(&self.sql, &"databaseSize".into()).ok()?.as_f64()?;
        (bytes > 0.0).then_some(bytes as u64)
    }

    fn run(&self, statement: &Statement) -> Result<Array, JsValue> {
        let cursor: Cursor = JsValue::from(self.sql.exec(statement.sql, bound(&statement.params))?).unchecked_into();
        cursor.to_array()
    }
}

fn failed(error: JsValue) -> StoreError {
    StoreError::from_message(&Error::from(error).to_string())
}

impl Sql for DurableObjectSql {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let results = Array::new();
        self.transaction(|| {
            for statement in &statements {
                results.push(&self.run(statement)?.into());
            }
            Ok(())
        })?;
        results.iter().map(|objects| rows(objects.unchecked_ref())).collect()
    }

    async fn pause(&self) {
        clock::sleep_ms(0).await;
    }
}
