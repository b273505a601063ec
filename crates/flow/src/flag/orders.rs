//! Requests to change the flag, given as the text of a body.

use model::flag::change::ChangeAuthor;
use model::flag::document::{Document, MAX_BYTES};
use model::flag::stop::StopAct;
use model::time::rfc3339;
use serde::de::DeserializeOwned;

use super::{admin, shown, stop};
use crate::app::App;
use crate::error::Error;
use api::flag::{ChangeAnswer, PreviewAnswer, ReleaseOrder, RollbackOrder, StopAnswer, StopOrder};

/// Longest body: twice the longest document, for one may be written with more white space than is stored.
pub const MAX_BODY_BYTES: usize = 2 * MAX_BYTES;

fn order<T: DeserializeOwned>(body: &str) -> Result<T, Error> {
    let remedy = r#"give {"updatedBy":"…","reason":"…"}, with "version" to roll back or "id" to release"#;
    serde_json::from_str(body).map_err(|error| Error::input(format_args!("body: {error}; {remedy}")))
}

fn act(app: &App, by: String, reason: String) -> StopAct {
    StopAct { at: app.now_ms(), by, reason }
}

fn document(body: &str) -> Result<Document, Error> {
    Document::read_strictly(body).map_err(Error::input)
}

/// `PUT flag`: the document in the body follows version `base`.
///
/// # Errors
/// As [`admin::change`]; or the body is no document.
pub async fn change(app: &App, base: u32, body: &str) -> Result<ChangeAnswer, Error> {
    let wanted = document(body)?;
    let (by, reason) = (wanted.updated_by.clone(), wanted.reason.clone());
    admin::change(app, base, wanted, ChangeAuthor { by, reason, at: rfc3339(app.now_ms()) }).await
}

/// `POST flag/preview`: what the document in the body would do.
///
/// # Errors
/// As [`shown::preview`]; or the body is no document.
pub async fn preview(app: &App, body: &str) -> Result<PreviewAnswer, Error> {
    shown::preview(document(body)?, app).await
}

/// `POST flag/rollback`: `{"version":N,"updatedBy":…,"reason":…}`.
///
/// # Errors
/// As [`admin::rollback`]; or the body doesn't say what is needed.
pub async fn rollback(app: &App, body: &str) -> Result<ChangeAnswer, Error> {
    let RollbackOrder { version, updated_by, reason } = order(body)?;
    admin::rollback(app, version, act(app, updated_by, reason).author()).await
}

/// `POST flag/stop`: `{"updatedBy":…,"reason":…}`.
///
/// # Errors
/// As [`stop::stop`]; or the body doesn't say what is needed.
pub async fn stop(app: &App, body: &str) -> Result<StopAnswer, Error> {
    let StopOrder { updated_by, reason } = order(body)?;
    stop::stop(app, act(app, updated_by, reason)).await
}

/// `POST flag/release`: `{"id":…,"updatedBy":…,"reason":…,"doOnly":…}`.
///
/// # Errors
/// As [`stop::release`]; or the body doesn't say what is needed.
pub async fn release(app: &App, body: &str) -> Result<StopAnswer, Error> {
    let ReleaseOrder { id, do_only, updated_by, reason } = order(body)?;
    stop::release(app, &id, act(app, updated_by, reason), do_only).await
}
