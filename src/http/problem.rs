//! A problem document as a response.

use api::problem::Problem;
use model::access::throttle::WINDOW_MS;
use worker::{Response, Result};

/// A problem as a response.
///
/// # Errors
/// The platform's, if no response can be made.
pub fn response(problem: &Problem) -> Result<Response> {
    let body = serde_json::to_string(problem)?;
    let mut response = Response::ok(body)?.with_status(problem.status);
    let headers = response.headers_mut();
    headers.set("Content-Type", "application/problem+json")?;
    headers.set("Cache-Control", "no-store")?;
    if problem.status == 401 {
        headers.set("WWW-Authenticate", "Bearer")?;
    }
    if problem.status == 429 {
        // Whatever the limit, it has passed by then.
        headers.set("Retry-After", &(WINDOW_MS / 1000).to_string())?;
    }
    Ok(response)
}
