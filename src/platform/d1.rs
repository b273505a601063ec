//! D1, as the store's port.

use std::cell::Cell;
use std::rc::Rc;

use flow::port::NewStore;
use js_sys::futures::JsFuture;
use js_sys::{Array, Reflect};
use store::sql::{Database, Row, Sql, Statement, StoreError};
use wasm_bindgen::{JsCast, JsValue};
use worker::Error;
use worker::worker_sys::{D1Database, D1Result};

use super::Bindings;
use super::clock;
use super::failure::reason;
use super::sql_values::{bound, rows};

/// Binding of the database.
const BINDING: &str = "DB";

impl NewStore for Bindings {
    fn database(&self) -> Result<Database, StoreError> {
        let unbound = |error| StoreError::Unavailable(format!("D1 binding {BINDING}: {}", reason(error)));
        let database = JsValue::from(self.env.d1(BINDING).map_err(unbound)?).unchecked_into();
        Ok(D1Sql { database, bytes: self.d1_bytes.clone() }.into())
    }

    fn bytes(&self) -> Option<u64> {
        self.d1_bytes.get()
    }
}

/// A D1 database. Its `batch` is one transaction.
struct D1Sql {
    database: D1Database,
    bytes: Rc<Cell<Option<u64>>>,
}

impl D1Sql {
    async fn results(&self, statements: &[Statement]) -> Result<Array, Error> {
        let prepared = Array::new();
        for statement in statements {
            let statement = self.database.prepare(statement.sql)?.bind(bound(&statement.params))?;
            prepared.push(&statement);
        }
        Ok(JsFuture::from(self.database.batch(prepared)?).await?.dyn_into()?)
    }
}

impl Sql for D1Sql {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let failed = |error: Error| StoreError::from_message(&error.to_string());
        let results = self.results(&statements).await.map_err(failed)?;
        if let Some(bytes) = results.iter().last().and_then(|result| size_after(&result)) {
            self.bytes.set(Some(bytes));
        }
        let of = |result: JsValue| {
            let objects = result.unchecked_into::<D1Result>().results().map_err(|error| failed(error.into()))?;
            rows(&objects.unwrap_or_default())
        };
        results.iter().map(of).collect()
    }

    async fn pause(&self) {
        clock::sleep_ms(0).await;
    }
}

/// Size of the database after a statement, in bytes.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive and far below 2^53
fn size_after(result: &JsValue) -> Option<u64> {
    let meta = Reflect::get(result, &"meta".into()).ok()?;
    let bytes = Reflect::get(&meta, &"size_after".into()).ok()?.as_f64()?;
    (bytes > 0.0).then_some(bytes as u64)
}
