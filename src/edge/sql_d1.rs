//! D1, as the store's port.

use js_sys::Array;
use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::{D1Database, D1Result};
use worker::{Env, Error};

use crate::store::sql::{Row, Sql, Statement, StoreError};

use super::clock;
use super::sql_values::{bound, rows};

/// Binding of the database.
pub const BINDING: &str = "DB";

/// A D1 database. Its `batch` is one transaction.
#[derive(Debug)]
pub struct D1Sql(D1Database);

impl D1Sql {
    /// The Worker's database.
    ///
    /// # Errors
    /// When it is not bound.
    pub fn of(env: &Env) -> Result<Self, StoreError> {
        let unbound = |error| StoreError::Unavailable(format!("D1 binding {BINDING}: {error}"));
        Ok(Self(JsValue::from(env.d1(BINDING).map_err(unbound)?).unchecked_into()))
    }

    async fn results(&self, statements: &[Statement]) -> Result<Array, Error> {
        let prepared = Array::new();
        for statement in statements {
            let statement = self.0.prepare(statement.sql)?.bind(bound(&statement.params))?;
            prepared.push(&statement);
        }
        Ok(JsFuture::from(self.0.batch(prepared)?).await?.dyn_into()?)
    }
}

impl Sql for D1Sql {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let failed = |error: Error| StoreError::from_message(error.to_string());
        let results = self.results(&statements).await.map_err(failed)?;
        let of = |result: JsValue| {
            let objects = result.unchecked_into::<D1Result>().results().map_err(|error| failed(error.into()))?;
            rows(&objects.unwrap_or_default())
        };
        results.iter().map(of).collect()
    }

    async fn pause(&self) {
        clock::pause().await;
    }
}
