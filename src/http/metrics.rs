//! `GET metrics`: in the format that the reader prefers.

use api::problem::Problem;
use flow::app::App;
use flow::operating::metrics;
use model::operating::exposition;
use web_sys::Request;
use worker::Response;

use super::{accept, respond_with};

/// The metrics.
pub async fn respond(request: &Request, app: &App) -> Result<Response, Problem> {
    let accept = request.headers().get("Accept").ok().flatten().unwrap_or_default();
    // Who takes anything gets the older format, which everything reads.
    let (open, text) = ("application/openmetrics-text", "text/plain");
    let open = accept::names(&accept, open) && accept::weight(&accept, open) >= accept::weight(&accept, text);
    let content_type = if open { exposition::OPEN_METRICS } else { exposition::TEXT };
    respond_with(200, Some(metrics::text(app, open).await), content_type, None)
}
