//! `login` and `logout`: a token becomes a session, and a session ends.

use web_sys::{Request, Response};
use worker::Env;

use api::problem::Problem;
use flow::app::App;

use crate::body;
use model::access::session::{self, RequestSource};

use super::html::{self, LoginState};
use super::{PREFIX, access, throttle};

/// Longest form, in bytes.
const MAX_FORM_BYTES: usize = 4_096;

/// What the login page says to someone who opens it.
pub fn state(env: &Env, app: &App) -> LoginState {
    if access::Secrets::of(env).session_key().is_none() && !app.config.local_development {
        LoginState::Closed
    } else {
        LoginState::Open
    }
}

/// `POST login`: with a good token opens a session and sends the browser to the dashboard.
pub async fn open(request: &Request, env: &Env, app: &App) -> Result<Response, Problem> {
    // Another site must not be able to have its visitors throttled with wrong tokens.
    not_from_elsewhere(request)?;
    let form = body::text(request, MAX_FORM_BYTES).await?;
    let token = form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "token").map(|(_, value)| value);
    let token = token.as_deref().map_or("", str::trim);
    let secrets = access::Secrets::of(env);
    let Some(key) = secrets.session_key() else {
        // Where all is open there is nothing to log in to.
        return if app.config.local_development {
            html::go(&format!("{PREFIX}/"))
        } else {
            html::login_page(LoginState::Closed, env, app).await
        };
    };
    let Some(scope) = secrets.scope(token) else {
        // Who sends no token guesses none.
        let locked = !token.is_empty() && throttle::refused(app, throttle::client(app, request, false)).is_err();
        return html::login_page(if locked { LoginState::Locked } else { LoginState::Refused }, env, app).await;
    };
    let Some(value) = key.issue(scope, app.now_ms(), app.unique()) else {
        return Err(Problem::unavailable("no session could be signed"));
    };
    app.count("login", 1);
    answer_with(&value, &format!("{PREFIX}/"), request, app)
}

/// `POST logout`: the browser forgets its session.
pub fn close(request: &Request, app: &App) -> Result<Response, Problem> {
    not_from_elsewhere(request)?;
    answer_with("", &format!("{PREFIX}/login"), request, app)
}

fn answer_with(session: &str, location: &str, request: &Request, app: &App) -> Result<Response, Problem> {
    let response = html::go(location)?;
    // Browsers keep no secure cookie of a local server without TLS.
    let secure = !(app.config.local_development && request.url().starts_with("http://"));
    html::made(response.headers().set("Set-Cookie", &session::set_cookie(session, PREFIX, secure)))?;
    Ok(response)
}

fn not_from_elsewhere(request: &Request) -> Result<(), Problem> {
    if access::source(request) != RequestSource::Other {
        return Ok(());
    }
    let detail = "another site sent this; use the collector's own page";
    Err(Problem::new(403, "Cross-site request", detail))
}
