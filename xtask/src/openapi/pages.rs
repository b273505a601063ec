//! What browsers open, and this document: answered beside the table of routes.

use serde_json::{Map, Value, json};

/// Operations by path.
pub fn paths() -> Map<String, Value> {
    let login = json!({ "get": login_page(), "post": login() });
    let all =
        [("login", login), ("logout", json!({ "post": logout() })), ("openapi.json", json!({ "get": document() }))];
    all.into_iter().map(|(name, item)| (format!("/_collector/{name}"), item)).collect()
}

fn operation(id: &str, summary: &str, responses: &Value) -> Value {
    json!({ "tags": ["pages"], "operationId": id, "summary": summary, "security": [], "responses": responses })
}

/// A response that is text of one of these types.
fn text(description: &str, types: &[&str]) -> Value {
    let content: Map<String, Value> =
        types.iter().map(|kind| ((*kind).to_owned(), json!({ "schema": { "type": "string" } }))).collect();
    json!({ "description": description, "content": content })
}

const PLAIN: &[&str] = &["text/plain"];
/// Without the page there is at least its message.
const PAGE: &[&str] = &["text/html", "text/plain"];

/// A response that sends the browser on.
fn go(description: &str) -> Value {
    let mut response = text(description, PLAIN);
    response["headers"] = json!({
        "Location": { "required": true, "schema": { "type": "string" } },
        "Set-Cookie": { "schema": { "type": "string" } },
    });
    response
}

fn login_page() -> Value {
    let responses = json!({
        "200": text("The page.", &["text/html"]),
        "403": text("No secret is set.", PAGE),
        "503": text("The dashboard was not built.", PLAIN),
    });
    operation("loginPage", "The login page", &responses)
}

fn login() -> Value {
    let responses = json!({
        "303": go("To the dashboard."),
        "400": text("The form is no text.", PLAIN),
        "401": text("The token is wrong.", PAGE),
        "403": text("No secret is set, or another site sent it.", PAGE),
        "413": text("The form is too long.", PLAIN),
        "429": text("Too many wrong tokens of this client within a minute; a right one is accepted meanwhile.", PAGE),
        "503": text("No session could be signed.", PLAIN),
    });
    let mut login = operation("login", "Open a session", &responses);
    let token = json!({ "type": "string", "description": "READ_TOKEN or ADMIN_TOKEN." });
    let form = json!({ "type": "object", "required": ["token"], "properties": { "token": token } });
    login["requestBody"] =
        json!({ "required": true, "content": { "application/x-www-form-urlencoded": { "schema": form } } });
    login
}

fn logout() -> Value {
    let responses = json!({ "303": go("To the login page."), "403": text("Another site sent it.", PLAIN) });
    operation("logout", "End the browser's session", &responses)
}

fn document() -> Value {
    let version = json!({ "openapi": { "const": "3.1.0" } });
    let schema = json!({ "type": "object", "required": ["openapi"], "properties": version });
    let responses = json!({
        "200": {
            "description": "This document.",
            "headers": { "ETag": { "$ref": "#/components/headers/ETag" } },
            "content": { "application/json": { "schema": schema } },
        },
        "304": super::responses::reference(304),
        "503": text("The dashboard was not built.", PLAIN),
    });
    operation("openapi", "This document", &responses)
}
