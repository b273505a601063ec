//! The gateway: what to do with a request.
//!
//! Invariant: the client gets what the upstream gave, at once. Whatever goes wrong in counting, it never learns.

use std::rc::Rc;

use js_sys::Promise;
use js_sys::futures::future_to_promise;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, Request, Response, ResponseInit};
use worker::{Context, Env, console_error};

use api::url;
use flow::app::App;
use flow::collecting::collect::collect;

use crate::platform::clock::now_ms;
use crate::platform::{app, failure};
use crate::{http, observe, upstream};

#[wasm_bindgen]
extern "C" {
    /// A promise, whose callbacks may be any functions.
    #[wasm_bindgen(js_name = Promise)]
    type Answer;

    #[wasm_bindgen(method)]
    fn then(this: &Answer, fulfilled: &JsValue, rejected: &JsValue) -> Promise;
}

// In JavaScript, because each closure of ours that it takes instead costs as much as all the rest of it.
#[wasm_bindgen(inline_js = r#"
export function whenEnded(answer, request, ended) {
  // The first of both counts: a client may hang up after the answer, and the answer may come after it hung up.
  const end = (outcome) => {
    const first = ended;
    ended = undefined;
    if (first) first(outcome);
  };
  answer.then(end, end);
  request.signal?.addEventListener("abort", end);
}
"#)]
extern "C" {
    /// Calls `ended` once: with the answer or its error, or with an event if the client hung up before.
    #[wasm_bindgen(js_name = whenEnded, catch)]
    fn when_ended(answer: &Answer, request: &Request, ended: &JsValue) -> Result<(), JsValue>;
}

/// Handles one request.
///
/// The upstream's promise forks. What the client waits for never comes through here again, unless the upstream gave no
/// answer: so nothing that happens in counting, not even a panic, can reach it. The other branch counts.
pub fn fetch(request: Request, env: Env, context: Context) -> Promise {
    // Should this Worker ever break, the platform asks the origin instead.
    context.pass_through_on_exception();
    let app = app(&env);
    let started_ms = now_ms();
    let url = request.url();
    if url::path(&url).strip_prefix(http::PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return future_to_promise(own(request, url, env, app));
    }
    let answer = upstream::pass(&request, &url, &env, &app.config).unwrap_or_else(|error| Promise::reject(&error));
    let answer: Answer = answer.unchecked_into();
    let response = ON_FAILURE.with(|on_failure| answer.then(&JsValue::UNDEFINED, on_failure));
    // A second handle, not a second request.
    let observed = Clone::clone(&request);
    // One function for all ends: an end is told by its type, and a second function would cost as much again.
    let counting = app.clone();
    let ended = Closure::once_into_js(move |outcome: JsValue| {
        let status = match outcome.dyn_ref::<Response>() {
            Some(response) => response.status(),
            None if outcome.is_instance_of::<Event>() => {
                counting.count("client_hung_up", 1);
                HUNG_UP
            }
            // The client was given the answer that `unreachable_upstream` makes.
            None => {
                counting.count("upstream_unreachable", 1);
                UNREACHABLE
            }
        };
        let ended_ms = now_ms();
        let observed = observe::observe(&counting, &request, &url, status, started_ms, ended_ms);
        if let Some(work) = collect(&counting, observed, ended_ms) {
            context.wait_until(work);
        }
    });
    if let Err(error) = when_ended(&answer, &observed, &ended) {
        app.count("unobserved", 1);
        console_error!("Not counted: {}", failure::thrown(&error));
    }
    response
}

/// The collector's own routes.
async fn own(request: Request, url: String, env: Env, app: Rc<App>) -> Result<JsValue, JsValue> {
    let answer = http::respond(&request, &url, &env, &app).await;
    let response = answer.or_else(|error| {
        console_error!("{error}");
        plain(500, "500 Internal Server Error\n")
    });
    Ok(response?.into())
}

/// Status of a request whose upstream gave no answer.
const UNREACHABLE: u16 = 502;

/// Status of a request whose client hung up before the upstream answered, as nginx has it.
const HUNG_UP: u16 = 499;

thread_local! {
    /// What an upstream's failure becomes. It knows nothing of a request, so one serves all.
    static ON_FAILURE: JsValue =
        Closure::<dyn FnMut(JsValue) -> Result<JsValue, JsValue>>::new(|error| unreachable_upstream(&error)).into_js_value();
}

/// The answer when the upstream gave none.
fn unreachable_upstream(error: &JsValue) -> Result<JsValue, JsValue> {
    console_error!("Upstream gave no answer: {}", failure::thrown(error));
    Ok(plain(UNREACHABLE, "502 Bad Gateway: the upstream of this gateway gave no answer.\n")?.into())
}

fn plain(status: u16, body: &str) -> worker::Result<Response> {
    let init = ResponseInit::new();
    init.set_status(status);
    Response::new_with_opt_str_and_init(Some(body), &init).map_err(Into::into)
}
