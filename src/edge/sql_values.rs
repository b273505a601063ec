//! SQL values on their way to the platform's databases and back.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use wasm_bindgen::JsValue;

use crate::store::sql::Value;

/// A value as the platform binds it. Whole numbers go as doubles: exact below 2⁵³, and the other way takes 32 bits.
#[allow(clippy::cast_precision_loss)]
pub fn bound(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        Value::Integer(number) => JsValue::from_f64(*number as f64),
        Value::Text(text) => JsValue::from_str(text),
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
