//! What all operations share: how one gets in, entity tags, and what can be wrong.

use api::problem::Problem;
use serde_json::{Map, Value, json};

use super::schemas::Schemas;

/// Name and description of each.
const RESPONSES: [(u16, &str, &str); 10] = [
    (304, "NotModified", "The reader has this very answer: `If-None-Match` named its entity tag."),
    (400, "BadRequest", "A parameter, header or body can't be used; the detail names it and the remedy."),
    (401, "Unauthorized", "No token, or one that gives no such right."),
    (403, "Forbidden", "Closed until a secret is set; or a change by a session that another site's page asks for."),
    (404, "NotFound", "There is no such thing."),
    (
        409,
        "Conflict",
        "Something changed meanwhile: read again and decide anew. Or an emergency stop holds (title `Stopped`): the detail \
         says whose, and how it is released.",
    ),
    (413, "TooLarge", "The body is too long."),
    (428, "PreconditionRequired", "`If-Match` is missing."),
    (429, "TooMany", "Too many refused tokens, or too many changes, of one client: wait a minute."),
    (503, "Unavailable", "A store can't be read or written now; counting goes on."),
];

/// Where the response of this status is.
pub fn reference(status: u16) -> Value {
    let found = RESPONSES.iter().find(|(known, _, _)| *known == status);
    json!({ "$ref": format!("#/components/responses/{}", found.map_or("Unknown", |(_, name, _)| name)) })
}

/// All of them.
pub fn responses(of: &mut Schemas) -> Map<String, Value> {
    let mut all = Map::new();
    for (status, name, description) in RESPONSES {
        let mut response = json!({ "description": description });
        match status {
            304 => response["headers"] = json!({ "ETag": { "$ref": "#/components/headers/ETag" } }),
            401 => response["headers"] = json!({ "WWW-Authenticate": { "schema": { "const": "Bearer" } } }),
            429 => response["headers"] = json!({ "Retry-After": { "schema": { "type": "integer" } } }),
            _ => {}
        }
        if status >= 400 {
            response["content"] = json!({ "application/problem+json": { "schema": of.answer::<Problem>() } });
        }
        all.insert(name.to_owned(), response);
    }
    all
}

/// How one gets in.
pub fn security_schemes() -> Value {
    json!({
        "ingestToken": { "type": "http", "scheme": "bearer", "description": "INGEST_TOKEN: may report requests." },
        "readToken": { "type": "http", "scheme": "bearer", "description": "READ_TOKEN: may read." },
        "adminToken": { "type": "http", "scheme": "bearer", "description": "ADMIN_TOKEN: may read and change." },
        "session": {
            "type": "apiKey", "in": "cookie", "name": "path_collector_session",
            "description": "Of a login in a browser. Changes count only from the collector's own page.",
        },
        "access": {
            "type": "apiKey", "in": "header", "name": "Cf-Access-Jwt-Assertion",
            "description": "Of Cloudflare Access, where it is set up: may read.",
        },
    })
}

/// What answers say beside their body.
pub fn headers() -> Value {
    json!({ "ETag": { "description": "Entity tag.", "schema": { "type": "string", "pattern": r#"^(W/)?"[^"]*"$"# } } })
}

/// The header of a reader who has an answer already.
pub fn known_tag() -> Value {
    json!({
        "name": "If-None-Match",
        "in": "header",
        "description": "Entity tag of the answer that the reader has.",
        "schema": { "type": "string" },
    })
}
