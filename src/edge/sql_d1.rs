//! D1, as the store's port.

use worker::{D1Database, Env};

use crate::store::sql::{Row, Sql, Statement, StoreError};

use super::sql_values::{Columns, bound};

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
        env.d1(BINDING).map(Self).map_err(|error| StoreError::Unavailable(format!("D1 binding {BINDING}: {error}")))
    }
}

impl Sql for D1Sql {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let failed = |error: worker::Error| StoreError::from_message(error.to_string());
        let prepare = |statement: &Statement| {
            let params: Vec<_> = statement.params.iter().map(bound).collect();
            self.0.prepare(statement.sql).bind(&params)
        };
        let prepared = statements.iter().map(prepare).collect::<Result<_, _>>().map_err(failed)?;
        let results = self.0.batch(prepared).await.map_err(failed)?;
        let rows = |result: &worker::D1Result| {
            let rows: Vec<Columns> = result.results().map_err(failed)?;
            Ok(rows.into_iter().map(|columns| Row(columns.0)).collect())
        };
        results.iter().map(rows).collect()
    }
}
