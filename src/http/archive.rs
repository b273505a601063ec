//! `archive/{day}`: manifests and parts, passed on as they are in the bucket.

use api::problem::Problem;
use flow::app::App;
use flow::archive::file_name;
use model::reading::missing::MissingPart;
use store::sql::StoreError;
use worker::{Env, Response};

use crate::platform::failure;
use crate::platform::r2::{BINDING, R2};

/// `GET archive/{day}`: the manifest; `GET archive/{day}/{part}`: a part.
pub async fn file(day: &str, part: Option<&str>, env: &Env, app: &App) -> Result<Response, Problem> {
    let name = file_name(day, part)?;
    let bucket = R2::of(env).ok_or_else(|| Problem::not_found(format!("no R2 bucket is bound as {BINDING}")))?;
    let file = async { bucket.get(&name).await.map_err(|error| StoreError::from(failure::reason(error))) };
    let found =
        app.until(app.read_deadline(), file).await.map_err(|error| app.unanswered(MissingPart::Archive, &error))?;
    found.ok_or_else(|| Problem::not_found(format!("there is no {name} in the archive; GET archive lists its days")))
}
