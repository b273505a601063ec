//! JSON Schemas of what answers and bodies hold.

use std::borrow::Cow;

use anyhow::{Context as _, bail};
use model::flag::MILLION;
use model::parity::loss::Loss;
use model::parity::report::ParityReport;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The largest whole number that every reader of JSON keeps exactly.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// What follows where a comment says when a field is `None`: in JSON it is null then.
const WHERE: [&str; 9] = ["before", "if", "in", "of", "on", "until", "where", "while", "without"];

/// The schemas so far: of answers as they are written, of bodies as they are read.
pub struct Schemas {
    answers: SchemaGenerator,
    bodies: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = || SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = PLACE.into());
        let answers = settings().for_serialize().with_transform(RecursiveTransform(closed));
        let bodies = settings().for_deserialize();
        Self {
            answers: answers.with_transform(RecursiveTransform(plain)).into_generator(),
            bodies: bodies.with_transform(RecursiveTransform(plain)).into_generator(),
        }
    }
}

const PLACE: &str = "/components/schemas";

impl Schemas {
    /// Where the schema of an answer is.
    pub fn answer<T: JsonSchema>(&mut self) -> Value {
        self.answers.subschema_for::<T>().to_value()
    }

    /// Where the schema of a body is.
    pub fn body<T: JsonSchema>(&mut self) -> Value {
        self.bodies.subschema_for::<T>().to_value()
    }

    /// Where the schema of a flag document that somebody wants is.
    pub fn wanted_flag() -> Value {
        json!({ "$ref": format!("#{PLACE}/WantedFlag") })
    }

    /// All schemas by name.
    ///
    /// # Errors
    /// An answer and a body have one name for two schemas, or the flag's schema can't be read.
    pub fn definitions(mut self) -> anyhow::Result<Map<String, Value>> {
        let mut all = self.answers.take_definitions(true);
        for (name, schema) in self.bodies.take_definitions(true) {
            if all.get(&name).is_some_and(|known| *known != schema) {
                bail!("{name} is written otherwise than it is read: give its two forms two names");
            }
            all.insert(name, schema);
        }
        all.insert("WantedFlag".to_owned(), flag_schema()?);
        Ok(all)
    }
}

/// What `flags/flag.schema.json` says, for use inside another document.
fn flag_schema() -> anyhow::Result<Value> {
    let mut schema: Value = serde_json::from_str(include_str!("../../../flags/flag.schema.json"))?;
    let fields = schema.as_object_mut().context("the flag's schema is an object")?;
    fields.remove("$schema");
    fields.remove("title");
    fields.insert("description".to_owned(), "The schema of flags/flag.schema.json.".into());
    let shared = fields.remove("$defs").unwrap_or_default();
    inline(&mut schema, &shared);
    Ok(schema)
}

/// Puts what is shared where it is referred to.
fn inline(value: &mut Value, shared: &Value) {
    match value {
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str).and_then(|place| place.strip_prefix("#/$defs/"));
            if let Some(Value::Object(found)) = name.and_then(|name| shared.get(name)).cloned() {
                fields.remove("$ref");
                fields.extend(found);
            }
            fields.values_mut().for_each(|value| inline(value, shared));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| inline(item, shared)),
        _ => {}
    }
}

/// An answer has the fields that are documented and no other, whatever a reader would make of one that is missing.
fn closed(schema: &mut Schema) {
    schema.remove("default");
    if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
}

/// Without what only the sources know: their references and line ends, Rust's names for numbers and for nothing.
fn plain(schema: &mut Schema) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.iter_mut().for_each(|(name, property)| bounded(name, property));
    }
    if let Some(Value::String(text)) = schema.get("description") {
        let text = text.replace("[`", "`").replace("`]", "`").replace('\n', " ");
        let said =
            WHERE.iter().fold(text, |text, word| text.replace(&format!("None {word} "), &format!("Null {word} ")));
        schema.insert("description".to_owned(), said.into());
    }
    let format = schema.remove("format");
    let most = match format.as_ref().and_then(Value::as_str) {
        Some("uint8") => u64::from(u8::MAX),
        Some("uint16") => u64::from(u16::MAX),
        Some("uint32") => u64::from(u32::MAX),
        Some("uint" | "uint64") => MAX_EXACT,
        _ => return,
    };
    if schema.get("maximum").is_none() {
        schema.insert("maximum".to_owned(), most.into());
    }
}

/// Names tell units: what ends in `ppm` is a share of a million, and rates and their bounds are shares of one.
fn bounded(name: &str, property: &mut Value) {
    if name.ends_with("Ppm") && property["maximum"].is_null() {
        property["maximum"] = MILLION.into();
    }
    if (name == "rate" || name.ends_with("Bound")) && property["type"] == "number" {
        property["minimum"] = 0.into();
        property["maximum"] = 1.into();
    }
}

/// A report without its routes, differences and gaps, as lists have it.
pub struct ListedReport;

impl JsonSchema for ListedReport {
    fn schema_name() -> Cow<'static, str> {
        "ListedReport".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut report = ParityReport::json_schema(generator);
        report.insert("description".to_owned(), "A report without its routes, differences and gaps.".into());
        for field in ["paths", "differences"] {
            leave_out(&mut report, field);
        }
        let mut loss = Loss::json_schema(generator);
        leave_out(&mut loss, "gaps");
        if let Some(Value::Object(fields)) = report.get_mut("properties") {
            fields.insert("loss".to_owned(), loss.to_value());
        }
        report
    }
}

fn leave_out(schema: &mut Schema, field: &str) {
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        fields.remove(field);
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| name != field);
    }
}
