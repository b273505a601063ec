//! The way to the collector's API behind a gateway.
//!
//! Invariants: the token comes from the environment, never from the command line that others can list, and never goes
//! over a line that others can read. Nothing is tried twice: a change whose answer was lost may have been made.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use model::error::InputError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH};
use ureq::http::uri::Scheme;
use ureq::http::{Method, Request, Response, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{AsSendBody, Body};

use crate::error::CliError;
use crate::refusal::Refusal;

/// Variable with the token.
const TOKEN: &str = "PATHCTL_TOKEN";

/// How long an answer may take. The slowest, a preview, reads a day of both stores.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Longest answer that is read, in bytes: a part of an archived day.
const MAX_ANSWER_BYTES: u64 = 256 * 1024 * 1024;

/// Options of every command that talks to a gateway.
#[derive(Args)]
#[command(next_help_heading = "Every command")]
pub struct GatewayArgs {
    /// The gateway.
    #[arg(long, global = true, value_name = "URL", env = "PATHCTL_TARGET", value_parser = target)]
    #[arg(default_value = "http://localhost:8787")]
    target: Uri,
    /// Print one JSON document.
    #[arg(long, global = true)]
    pub json: bool,
}

/// Reads `http://host:port` or `https://host`.
fn target(text: &str) -> Result<Uri, InputError> {
    let refused = || {
        let remedy = "give scheme, host and port alone, such as https://gateway.example or http://127.0.0.1:8787";
        InputError::field("target", text, remedy)
    };
    let uri: Uri = text.parse().map_err(|_| refused())?;
    let known = uri.scheme().is_some_and(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
    if known && uri.path_and_query().is_none_or(|path| path == "/") { Ok(uri) } else { Err(refused()) }
}

/// Whether others on the way can read what is sent: plain http to another machine.
fn is_overheard(target: &Uri) -> bool {
    let host = target.host().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    target.scheme() == Some(&Scheme::HTTP) && !is_here
}

/// The API of one gateway.
pub struct ApiClient {
    agent: Agent,
    target: String,
    authorization: Option<HeaderValue>,
}

/// An answer, as it came and as this tool understands it.
pub struct ApiResponse<T> {
    /// All of it.
    pub raw: Value,
    /// What is shown of it.
    pub value: T,
}

impl GatewayArgs {
    /// The API behind the gateway, with the environment's token.
    pub fn connect(&self) -> Result<ApiClient, CliError> {
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        if token.is_some() && is_overheard(&self.target) {
            return Err(CliError::TokenOverheard);
        }
        let bearer = |token| HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| CliError::TokenUnreadable);
        let authorization = token.map(bearer).transpose()?;
        // An error means that there is a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .tls_config(TlsConfig::builder().root_certs(self.certificates()?).build());
        let target = self.target.to_string().trim_end_matches('/').to_owned();
        Ok(ApiClient { agent: config.build().into(), target, authorization })
    }
}

impl GatewayArgs {
    /// The system's certificates; none where nothing is encrypted.
    fn certificates(&self) -> Result<RootCerts, CliError> {
        if self.target.scheme() != Some(&Scheme::HTTPS) {
            return Ok(RootCerts::Specific(Arc::default()));
        }
        let found = rustls_native_certs::load_native_certs();
        let certificates: Vec<_> = found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        if certificates.is_empty() {
            Err(CliError::NoCertificates)
        } else {
            Ok(RootCerts::Specific(certificates.into()))
        }
    }
}

impl ApiClient {
    /// Reads a route, named without the API's prefix.
    pub fn get<T: DeserializeOwned>(&self, route: &str) -> Result<ApiResponse<T>, CallError> {
        let body = self.get_bytes(&format!("v1/{route}"));
        body.and_then(|body| understood(&body)).map_err(|cause| CallError::new(&Method::GET, route, cause))
    }

    /// Sends a value to a route; `base` is the version that it changes.
    pub fn send<T: DeserializeOwned>(
        &self,
        method: &Method,
        route: &str,
        value: &impl Serialize,
        base: Option<u32>,
    ) -> Result<ApiResponse<T>, CallError> {
        let exchange = || {
            let body = serde_json::to_vec(value)?;
            let mut request = self.request(method, &format!("v1/{route}"), body)?;
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if let Some(follows) = base.and_then(|version| HeaderValue::from_str(&format!("\"{version}\"")).ok()) {
                request.headers_mut().insert(IF_MATCH, follows);
            }
            understood(&self.exchange(request)?)
        };
        exchange().map_err(|cause| CallError::new(method, route, cause))
    }

    /// The metrics, in Prometheus' text format.
    pub fn metrics(&self) -> Result<String, CallError> {
        let text = self.get_bytes("metrics").map(|body| String::from_utf8_lossy(&body).into_owned());
        text.map_err(|cause| CallError::new(&Method::GET, "metrics", cause))
    }

    /// A file of an archived day, as it is stored.
    pub fn archived(&self, day: &str, name: &str) -> Result<Vec<u8>, CallError> {
        let route = format!("archive/{day}/{name}");
        self.get_bytes(&format!("v1/{route}")).map_err(|cause| CallError::new(&Method::GET, &route, cause))
    }

    fn get_bytes(&self, path: &str) -> Result<Vec<u8>, FailureCause> {
        self.exchange(self.request(&Method::GET, path, ())?)
    }

    fn request<B>(&self, method: &Method, path: &str, body: B) -> Result<Request<B>, FailureCause> {
        let uri = format!("{}/_collector/{path}", self.target);
        let mut request = Request::builder().method(method).uri(uri).body(body).map_err(ureq::Error::from)?;
        request.headers_mut().extend(self.authorization.clone().map(|value| (AUTHORIZATION, value)));
        Ok(request)
    }

    /// Gives the body of a successful answer.
    fn exchange(&self, request: Request<impl AsSendBody>) -> Result<Vec<u8>, FailureCause> {
        let (head, body): (_, Body) = self.agent.run(request).map(Response::into_parts)?;
        let body = body.into_with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
        if head.status.is_success() { Ok(body) } else { Err(FailureCause::Refused(Refusal::read(&head, &body))) }
    }
}

fn understood<T: DeserializeOwned>(body: &[u8]) -> Result<ApiResponse<T>, FailureCause> {
    let raw: Value = serde_json::from_slice(body)?;
    Ok(ApiResponse { value: T::deserialize(&raw)?, raw })
}

/// A call without a result.
#[derive(Debug, thiserror::Error)]
#[error("{method} {route}: {cause}; {}", self.remedy())]
pub struct CallError {
    method: Method,
    route: String,
    cause: FailureCause,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum FailureCause {
    /// No complete answer came.
    #[error(transparent)]
    Unanswered(#[from] ureq::Error),
    /// The API said why not.
    #[error("{0}")]
    Refused(Refusal),
    /// The answer is not what was asked for.
    #[error("it can't be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It was asked many times and is not at its end.
    #[error("it is not finished yet")]
    Unfinished,
}

impl CallError {
    /// Why a call of this route gave nothing.
    pub fn new(method: &Method, route: &str, cause: FailureCause) -> Self {
        Self { method: method.clone(), route: route.into(), cause }
    }

    /// Whether it may pass by itself: there was no answer, or a store was away.
    pub const fn is_passing(&self) -> bool {
        match &self.cause {
            FailureCause::Unanswered(_) => true,
            FailureCause::Refused(refusal) => refusal.is_passing(),
            FailureCause::Unreadable(_) | FailureCause::Unfinished => false,
        }
    }

    fn remedy(&self) -> String {
        let reads = self.method == Method::GET;
        match &self.cause {
            FailureCause::Unanswered(
                ureq::Error::Io(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed,
            ) => "check --target, and that a gateway listens there".into(),
            FailureCause::Unanswered(_) if reads => "try again".into(),
            FailureCause::Unanswered(_) => "it may have been done all the same: look before you repeat it".into(),
            FailureCause::Refused(refusal) => {
                refusal.remedy(reads, self.route.split(['/', '?']).next().unwrap_or_default())
            }
            FailureCause::Unfinished => "run the command again: it goes on where it stood".into(),
            FailureCause::Unreadable(_) => "use a pathctl of the gateway's version, and check --target".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_named_by_scheme_host_and_port_alone() {
        for text in ["http://127.0.0.1:8787", "https://gateway.example/", "http://[::1]:80"] {
            assert!(target(text).is_ok(), "{text}");
        }
        for text in ["", "gateway.example", "ftp://host", "http://host/base", "http://host/?q", "/path"] {
            assert!(target(text).unwrap_err().to_string().contains("such as https://"), "{text}");
        }
    }

    #[test]
    fn only_plain_http_to_another_machine_is_overheard() {
        for (text, overheard) in [
            ("http://localhost:8787", false),
            ("http://127.0.0.1", false),
            ("http://[::1]:80", false),
            ("https://gateway.example", false),
            ("http://gateway.example", true),
            ("http://localhost.example", true),
            ("http://10.0.0.1", true),
        ] {
            assert_eq!(is_overheard(&target(text).unwrap()), overheard, "{text}");
        }
    }
}
