//! A gateway's API that answers as it is told, and `pathctl` run against it.

use std::collections::HashMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, Uri};
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
    _runtime: Runtime,
    target: String,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    answers: HashMap<&'static str, (u16, Bytes)>,
    asked: Vec<Asked>,
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
        let known = Arc::<Mutex<Known>>::default();
        let answering = Arc::clone(&known);
        let answer = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            answering.lock().unwrap().answer(&method, &uri, &headers, &body)
        };
        runtime.spawn(async { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { command, _runtime: runtime, target, known }
    }

    pub fn answers(&self, route: &'static str, body: impl Into<Value>) {
        let body: Value = body.into();
        // What is no JSON is answered as a text.
        let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        self.answers_bytes(route, text.into());
    }

    /// Answers with bytes that are no JSON.
    pub fn answers_bytes(&self, route: &'static str, body: Vec<u8>) {
        self.known.lock().unwrap().answers.insert(route, (200, body.into()));
    }

    pub fn refuses(&self, route: &'static str, status: u16, detail: &str) {
        let problem = json!({"type": "about:blank", "title": "No", "status": status, "detail": detail});
        self.known.lock().unwrap().answers.insert(route, (status, problem.to_string().into()));
    }

    /// What was asked since the last time.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.known.lock().unwrap().asked)
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

impl Known {
    fn answer(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
        let route = uri.path_and_query().unwrap().as_str().strip_prefix("/_collector/").unwrap();
        let route = format!("{method} {}", route.strip_prefix("v1/").unwrap_or(route));
        let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (bearer, if_match) = (header("authorization"), header("if-match"));
        let body = serde_json::from_slice(body).unwrap_or_default();
        // An answer to `GET stats?` is for every query.
        let any = || route.split_inclusive('?').next().and_then(|start| self.answers.get(start));
        let missing = || (404, json!({"detail": "no such route"}).to_string().into());
        let (status, text) = self.answers.get(route.as_str()).or_else(any).cloned().unwrap_or_else(missing);
        self.asked.push(Asked { route, bearer, if_match, body });
        let response = Response::builder().status(status);
        let response = if status == 429 { response.header("retry-after", 7) } else { response };
        response.body(text.into()).unwrap()
    }
}
