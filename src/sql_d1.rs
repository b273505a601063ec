//! D1, as the store's port.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::futures::JsFuture;
use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::{D1Database, D1Result};
use worker::{Env, Error};

use store::sql::{Row, Sql, Statement, StoreError};

use crate::clock;
use crate::deadline::Deadline;
use crate::sql_values::{bound, rows};

/// Binding of the database.
pub const BINDING: &str = "DB";

/// A D1 database. Its `batch` is one transaction.
#[derive(Debug)]
pub struct D1Sql {
    database: D1Database,
    deadline: Deadline,
    size: Size,
}

/// Size of a database in bytes, as its last answer told it; none before the first, or where the platform doesn't tell.
#[derive(Debug, Clone, Default)]
pub struct Size(Rc<Cell<Option<u64>>>);

impl Size {
    /// The size, if it is known.
    pub fn bytes(&self) -> Option<u64> {
        self.0.get()
    }
}

impl D1Sql {
    /// The Worker's database, for scheduled and queued work and for changes.
    ///
    /// # Errors
    /// When it is not bound.
    pub fn of(env: &Env) -> Result<Self, StoreError> {
        Self::until(env, Deadline::BACKGROUND)
    }

    /// The Worker's database, whose answers are waited for until then.
    ///
    /// # Errors
    /// When it is not bound.
    pub fn until(env: &Env, deadline: Deadline) -> Result<Self, StoreError> {
        let unbound = |error| StoreError::Unavailable(format!("D1 binding {BINDING}: {error}"));
        let database = JsValue::from(env.d1(BINDING).map_err(unbound)?).unchecked_into();
        Ok(Self { database, deadline, size: Size::default() })
    }

    /// The database's size, which each answer tells.
    pub fn size(&self) -> Size {
        self.size.clone()
    }

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
        let results = self.deadline.within(async { self.results(&statements).await.map_err(failed) }).await?;
        if let Some(bytes) = results.iter().last().and_then(|result| size_after(&result)) {
            self.size.0.set(Some(bytes));
        }
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

/// Size of the database after a statement, in bytes.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive and far below 2^53
fn size_after(result: &JsValue) -> Option<u64> {
    let meta = Reflect::get(result, &"meta".into()).ok()?;
    let bytes = Reflect::get(&meta, &"size_after".into()).ok()?.as_f64()?;
    (bytes > 0.0).then_some(bytes as u64)
}
