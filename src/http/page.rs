//! What browsers open: the dashboard, its files, and its login.
//!
//! Files hold no figures and need no login. The page carries the newest snapshot, so it does.

use wasm_bindgen::JsValue;
use web_sys::{Request, Response};
use worker::{Env, Result};

use api::problem::Problem;
use api::routes::Right;
use api::url;
use flow::app::App;
use flow::operating::snapshot;

use super::html::{LoginState, go, html, login_page};
use super::{PREFIX, access, assets, login, throttle};

/// Routes that programs ask; all else under the prefix is for browsers.
const API: [&str; 4] = ["v1", "ofrep", "metrics", "health"];

/// How long the page waits for its snapshot, in ms; it can ask for itself.
const SNAPSHOT_DEADLINE_MS: u64 = 300;

/// Stands in the page where the snapshot goes.
const SNAPSHOT: &str = r#"<script type="application/json" id="snapshot">null</script>"#;

/// Stands in the page where no session is, and what stands there in one.
const NO_SESSION: &str = r#"data-session="none""#;
const SESSION: &str = r#"data-session="open""#;

/// Whether a path below the prefix is a page or one of its files.
pub fn is_for_browsers(path: &str) -> bool {
    !API.contains(&path.trim_start_matches('/').split('/').next().unwrap_or_default())
}

/// Stands in the page where the name of the environment goes.
const NO_ENVIRONMENT: &str = r#"data-environment="""#;

/// Answers a browser; `path` is what follows the prefix.
///
/// # Errors
/// The platform's, if no response can be made.
pub async fn respond(path: &str, request: &Request, env: &Env, app: &App) -> Result<Response> {
    let response = match answer(path, request, env, app).await {
        Ok(response) => response,
        Err(problem) => plain(&problem)?,
    };
    if request.method() == "HEAD" {
        return without_body(&response).map_err(Into::into);
    }
    Ok(response)
}

async fn answer(path: &str, request: &Request, env: &Env, app: &App) -> std::result::Result<Response, Problem> {
    let method = request.method();
    let reads = matches!(method.as_str(), "GET" | "HEAD");
    match path {
        "/login" if method == "POST" => return login::open(request, env, app).await,
        "/logout" if method == "POST" => return login::close(request, app),
        _ if !reads || path == "/logout" => return Err(not_allowed(path)),
        "/login" => return login_page(login::state(env, app), env, app).await,
        "" => {
            let query =
                url::path_and_query(&request.url()).split_once('?').map_or(String::new(), |(_, q)| format!("?{q}"));
            return go(&format!("{PREFIX}/{query}"));
        }
        _ => {}
    }
    match extension(path) {
        // Pages are served by their routes alone, with what belongs into them.
        Some("html") => Err(Problem::not_found(format!("there is no {PREFIX}{path}; the dashboard is at {PREFIX}/"))),
        Some(_) => assets::file(path, request, env, app).await,
        None => dashboard(request, env, app).await,
    }
}

/// The page, with the newest snapshot in it.
async fn dashboard(request: &Request, env: &Env, app: &App) -> std::result::Result<Response, Problem> {
    let client = throttle::client(app, request, false);
    if let Err(problem) = access::admit(Right::Read, client, request, env, app).await {
        return match problem.status {
            401 | 403 => go(&format!("{PREFIX}/login")),
            429 => login_page(LoginState::Locked, env, app).await,
            _ => Err(problem),
        };
    }
    let snapshot = app.within_ms(SNAPSHOT_DEADLINE_MS, snapshot::text(app));
    let (page, snapshot) = futures_util::future::join(assets::page("/index.html", env, app), snapshot).await;
    let page = with_environment(&page?, app.config.environment.as_deref());
    let page = with_snapshot(&page, snapshot.and_then(std::result::Result::ok).as_deref());
    html(app, 200, &if access::has_session(request, env, app) { page.replacen(NO_SESSION, SESSION, 1) } else { page })
}

/// Puts the environment's name into the page; the configuration lets nothing but a plain name through.
fn with_environment(page: &str, environment: Option<&str>) -> String {
    page.replacen(NO_ENVIRONMENT, &format!(r#"data-environment="{}""#, environment.unwrap_or_default()), 1)
}

/// Puts a snapshot into the page. In a script's text only `<` could end the script.
fn with_snapshot(page: &str, snapshot: Option<&str>) -> String {
    let (Some(json), Some((before, after))) = (snapshot, page.split_once(SNAPSHOT)) else { return page.to_owned() };
    let script = SNAPSHOT.replace("null", &json.replace('<', "\\u003c"));
    [before, &script, after].concat()
}

/// A problem as a person reads it.
fn plain(problem: &Problem) -> Result<Response> {
    let Problem { status, title, detail, .. } = problem;
    let response = assets::respond(*status, "text/plain; charset=utf-8", &format!("{status} {title}: {detail}.\n"))?;
    if *status == 405 {
        response.headers().set("Allow", "GET, HEAD")?;
    }
    Ok(response)
}

/// The same answer for `HEAD`.
pub fn without_body(response: &Response) -> std::result::Result<Response, JsValue> {
    let init = web_sys::ResponseInit::new();
    init.set_status(response.status());
    init.set_headers(&response.headers());
    Response::new_with_opt_str_and_init(None, &init)
}

fn not_allowed(path: &str) -> Problem {
    let detail =
        format!("{PREFIX}{path} is for reading; only POST {PREFIX}/login and POST {PREFIX}/logout are sent here");
    Problem::new(405, "Method not allowed", detail)
}

/// What follows the last dot of a path's last segment.
fn extension(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map(|(_, extension)| extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_api_are_the_apis() {
        for path in ["/v1", "/v1/stats", "/ofrep/v1/x", "/metrics", "/health"] {
            assert!(!is_for_browsers(path), "{path}");
        }
        for path in ["", "/", "/login", "/app.js", "/v1x", "/paths/v1"] {
            assert!(is_for_browsers(path), "{path}");
        }
    }

    #[test]
    fn a_file_has_an_extension_and_a_page_has_none() {
        let paths = ["/", "/paths", "/app.js", "/a.b/c", "/a/b.min.css", "/index.html"];
        assert_eq!(paths.map(extension), [None, None, Some("js"), None, Some("css"), Some("html")]);
    }

    #[test]
    fn a_snapshot_can_not_leave_its_script() {
        let page = format!("<head>{SNAPSHOT}</head>");
        let json = r#"{"path":"</script><script>alert(1)</script>"}"#;
        let filled = with_snapshot(&page, Some(json));
        let inside = filled.strip_prefix("<head><script type=\"application/json\" id=\"snapshot\">").unwrap();
        let inside = inside.strip_suffix("</script></head>").unwrap();
        assert!(!inside.contains('<'));
        let (read, meant): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(inside).unwrap(), serde_json::from_str(json).unwrap());
        assert_eq!(read, meant);
        assert_eq!(with_snapshot(&page, None), page);
    }
}
