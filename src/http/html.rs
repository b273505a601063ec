//! What browsers are shown besides the dashboard: the login page, and where to go on.

use api::problem::Problem;
use flow::app::App;
use model::access::throttle::WINDOW_MS;
use wasm_bindgen::JsValue;
use web_sys::Response;
use worker::Env;

use super::assets;
use crate::platform::failure;

/// Stands in the login page; the style sheet shows what goes with each state.
const LOGIN: &str = r#"data-login="open""#;

/// What the login page has to say.
#[derive(Debug, Clone, Copy)]
pub enum LoginState {
    /// Nothing.
    Open,
    /// The token was wrong.
    Refused,
    /// Too many were.
    Locked,
    /// No secret is set.
    Closed,
}

impl LoginState {
    const fn name_and_status(self) -> (&'static str, u16) {
        match self {
            Self::Open => ("open", 200),
            Self::Refused => ("refused", 401),
            Self::Locked => ("locked", 429),
            Self::Closed => ("closed", 403),
        }
    }
}

/// The login page, saying what happened.
pub async fn login_page(state: LoginState, env: &Env, app: &App) -> Result<Response, Problem> {
    let (name, status) = state.name_and_status();
    let page = match assets::page("/login.html", env, app).await {
        Ok(page) => page,
        // Without the page, at least its message.
        Err(problem) if status == 200 => return Err(problem),
        Err(_) => return made(assets::respond(status, "text/plain; charset=utf-8", &format!("Login: {name}\n"))),
    };
    let page = html(app, status, &page.replacen(LOGIN, &format!("data-login=\"{name}\""), 1))?;
    if status == 429 {
        made(page.headers().set("Retry-After", &(WINDOW_MS / 1000).to_string()))?;
    }
    Ok(page)
}

/// Sends the browser on, to read what is there.
pub fn go(location: &str) -> Result<Response, Problem> {
    let response = made(assets::respond(303, "text/plain; charset=utf-8", ""))?;
    made(response.headers().set("Location", location))?;
    Ok(response)
}

pub fn html(app: &App, status: u16, page: &str) -> Result<Response, Problem> {
    made(assets::respond_page(app, status, page))
}

/// What the platform failed to make.
pub fn made<T>(made: Result<T, JsValue>) -> Result<T, Problem> {
    made.map_err(|error| Problem::unavailable(failure::thrown(&error).to_string()))
}
