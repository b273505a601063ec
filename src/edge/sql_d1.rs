//! D1, as the store's port.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use worker::{D1Database, Env};

use crate::store::sql::{Row, Sql, Statement, StoreError, Value};

use super::sql_object::bound;

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

/// A row as the platform gives it, an object from names to values, read as its values in order.
pub struct Columns(pub Vec<Value>);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns, A::Error> {
                let mut columns = Vec::new();
                while let Some((_, Column(value))) = map.next_entry::<String, Column>()? {
                    columns.push(value);
                }
                Ok(Columns(columns))
            }
        }
        deserializer.deserialize_map(Values)
    }
}

struct Column(Value);

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;
        impl Visitor<'_> for AnyValue {
            type Value = Column;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, text or null")
            }

            fn visit_unit<E: Error>(self) -> Result<Column, E> {
                Ok(Column(Value::Null))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Column, E> {
                Ok(Column(Value::Integer(number)))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Column, E> {
                Ok(Column(Value::Integer(number.cast_signed())))
            }

            #[allow(clippy::cast_possible_truncation)] // checked to be whole and below 2^53
            fn visit_f64<E: Error>(self, number: f64) -> Result<Column, E> {
                if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
                    Ok(Column(Value::Integer(number as i64)))
                } else {
                    Err(E::custom(format!("{number} is not a whole number below 2^53")))
                }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Column, E> {
                Ok(Column(Value::Text(text.to_owned())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Column, E> {
                Ok(Column(Value::Text(text)))
            }
        }
        deserializer.deserialize_any(AnyValue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_its_values_in_order_and_odd_ones_are_refused() {
        let read = |text: &str| serde_json::from_str::<Columns>(text).map(|columns| columns.0);
        let expected = [Value::Integer(1), Value::Text("x".into()), Value::Null, Value::Integer(3)];
        assert_eq!(read(r#"{"z":1,"a":"x","m":null,"b":3.0}"#).unwrap(), expected);
        assert!(read(r#"{"a":1.5}"#).is_err() && read(r#"{"a":[1]}"#).is_err() && read("[]").is_err());
    }
}
