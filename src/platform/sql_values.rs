//! SQL values on their way to the platform's databases and back.

use js_sys::{Array, Object};
use wasm_bindgen::{JsCast, JsValue};

use store::sql::{Columns, Row, StoreError, Value};

/// From here on doubles leave whole numbers out: 2^53.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

/// Values as the platform binds them. Whole numbers go as doubles: exact below 2^53, and the other way takes 32 bits.
pub fn bound(values: &[Value]) -> Array {
    #[allow(clippy::cast_precision_loss)]
    let bound = |value: &Value| match value {
        Value::Null => JsValue::NULL,
        Value::Integer(number) => JsValue::from_f64(*number as f64),
        Value::Text(text) => JsValue::from_str(text),
    };
    values.iter().map(bound).collect()
}

/// Rows, from the objects that the platform gives: from names to values. All of a result have the names of the first.
///
/// # Errors
/// [`StoreError::Corrupt`] when a value is none of those that are stored.
pub fn rows(objects: &Array) -> Result<Vec<Row>, StoreError> {
    if objects.length() == 0 {
        return Ok(Vec::new());
    }
    let first: Object = objects.get(0).unchecked_into();
    let columns: Columns = Object::keys(&first).iter().filter_map(|name| name.as_string().map(Box::from)).collect();
    let row = |object: JsValue| -> Result<Row, StoreError> {
        let values =
            Object::values(object.unchecked_ref()).iter().map(|value| read(&value)).collect::<Result<_, _>>()?;
        Ok(Row::new(&columns, values))
    };
    objects.iter().map(row).collect()
}

fn read(value: &JsValue) -> Result<Value, StoreError> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let number = || value.as_f64().and_then(whole).map(Value::Integer);
    let read = value.as_string().map(Value::Text).or_else(number);
    read.ok_or_else(|| StoreError::Corrupt("a value is neither text nor null nor a whole number below 2^53".to_owned()))
}

#[allow(clippy::cast_possible_truncation)] // checked
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < FIRST_INEXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_far_as_doubles_hold_them() {
        let numbers = [0.0, -3.0, 9_007_199_254_740_991.0, 9_007_199_254_740_992.0, 1.5, f64::NAN, f64::INFINITY];
        let expected = [Some(0), Some(-3), Some(9_007_199_254_740_991), None, None, None, None];
        assert_eq!(numbers.map(whole), expected);
    }
}
