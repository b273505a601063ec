//! The dashboard's files, from the static assets binding, and the headers of everything a browser shows.
//!
//! Invariant: the Worker runs before the assets do, and asks for them only here: no path of the gateway ever finds one.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::futures::JsFuture;
use litemap::LiteMap;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Headers, Request, Response, ResponseInit};
use worker::{Env, Fetcher};

use api::problem::Problem;
use flow::app::App;

use crate::platform::failure;

use super::etag;

/// How long a file may take, in ms.
const DEADLINE_MS: u64 = 5_000;

/// Stands in a page where the nonce of its response goes; scripts/inline.mjs puts it there. No JSON has it in it, for
/// its quotes would be escaped.
const NONCE: &str = "nonce=\"of-this-response\"";

/// What every page and file is sent with. It loads and runs nothing, and no other site frames it.
const HEADERS: [(&str, &str); 5] = [
    ("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

/// A file for the browser, which keeps a copy and asks each time whether that is still the newest.
pub async fn file(path: &str, request: &Request, env: &Env, app: &App) -> Result<Response, Problem> {
    let file = fetch(path, env, app).await?;
    if file.status() == 404 {
        return Err(Problem::not_found(format!("the dashboard has no file {path}")));
    }
    let respond = || {
        // Not left to the binding, which knows neither lists nor `*`.
        let known = request.headers().get("If-None-Match")?.zip(file.headers().get("ETag")?);
        let is_known = file.status() == 200 && known.is_some_and(|(known, etag)| etag::is_known(&known, &etag));
        let init = ResponseInit::new();
        init.set_status(if is_known { 304 } else { file.status() });
        let body = file.body().filter(|_| !is_known && request.method() != "HEAD");
        let response = Response::new_with_opt_readable_stream_and_init(body.as_ref(), &init)?;
        let headers = response.headers();
        for name in ["Content-Type", "ETag"] {
            if let Some(value) = file.headers().get(name)? {
                headers.set(name, &value)?;
            }
        }
        headers.set("Cache-Control", "no-cache")?;
        guard(&headers)?;
        Ok(response)
    };
    respond().map_err(|error: JsValue| Problem::unavailable(format!("{path}: {}", failure::thrown(&error))))
}

thread_local! {
    /// Pages that this isolate has read, by their paths. They are part of this deployment, as the isolate is.
    static PAGES: RefCell<LiteMap<&'static str, Rc<str>>> = const { RefCell::new(LiteMap::new()) };
}

/// A page's text.
pub async fn page(path: &'static str, env: &Env, app: &App) -> Result<Rc<str>, Problem> {
    if let Some(page) = PAGES.with_borrow(|pages| pages.get(path).cloned()) {
        return Ok(page);
    }
    let page: Rc<str> = text(path, env, app).await?.into();
    PAGES.with_borrow_mut(|pages| pages.insert(path, page.clone()));
    Ok(page)
}

async fn text(path: &str, env: &Env, app: &App) -> Result<String, Problem> {
    let file = fetch(path, env, app).await?;
    if file.status() != 200 {
        return Err(unbuilt());
    }
    let broken = |error: JsValue| Problem::unavailable(format!("{path}: {}", failure::thrown(&error)));
    let text = JsFuture::from(file.text().map_err(broken)?).await.map_err(broken)?;
    Ok(text.as_string().unwrap_or_default())
}

/// A page, which is never kept. What is written into it runs, by this response's nonce; nothing else does.
pub fn respond_page(app: &App, status: u16, page: &str) -> Result<Response, JsValue> {
    let nonce = app.secret().map_err(|failure| JsValue::from_str(&format!("no nonce: {failure}")))?;
    let nonce = format!("{:032x}", u128::from_be_bytes(nonce));
    let response = respond(status, "text/html; charset=utf-8", &page.replace(NONCE, &format!("nonce=\"{nonce}\"")))?;
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    response.headers().set("Content-Security-Policy", &policy)?;
    Ok(response)
}

/// A message, which is never kept.
pub fn respond(status: u16, content_type: &str, body: &str) -> Result<Response, JsValue> {
    let init = ResponseInit::new();
    init.set_status(status);
    let response = Response::new_with_opt_str_and_init((!body.is_empty()).then_some(body), &init)?;
    let headers = response.headers();
    headers.set("Content-Type", content_type)?;
    headers.set("Cache-Control", "no-store")?;
    guard(&headers)?;
    Ok(response)
}

fn guard(headers: &Headers) -> Result<(), JsValue> {
    HEADERS.iter().try_for_each(|(name, value)| headers.set(name, value))
}

async fn fetch(path: &str, env: &Env, app: &App) -> Result<Response, Problem> {
    let assets: Fetcher = env.assets("ASSETS").map_err(|_| unbuilt())?;
    let asked = async {
        // The binding looks at the path alone.
        let request = Request::new_with_str(&format!("https://assets.invalid{path}"))?;
        let promise = JsValue::from(assets).unchecked_into::<worker::worker_sys::Fetcher>().fetch(&request)?;
        JsFuture::from(promise).await?.dyn_into()
    };
    match app.within_ms(DEADLINE_MS, asked).await {
        Some(answer) => {
            answer.map_err(|error: JsValue| Problem::unavailable(format!("{path}: {}", failure::thrown(&error))))
        }
        None => Err(Problem::unavailable(format!("{path}: no answer within {DEADLINE_MS} ms"))),
    }
}

fn unbuilt() -> Problem {
    let detail = "this Worker was deployed without its dashboard: run `make build`, which fills dashboard/dist, and \
                  deploy again. The API under /_collector/v1/ is there without it";
    Problem::new(503, "No dashboard", detail)
}
