//! `ofrep/v1/evaluate/flags`: the flag for others, by the OpenFeature Remote Evaluation Protocol.

use sha2::{Digest as _, Sha256};
use web_sys::Request;
use worker::Response;

use api::ofrep::EvaluationsAnswer;
use api::problem::Problem;
use flow::app::App;
use flow::flag::cache;

use crate::body;
use model::flag::evaluate::{self, Evaluation, EvaluationError, EvaluationFailure, KEY};

use super::{etag, json, json_as, json_text, text};

/// Longest body, in bytes: contexts hold much that is not looked at.
const MAX_BODY_BYTES: usize = 64_000;

/// `POST ofrep/v1/evaluate/flags/{key}`.
pub async fn one(key: &str, request: &Request, app: &App) -> Result<Response, Problem> {
    let about = |failure: EvaluationFailure| EvaluationFailure { key: Some(key.to_owned()), ..failure };
    if key != KEY {
        let error_details = format!("the only flag here is {KEY}");
        return json_as(
            404,
            &about(EvaluationFailure { key: None, error_code: EvaluationError::FlagNotFound, error_details }),
        );
    }
    match evaluation(request, app).await? {
        Ok(evaluation) => json(&evaluation),
        Err(failure) => json_as(400, &about(failure)),
    }
}

/// `POST ofrep/v1/evaluate/flags`: 304 where the client has this very answer.
pub async fn all(request: &Request, app: &App) -> Result<Response, Problem> {
    let flags = match evaluation(request, app).await? {
        Ok(evaluation) => EvaluationsAnswer { flags: [evaluation] },
        Err(failure) => return json_as(400, &failure),
    };
    let text = text(&flags)?;
    let etag = format!("\"{}\"", hex::encode(Sha256::digest(text.as_bytes())));
    let known = request.headers().get("If-None-Match").ok().flatten();
    if known.is_some_and(|known| etag::is_known(&known, &etag)) {
        return json_text(304, None, Some(&etag));
    }
    json_text(200, Some(text), Some(&etag))
}

async fn evaluation(request: &Request, app: &App) -> Result<Result<Evaluation, EvaluationFailure>, Problem> {
    let context = match evaluate::context(&body::text(request, MAX_BODY_BYTES).await?) {
        Ok(context) => context,
        Err(failure) => return Ok(Err(failure)),
    };
    Ok(Ok(evaluate::evaluate(&*cache::current(app).await, &context, &app.config.normalizer)))
}
