//! What somebody asks to be done with the flag, as the text of a body.

use model::flag::change::Author;
use model::flag::document::{Document, MAX_BYTES};
use model::flag::stop::Act;
use model::time::rfc3339;
use serde::Deserialize;

use super::admin::{self, Changed};
use super::shown::{self, Previewed};
use super::stop::{self, Stopped};
use crate::app::App;
use crate::error::Error;

/// Longest body: twice the longest document, for one may be written with more white space than is stored.
pub const MAX_BODY_BYTES: usize = 2 * MAX_BYTES;

/// Body of `rollback`, `stop` and `release`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    version: Option<u32>,
    id: Option<String>,
    #[serde(default)]
    do_only: bool,
    #[serde(default)]
    updated_by: String,
    #[serde(default)]
    reason: String,
}

impl Order {
    fn read(body: &str) -> Result<Self, Error> {
        let remedy = r#"give {"updatedBy":"…","reason":"…"}, with "version" to roll back or "id" to release"#;
        serde_json::from_str(body).map_err(|error| Error::input(format_args!("body: {error}; {remedy}")))
    }

    fn act(self, app: &App) -> Act {
        Act { at: app.now_ms(), by: self.updated_by, reason: self.reason }
    }
}

fn document(body: &str) -> Result<Document, Error> {
    Document::read_strictly(body).map_err(Error::input)
}

/// `PUT flag`: the document in the body follows version `base`.
///
/// # Errors
/// As [`admin::change`]; or the body is no document.
pub async fn change(app: &App, base: u32, body: &str) -> Result<Changed, Error> {
    let wanted = document(body)?;
    let (by, reason) = (wanted.updated_by.clone(), wanted.reason.clone());
    admin::change(app, base, wanted, Author { by, reason, at: rfc3339(app.now_ms()) }).await
}

/// `POST flag/preview`: what the document in the body would do.
///
/// # Errors
/// As [`shown::preview`]; or the body is no document.
pub async fn preview(app: &App, body: &str) -> Result<Previewed, Error> {
    shown::preview(document(body)?, app).await
}

/// `POST flag/rollback`: `{"version":N,"updatedBy":…,"reason":…}`.
///
/// # Errors
/// As [`admin::rollback`]; or the body doesn't say what is needed.
pub async fn rollback(app: &App, body: &str) -> Result<Changed, Error> {
    let order = Order::read(body)?;
    let missing = "`version`: it is missing; give the version that shall hold again";
    let version = order.version.ok_or_else(|| Error::input(missing))?;
    admin::rollback(app, version, order.act(app).author()).await
}

/// `POST flag/stop`: `{"updatedBy":…,"reason":…}`.
///
/// # Errors
/// As [`stop::stop`]; or the body doesn't say what is needed.
pub async fn stop(app: &App, body: &str) -> Result<Stopped, Error> {
    stop::stop(app, Order::read(body)?.act(app)).await
}

/// `POST flag/release`: `{"id":…,"updatedBy":…,"reason":…,"doOnly":…}`.
///
/// # Errors
/// As [`stop::release`]; or the body doesn't say what is needed.
pub async fn release(app: &App, body: &str) -> Result<Stopped, Error> {
    let mut order = Order::read(body)?;
    let missing = "`id`: it is missing; give the name of the stop, as GET flag/status shows it";
    let id = order.id.take().ok_or_else(|| Error::input(missing))?;
    let do_only = order.do_only;
    stop::release(app, &id, order.act(app), do_only).await
}
