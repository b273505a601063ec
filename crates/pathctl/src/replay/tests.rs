//! A log replayed against a real server in this process.

use std::collections::HashSet;
use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::*;

type Seen = Arc<Mutex<Vec<(String, String, String, String)>>>;

/// A server that answers 204, or 302 to `/moved`, and remembers method, target, address and request ID.
async fn server() -> (Target, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let seen = Seen::default();
    let remembered = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = seen.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
                let target = request.uri().to_string();
                let status = if target == "/moved" { 302 } else { 204 };
                seen.lock().unwrap().push((
                    request.method().to_string(),
                    target,
                    header("cf-connecting-ip"),
                    header("cf-ray"),
                ));
                async move {
                    let response = Response::builder().status(status).header("location", "/elsewhere");
                    Ok::<_, Infallible>(response.body(Empty::<Bytes>::new()).unwrap())
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (target, remembered)
}

fn args(file: &std::path::Path, target: Target) -> ReplayArgs {
    ReplayArgs { file: file.to_owned(), target, speed: None, rate: None, concurrency: 4, timeout: 5, json: true }
}

fn log(requests: &[&str]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for (index, request) in requests.iter().enumerate() {
        writeln!(file, "192.0.2.{index} - - [01/Mar/2024:00:00:00 +0000] \"{request}\" 200 1").unwrap();
    }
    file
}

#[tokio::test]
async fn each_request_arrives_as_it_was_logged_under_an_id_of_its_own() {
    let file = log(&["GET /a?b=1&c HTTP/1.1", "DELETE /x//y/../z HTTP/1.1", "GET /moved HTTP/1.1", "FROB / HTTP/1.1"]);
    let (target, seen) = server().await;
    let summary = replay(&args(file.path(), target), &Interrupt::listen().unwrap()).await.unwrap();
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
    let file = log(&["rubbish", "CONNECT host:443 HTTP/1.1", "GET http://proxy/x HTTP/1.1", "GET /good HTTP/1.1"]);
    let (target, seen) = server().await;
    let summary = replay(&args(file.path(), target), &Interrupt::listen().unwrap()).await.unwrap();
    assert_eq!((summary.answered, summary.bad_lines.count), (1, 3));
    assert!(summary.bad_lines.shown[1].contains("line 2: `method`"), "{:?}", summary.bad_lines);
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_rate_spreads_the_requests() {
    let file = log(&["GET / HTTP/1.1"; 5]);
    let (target, _) = server().await;
    let slow = ReplayArgs { rate: Some(50.0), ..args(file.path(), target) };
    let summary = replay(&slow, &Interrupt::listen().unwrap()).await.unwrap();
    assert!(summary.duration_s >= 0.08, "{summary}");
    assert_eq!(summary.answered, 5);
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_an_error_by_kind() {
    let file = log(&["GET / HTTP/1.1"; 3]);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let target = Target::parse(&format!("http://{nobody}")).unwrap();
    let summary = replay(&args(file.path(), target), &Interrupt::listen().unwrap()).await.unwrap();
    assert_eq!((summary.sent, summary.answered, summary.errors["connect"]), (3, 0, 3));
    assert!(summary.error_reasons[0].to_lowercase().contains("refused"), "{:?}", summary.error_reasons);
}
