//! The service behind the gateway: it does what each request's headers say, so that its truth is known.
//!
//! Invariant: status and time are decided by whoever sends the request. Without the headers (somebody tries the
//! gateway by hand) it answers 200 after a short while.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use http::header::HeaderName;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// Header with the time until the answer, in µs.
pub const LATENCY: HeaderName = HeaderName::from_static("x-demo-latency-us");

/// Header with the status of the answer.
pub const STATUS: HeaderName = HeaderName::from_static("x-demo-status");

/// Time until the answer to a request that doesn't say, in µs.
const DEFAULT_LATENCY_US: u64 = 40_000;

/// Longest time that a header can ask for, in µs: 30 s.
const MAX_LATENCY_US: u64 = 30_000_000;

/// The runtime's timers fire at the first full ms after their time: half a ms late on average, taken off here.
const TIMER_LATENESS: Duration = Duration::from_micros(500);

/// Starts the upstream on a free port of this machine alone. It serves as long as the runtime lives.
pub async fn start() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("starting the upstream on 127.0.0.1")?;
    let address = listener.local_addr()?;
    // Best effort: with Nagle's delay small answers may wait a little.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(answer)).await });
    Ok(address)
}

async fn answer(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let begin = Instant::now();
    let number = |name: &HeaderName| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let latency_us = number(&LATENCY).unwrap_or(DEFAULT_LATENCY_US).min(MAX_LATENCY_US);
    let status = number(&STATUS)
        .and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok())
        .filter(|status| !status.is_informational())
        .unwrap_or(StatusCode::OK);
    tokio::time::sleep_until(begin + Duration::from_micros(latency_us).saturating_sub(TIMER_LATENESS)).await;
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED) {
        return status.into_response();
    }
    let body = json!({"method": method.as_str(), "path": uri.path(), "by": "demo upstream"});
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use traffic::gateway::{Gateway, OutgoingRequest, Target};

    use super::*;

    async fn ask(headers: &[(&HeaderName, &'static str)], method: &str) -> (u16, Duration) {
        let target = Target::parse(&format!("http://{}", start().await.unwrap())).unwrap();
        let gateway = Gateway::new(target, Duration::from_mins(1)).unwrap();
        let mut outgoing = OutgoingRequest::new(method, "/a?b", "10.0.0.1", "r").unwrap();
        for (name, value) in headers {
            outgoing.headers.insert(*name, HeaderValue::from_static(value));
        }
        let answer = gateway.send(outgoing).await.unwrap();
        (answer.status.as_u16(), answer.latency)
    }

    #[tokio::test]
    async fn it_answers_with_the_status_and_not_before_the_time_that_the_request_says() {
        let (status, latency) = ask(&[(&STATUS, "503"), (&LATENCY, "120000")], "GET").await;
        assert_eq!(status, 503);
        assert!(latency + TIMER_LATENESS >= Duration::from_millis(120), "{latency:?}");
    }

    #[tokio::test]
    async fn every_status_and_method_has_a_complete_answer() {
        for status in ["200", "204", "205", "301", "304", "404", "599"] {
            for method in ["GET", "HEAD", "POST", "OPTIONS"] {
                let (answered, _) = ask(&[(&STATUS, status), (&LATENCY, "0")], method).await;
                assert_eq!(answered.to_string(), status, "{method}");
            }
        }
    }

    #[tokio::test]
    async fn without_or_with_senseless_headers_it_answers_200() {
        assert_eq!(ask(&[], "GET").await.0, 200);
        assert_eq!(ask(&[(&STATUS, "100"), (&LATENCY, "soon")], "GET").await.0, 200);
    }
}
