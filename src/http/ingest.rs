//! `POST events`, and the same from a Worker that is bound to this one: requests that were served elsewhere.

use std::rc::Rc;

use api::problem::Problem;
use flow::app::App;
use flow::collecting::ingest::{self, IngestWait, MAX_BODY_BYTES};
use js_sys::Promise;
use js_sys::futures::future_to_promise;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Request;
use worker::{Context, Env, Response, worker_sys};

use super::problem;
use crate::body;
use crate::platform::app;

/// `POST events`: answers when the batch is written.
///
/// # Errors
/// It is no batch, or neither path took it.
pub async fn written(request: &Request, app: &App) -> Result<Response, Problem> {
    let text = body::text(request, MAX_BODY_BYTES).await?;
    let taken = ingest::take(app, &text, IngestWait::Written).await?;
    let response = super::json(&taken.answer);
    taken.finish(app).await?;
    response
}

/// A request to the entry point `Ingest`, which only Workers of the same account that are bound to it can reach: so it
/// asks for no token. Answers when the batch is buffered, and writes it afterwards, like the gateway's own requests.
#[wasm_bindgen]
#[allow(clippy::needless_pass_by_value)] // JavaScript hands its values over
pub fn ingest(request: Request, env: Env, context: worker_sys::Context) -> Promise {
    let (app, context) = (app(&env), Context::new(context));
    future_to_promise(async move {
        let answer = match buffered(&request, &app, &context).await {
            Ok(response) => response,
            Err(problem) => problem::response(&problem)?,
        };
        Ok(web_sys::Response::from(answer).into())
    })
}

async fn buffered(request: &Request, app: &Rc<App>, context: &Context) -> Result<Response, Problem> {
    let text = body::text(request, MAX_BODY_BYTES).await?;
    let taken = ingest::take(app, &text, IngestWait::Buffered).await?;
    let response = super::json(&taken.answer);
    let app = Rc::clone(app);
    context.wait_until(async move {
        // What is lost was logged and counted.
        let _lost = taken.finish(&app).await;
    });
    response
}
