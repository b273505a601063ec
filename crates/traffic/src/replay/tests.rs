//! A log replayed against a real server in this process.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use tokio::net::TcpListener;

use super::*;
use crate::gateway::Target;

type Seen = Arc<Mutex<Vec<(String, String, String, String)>>>;

/// A server that answers 204, or 302 to `/moved`, and remembers method, target, address and request ID.
async fn server() -> (Gateway, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = gateway(&format!("http://{}", listener.local_addr().unwrap()));
    let seen = Seen::default();
    let remembered = seen.clone();
    let answer = async move |request: Request| {
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        let (method, target) = (request.method().to_string(), request.uri().to_string());
        let status = if target == "/moved" { StatusCode::FOUND } else { StatusCode::NO_CONTENT };
        seen.lock().unwrap().push((method, target, header("cf-connecting-ip"), header("cf-ray")));
        (status, [("location", "/elsewhere")])
    };
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(answer)).await });
    (gateway, remembered)
}

fn gateway(url: &str) -> Gateway {
    Gateway::new(Target::parse(url).unwrap(), Duration::from_secs(5)).unwrap()
}

async fn replayed(requests: &[&str], gateway: &Gateway) -> ReplaySummary {
    let line = |(index, request)| format!("192.0.2.{index} - - [01/Mar/2024:00:00:00 +0000] \"{request}\" 200 1\n");
    let log: String = requests.iter().enumerate().map(line).collect();
    let log = LogReader::new(std::io::Cursor::new(log)).unwrap();
    replay(log, gateway, ReplayPace::Unbounded, 4, &CancellationToken::new()).await
}

#[tokio::test]
async fn each_request_arrives_as_it_was_logged_under_an_id_of_its_own() {
    let (gateway, seen) = server().await;
    let log = ["GET /a?b=1&c HTTP/1.1", "DELETE /x//y/../z HTTP/1.1", "GET /moved HTTP/1.1", "FROB / HTTP/1.1"];
    let summary = replayed(&log, &gateway).await;
    assert_eq!((summary.answered, summary.errors.len(), summary.bad_lines.count), (4, 0, 0));
    assert_eq!(summary.status["3xx"], 1);
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_by(|a, b| a.2.cmp(&b.2));
    let arrived: Vec<_> = seen.iter().map(|(m, t, a, _)| (m.as_str(), t.as_str(), a.as_str())).collect();
    let expected = [
        ("GET", "/a?b=1&c", "192.0.2.0"),
        ("DELETE", "/x//y/../z", "192.0.2.1"),
        ("GET", "/moved", "192.0.2.2"),
        ("FROB", "/", "192.0.2.3"),
    ];
    assert_eq!(arrived, expected);
    assert_eq!(seen.iter().map(|(.., ray)| ray).collect::<HashSet<_>>().len(), 4);
}

#[tokio::test]
async fn what_cannot_be_sent_is_counted_and_shown_and_the_rest_goes_on() {
    let (gateway, seen) = server().await;
    let log = ["rubbish", "CONNECT host:443 HTTP/1.1", "GET http://proxy/x HTTP/1.1", "GET /good HTTP/1.1"];
    let summary = replayed(&log, &gateway).await;
    assert_eq!((summary.answered, summary.bad_lines.count), (1, 3));
    assert!(summary.bad_lines.shown[1].contains("line 2: `method`"), "{:?}", summary.bad_lines);
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_an_error_by_kind() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let summary = replayed(&["GET / HTTP/1.1"; 3], &gateway(&format!("http://{nobody}"))).await;
    assert_eq!((summary.sent, summary.answered, summary.errors["connect"]), (3, 0, 3));
    assert!(summary.error_reasons[0].to_lowercase().contains("refused"), "{:?}", summary.error_reasons);
}
