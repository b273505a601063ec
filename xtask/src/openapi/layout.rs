//! JSON as a person would write it: what fits on a line is on one, and names come in an order that makes sense.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Longest line.
const WIDTH: usize = 120;

/// Names that come first, in this order; others follow by the alphabet.
const FIRST: [&str; 27] = [
    "openapi",
    "info",
    "servers",
    "tags",
    "security",
    "paths",
    "operationId",
    "summary",
    "name",
    "in",
    "url",
    "title",
    "type",
    "description",
    "required",
    "schema",
    "headers",
    "content",
    "properties",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "items",
    "parameters",
    "requestBody",
    "responses",
];

/// The text of a document.
pub fn text(document: &Value) -> String {
    let mut text = String::new();
    write(&mut text, document, &FIRST, (0, 0));
    text.push('\n');
    text
}

/// Writes a value that begins `taken` characters after a line's indent; `order` is that of its names.
fn write(text: &mut String, value: &Value, order: &[&str], (indent, taken): (usize, usize)) {
    let whole = line(value, order);
    // A comma may follow.
    let fits = indent + taken + whole.chars().count() < WIDTH;
    let inner = indent + 2;
    match value {
        Value::Array(items) if !fits => {
            let mut mark = '[';
            for item in items {
                let _ = write!(text, "{mark}\n{:inner$}", ""); // writing to a string can't fail
                write(text, item, &FIRST, (inner, 0));
                mark = ',';
            }
            let _ = write!(text, "\n{:indent$}]", "");
        }
        Value::Object(map) if !fits => {
            let mut mark = '{';
            for (name, field) in fields(map, order) {
                let quoted = Value::from(name).to_string();
                let _ = write!(text, "{mark}\n{:inner$}{quoted}: ", "");
                write(text, field, &order_within(map, name), (inner, quoted.chars().count() + 2));
                mark = ',';
            }
            let _ = write!(text, "\n{:indent$}}}", "");
        }
        _ => text.push_str(&whole),
    }
}

/// A value on one line.
fn line(value: &Value, order: &[&str]) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| line(item, &FIRST)).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) if !map.is_empty() => {
            let field = |(name, value)| format!("{}: {}", Value::from(name), line(value, &order_within(map, name)));
            format!("{{ {} }}", fields(map, order).into_iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// An object's fields in their order.
fn fields<'a>(map: &'a Map<String, Value>, order: &[&str]) -> Vec<(&'a str, &'a Value)> {
    let mut fields: Vec<(&str, &Value)> = map.iter().map(|(name, value)| (name.as_str(), value)).collect();
    fields.sort_by_key(|(name, _)| order.iter().position(|first| first == name).unwrap_or(order.len()));
    fields
}

/// The order of names in a field: properties come as the list of those that are required has them.
fn order_within<'a>(map: &'a Map<String, Value>, name: &str) -> Vec<&'a str> {
    match map.get("required") {
        Some(Value::Array(required)) if name == "properties" => required.iter().filter_map(Value::as_str).collect(),
        _ => FIRST.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_is_on_one_line_and_properties_are_in_the_order_of_their_list() {
        let small = json!({ "description": "d", "type": "object" });
        assert_eq!(text(&small), "{ \"type\": \"object\", \"description\": \"d\" }\n");
        let long = "x".repeat(WIDTH / 2);
        let schema = json!({ "required": ["b", "a"], "properties": { "a": long, "b": long }, "empty": {} });
        let lines = [
            "{".to_owned(),
            r#"  "required": ["b", "a"],"#.to_owned(),
            r#"  "properties": {"#.to_owned(),
            format!(r#"    "b": "{long}","#),
            format!(r#"    "a": "{long}""#),
            "  },".to_owned(),
            r#"  "empty": {}"#.to_owned(),
            "}\n".to_owned(),
        ];
        assert_eq!(text(&schema), lines.join("\n"));
    }
}
