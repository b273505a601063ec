//! `cargo xtask openapi`: docs/openapi.json, made of the types of the API and of its table of routes.
//!
//! Invariant: nothing is written here that those say. Here is what they don't: what an operation is called and is about,
//! which of its errors are its own, and the pages for browsers.

mod layout;
mod operations;
mod pages;
mod responses;
mod schemas;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use api::parameter::Parameter;
use api::routes::{ApiRoute, ROUTES, Resource, Right};
use serde_json::{Map, Value, json};

use self::schemas::Schemas;

/// Writes it.
///
/// # Errors
/// The file can't be written.
pub fn run() -> anyhow::Result<ExitCode> {
    std::fs::write(file(), text()?)?;
    Ok(ExitCode::SUCCESS)
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json")
}

/// The file's text.
fn text() -> anyhow::Result<String> {
    let mut schemas = Schemas::default();
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let item = paths.entry(format!("/_collector{}", route.pattern)).or_insert_with(|| json!({}));
        item[route.method.to_lowercase()] = operation(route, &mut schemas);
    }
    paths.extend(pages::paths());
    let components = json!({
        "securitySchemes": responses::security_schemes(),
        "headers": responses::headers(),
        "parameters": { "knownTag": responses::known_tag() },
        "responses": responses::responses(&mut schemas),
        "schemas": schemas.definitions()?,
    });
    Ok(layout::text(&json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Path Collector",
            "version": "1",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "What an API gateway's traffic is, and which path counts it. Everything lies under \
                            `/_collector/`; times are in ms since 1970. Every answer but a file's has \
                            `Cache-Control: no-store`; reads have an entity tag.",
        },
        "servers": [
            { "url": "http://localhost:8787", "description": "make run" },
            { "url": "https://{gateway}", "variables": { "gateway": { "default": "gateway.example.com" } } },
        ],
        "tags": [
            { "name": "figures" }, { "name": "events" }, { "name": "flag" }, { "name": "parity" }, { "name": "operation" },
            { "name": "ofrep", "description": "OpenFeature Remote Evaluation Protocol" }, { "name": "pages" },
        ],
        "security": [{ "readToken": [] }, { "adminToken": [] }, { "session": [] }, { "access": [] }],
        "paths": paths,
        "components": components,
    })))
}

fn operation(route: &ApiRoute, schemas: &mut Schemas) -> Value {
    let resource = route.resource;
    let [tag, id, summary] = operations::names(resource);
    let mut operation = json!({
        "tags": [tag],
        "operationId": id,
        "summary": summary,
        "responses": responses_of(route, summary, schemas),
    });
    let mut parameters: Vec<Value> = route.path.iter().map(|parameter| described(*parameter, "path")).collect();
    parameters.extend(route.query.iter().map(|parameter| described(*parameter, "query")));
    if resource == Resource::ChangeFlag {
        parameters.push(operations::if_match());
    }
    if operations::is_tagged(route) {
        parameters.push(json!({ "$ref": "#/components/parameters/knownTag" }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    match route.right {
        Right::Read => {}
        Right::Change => operation["security"] = json!([{ "adminToken": [] }, { "session": [] }]),
        Right::Report => operation["security"] = json!([{ "ingestToken": [] }, { "adminToken": [] }]),
    }
    if let Some(body) = operations::body(resource, schemas) {
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": body } });
    }
    operation
}

fn described(parameter: &dyn Parameter, place: &str) -> Value {
    let about = parameter.described();
    let mut value =
        json!({ "name": parameter.name(), "in": place, "description": about.description, "schema": about.schema });
    if about.required {
        value["required"] = true.into();
    }
    if let Some(example) = about.example {
        value["example"] = example;
    }
    value
}

/// All that a route can answer: its own answer, and what can be wrong.
fn responses_of(route: &ApiRoute, summary: &str, schemas: &mut Schemas) -> Value {
    let mut answer = json!({ "description": summary, "content": operations::content(route.resource, schemas) });
    let mut found = json!({});
    if operations::is_tagged(route) {
        answer["headers"] = json!({ "ETag": { "$ref": "#/components/headers/ETag" } });
        found["304"] = responses::reference(304);
    }
    found["200"] = answer;
    let body: &[u16] = if operations::body(route.resource, schemas).is_some() { &[413] } else { &[] };
    let path: &[u16] = if route.path.is_empty() { &[] } else { &[404] };
    for status in [&[400, 401, 403, 429, 503], body, path, operations::errors(route.resource)].concat() {
        found[status.to_string()] = responses::reference(status);
    }
    for (status, response) in operations::own_errors(route.resource, schemas) {
        found[status] = response;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_what_the_sources_say() {
        let found = std::fs::read_to_string(file()).unwrap();
        assert!(found == text().unwrap(), "docs/openapi.json is not what the sources say: run `make openapi`");
    }
}
