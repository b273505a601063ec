//! A gateway's API that answers as it is told, and `pathctl` run against it.
#![allow(dead_code, missing_docs, clippy::panic)] // each test file uses its part

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A request as it arrived.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    pub route: String,
    pub bearer: String,
    pub if_match: String,
    pub body: Value,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub notes: String,
}

impl Ran {
    /// Standard output, which must be one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The API. `answers` are by method and route, such as `PUT flag`.
pub struct FakeCollector {
    command: &'static str,
    runtime: Runtime,
    target: String,
    answers: Arc<Mutex<HashMap<&'static str, (u16, Bytes)>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeCollector {
    /// For `pathctl flag`.
    pub fn start() -> Self {
        Self::of("flag")
    }

    /// For this command.
    pub fn of(command: &'static str) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap());
        let (answers, asked) = (Arc::default(), Arc::default());
        let fake = Self { command, runtime, target, answers, asked };
        let (answers, asked) = (Arc::clone(&fake.answers), Arc::clone(&fake.asked));
        fake.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, asked) = (Arc::clone(&answers), Arc::clone(&asked));
                let service = service_fn(move |request| answer(request, Arc::clone(&answers), Arc::clone(&asked)));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        fake
    }

    pub fn answers(&self, route: &'static str, body: impl Into<Value>) {
        let body: Value = body.into();
        // What is no JSON is answered as a text.
        let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        self.answers.lock().unwrap().insert(route, (200, text.into()));
    }

    /// Answers with bytes that are no JSON.
    pub fn answers_bytes(&self, route: &'static str, body: Vec<u8>) {
        self.answers.lock().unwrap().insert(route, (200, body.into()));
    }

    pub fn refuses(&self, route: &'static str, status: u16, detail: &str) {
        let problem = json!({"type": "about:blank", "title": "No", "status": status, "detail": detail});
        self.answers.lock().unwrap().insert(route, (status, problem.to_string().into()));
    }

    /// What was asked since the last time.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// The routes asked for since the last time.
    pub fn routes(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.route).collect()
    }

    /// Runs the command with these arguments, separated by bars, nobody at the terminal.
    pub fn run(&self, arguments: &str) -> Ran {
        self.run_with_input(arguments, "")
    }

    /// Runs the command without arguments.
    pub fn run_bare(&self) -> Ran {
        self.run("--")
    }

    pub fn run_with_input(&self, arguments: &str, input: &str) -> Ran {
        self.run_as("jo", arguments, input)
    }

    pub fn run_as(&self, user: &str, arguments: &str, input: &str) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pathctl"))
            .arg(self.command)
            .args(arguments.split('|').map(str::trim))
            .env("PATHCTL_TARGET", &self.target)
            .env("PATHCTL_TOKEN", "secret")
            .env("PATHCTL_USER", user)
            .env_remove("USER")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses its arguments reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), notes: text(output.stderr) }
    }
}

async fn answer(
    request: Request<Incoming>,
    answers: Arc<Mutex<HashMap<&'static str, (u16, Bytes)>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().unwrap().as_str();
    let route = target.strip_prefix("/_collector/").unwrap();
    let route = format!("{} {}", head.method, route.strip_prefix("v1/").unwrap_or(route));
    let header = |name: &str| head.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let (bearer, if_match) = (header("authorization"), header("if-match"));
    let body = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap_or_default();
    let missing = (404, json!({"detail": "no such route"}).to_string().into());
    let (status, text) = {
        let answers = answers.lock().unwrap();
        // An answer to `GET stats?` is for every query.
        let any = || route.split_inclusive('?').next().and_then(|start| answers.get(start));
        answers.get(route.as_str()).or_else(any).cloned().unwrap_or(missing)
    };
    asked.lock().unwrap().push(Asked { route, bearer, if_match, body });
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status.try_into().unwrap();
    if status == 429 {
        response.headers_mut().insert("retry-after", 7.into());
    }
    Ok(response)
}
