//! The way to a gateway: one request out, one answer back.
//!
//! Invariant: a request goes out as the log has it. Nothing is followed, retried or normalised, and the target is
//! changed only where HTTP can't carry it (`wire_target`).

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, REFERER, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use model::error::InputError;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use crate::access_log::LogEntry;

/// Header that names the client's address; at the edge the platform sets it.
pub const CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");

/// Header that names the request; at the edge the platform sets it.
pub const RAY: HeaderName = HeaderName::from_static("cf-ray");

/// What would end a target or break a request line.
const ENDING: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'`');

/// Longest answer of the collector's own API that is read, in bytes: full events of a busy minute.
const MAX_API_BYTES: usize = 256 * 1024 * 1024;

/// Scheme, host and port of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    scheme: Scheme,
    authority: Authority,
}

impl Target {
    /// Reads `http://host:port` or `https://host`.
    ///
    /// # Errors
    /// When it has another scheme, or a path.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        let refused = || {
            let remedy = "give scheme, host and port alone, such as https://gateway.example or http://127.0.0.1:8787";
            InputError::field("target", text, remedy)
        };
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let parts = uri.into_parts();
        let bare = parts.path_and_query.is_none_or(|path| path == "/");
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority)) if bare && (scheme == Scheme::HTTP || scheme == Scheme::HTTPS) => {
                Ok(Self { scheme, authority })
            }
            _ => Err(refused()),
        }
    }

    fn uri(&self, target: &PathAndQuery) -> Result<Uri, http::Error> {
        let (scheme, authority) = (self.scheme.clone(), self.authority.clone());
        Uri::builder().scheme(scheme).authority(authority).path_and_query(target.clone()).build()
    }
}

/// A request, ready to be sent.
#[derive(Debug, Clone)]
pub struct OutgoingRequest {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: PathAndQuery,
    /// All headers but those that HTTP itself needs.
    pub headers: HeaderMap,
}

impl OutgoingRequest {
    /// The request of a log's entry, under this request ID.
    ///
    /// # Errors
    /// When it can't be sent as it is: it is no path, or address or method are not of HTTP.
    pub fn from_entry(entry: &LogEntry, ray: &str) -> Result<Self, InputError> {
        let mut outgoing = Self::new(&entry.method, &entry.target, &entry.address, ray)?;
        for (name, text) in [(REFERER, &entry.referer), (USER_AGENT, &entry.agent)] {
            // A log may hold what no header can; the request is worth more than its trimmings.
            if let Some(value) = text.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
                outgoing.headers.insert(name, value);
            }
        }
        Ok(outgoing)
    }

    /// A request from this address under this ID.
    ///
    /// # Errors
    /// As [`OutgoingRequest::from_entry`].
    pub fn new(method: &str, target: &str, address: &str, ray: &str) -> Result<Self, InputError> {
        let header = |field: &str, text: &str| {
            HeaderValue::from_str(text).map_err(|_| InputError::field(field, text, "expected visible ASCII"))
        };
        Ok(Self {
            method: readable_method(method)?,
            target: wire_target(target)?,
            headers: HeaderMap::from_iter([
                (CONNECTING_IP, header("address", address)?),
                (RAY, header("request ID", ray)?),
            ]),
        })
    }

    /// The path that a server sees, as a URL parser makes it of the target: the digest's path.
    ///
    /// # Errors
    /// When a URL parser makes nothing of it.
    pub fn pathname(&self) -> Result<String, InputError> {
        let url = Url::parse(&format!("http://host{}", self.target))
            .map_err(|error| InputError::field("target", &self.target, error.to_string()))?;
        Ok(url.path().to_owned())
    }
}

/// The method, unless the platform refuses to pass it on (<https://fetch.spec.whatwg.org/#forbidden-method>).
fn readable_method(method: &str) -> Result<Method, InputError> {
    let refused = |remedy| InputError::field("method", method, remedy);
    if ["CONNECT", "TRACE", "TRACK"].iter().any(|forbidden| method.eq_ignore_ascii_case(forbidden)) {
        return Err(refused("it asks for a tunnel or an echo, which no Worker passes on"));
    }
    method.parse().map_err(|_| refused("expected a method such as GET"))
}

/// A logged target as it can be sent: what would end a target or break a request line is percent-encoded, as a
/// browser does it.
///
/// # Errors
/// When it is no path: `*`, a host for a tunnel, or a URL for a proxy.
fn wire_target(logged: &str) -> Result<PathAndQuery, InputError> {
    let refused = || InputError::field("target", logged, "expected a path that begins with /");
    if !logged.starts_with('/') {
        return Err(refused());
    }
    utf8_percent_encode(logged, ENDING).to_string().parse().map_err(|_| refused())
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatewayResponse {
    /// The status.
    pub status: StatusCode,
    /// Time until the headers.
    pub latency: Duration,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {reason}")]
pub struct SendError {
    /// One word, for counting.
    pub kind: &'static str,
    /// The reason in full.
    pub reason: String,
}

/// https can't be had.
#[derive(Debug, thiserror::Error)]
#[error("preparing https: {0}; install the system's certificates (Debian: apt-get install ca-certificates)")]
pub struct NoCertificates(std::io::Error);

/// Sends requests to one gateway. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Gateway {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    target: Target,
    timeout: Duration,
}

impl Gateway {
    /// A way to `target`; an answer must be complete within `timeout`.
    ///
    /// # Errors
    /// When https is asked for and the system has no certificates to trust.
    pub fn new(target: Target, timeout: Duration) -> Result<Self, NoCertificates> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new();
        let connector = if target.scheme == Scheme::HTTPS {
            tls.with_native_roots().map_err(NoCertificates)?
        } else {
            // Never used: saves reading the system's certificates.
            let none = rustls::RootCertStore::empty();
            tls.with_tls_config(rustls::ClientConfig::builder().with_root_certificates(none).with_no_client_auth())
        };
        let connector = connector.https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(4)).build(connector);
        Ok(Self { client, target, timeout })
    }

    /// Sends a request and reads its answer to the end, so that the connection can be used again.
    ///
    /// # Errors
    /// When no complete answer comes in time. The request may have been handled all the same.
    pub async fn send(&self, outgoing: OutgoingRequest) -> Result<GatewayResponse, SendError> {
        let begin = Instant::now();
        let exchange = async {
            let response = self.exchange(outgoing, Bytes::new()).await?;
            let answer = GatewayResponse { status: response.status(), latency: begin.elapsed() };
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                frame.map_err(|error| SendError { kind: "body", reason: chain(&error) })?;
            }
            Ok(answer)
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or_else(|_| Err(self.timed_out()))
    }

    /// Calls the collector's own API: the whole answer.
    ///
    /// # Errors
    /// When no complete answer comes in time. The request may have been handled all the same.
    pub async fn call(
        &self,
        method: Method,
        target: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<http::Response<Bytes>, SendError> {
        let exchange = async {
            let target =
                wire_target(target).map_err(|error| SendError { kind: "target", reason: error.to_string() })?;
            let (head, body) = self.exchange(OutgoingRequest { method, target, headers }, body).await?.into_parts();
            let body = http_body_util::Limited::new(body, MAX_API_BYTES).collect().await;
            let body = body.map_err(|error| SendError { kind: "body", reason: error.to_string() })?;
            Ok(http::Response::from_parts(head, body.to_bytes()))
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or_else(|_| Err(self.timed_out()))
    }

    async fn exchange(
        &self,
        outgoing: OutgoingRequest,
        body: Bytes,
    ) -> Result<http::Response<hyper::body::Incoming>, SendError> {
        let unsendable = |error: http::Error| SendError { kind: "request", reason: error.to_string() };
        let mut request = http::Request::new(Full::new(body));
        *request.method_mut() = outgoing.method;
        *request.uri_mut() = self.target.uri(&outgoing.target).map_err(unsendable)?;
        *request.headers_mut() = outgoing.headers;
        self.client.request(request).await.map_err(|error| SendError {
            kind: if error.is_connect() { "connect" } else { "closed" },
            reason: chain(&error),
        })
    }

    fn timed_out(&self) -> SendError {
        SendError { kind: "timeout", reason: format!("no complete answer within {} s", self.timeout.as_secs()) }
    }
}

/// An error with its causes: the outermost alone often says nothing.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}"); // writing to a string can't fail
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wire(logged: &str) -> String {
        wire_target(logged).unwrap().to_string()
    }

    #[test]
    fn a_target_goes_out_as_it_was_logged() {
        for target in ["/", "/a?b=1&c", "/a//b/../c", "/a|b", "/%2e%2E/x", "/{a}", "/a\\b", "/a?x=[1]^2", "//host/x"] {
            assert_eq!(wire(target), target);
        }
        assert_eq!(wire("/a#b<c>?d=\"`\""), "/a%23b%3Cc%3E?d=%22%60%22");
    }

    #[test]
    fn what_is_no_path_is_refused_with_a_reason() {
        for target in ["*", "host:443", "http://other/x", ""] {
            let error = wire_target(target).unwrap_err().to_string();
            assert!(error.contains("`target`") && error.contains("begins with /"), "{error}");
        }
        let error = OutgoingRequest::new("CONNECT", "/", "10.0.0.1", "r").unwrap_err().to_string();
        assert!(error.contains("`method`") && error.contains("CONNECT") && error.contains("tunnel"), "{error}");
    }

    #[test]
    fn a_gateway_is_named_by_scheme_host_and_port_alone() {
        for text in ["http://127.0.0.1:8787", "https://gateway.example/", "http://[::1]:80"] {
            assert!(Target::parse(text).is_ok(), "{text}");
        }
        for text in ["", "gateway.example", "ftp://host", "http://host/base", "http://host/?q", "/path"] {
            assert!(Target::parse(text).unwrap_err().to_string().contains("such as https://"), "{text}");
        }
    }

    #[test]
    fn the_pathname_is_what_a_url_parser_makes_of_it() {
        let pathname = |target| OutgoingRequest::new("GET", target, "10.0.0.1", "r").unwrap().pathname().unwrap();
        assert_eq!(pathname("/a?b=1"), "/a");
        assert_eq!(pathname("/a/../b/./c"), "/b/c");
        assert_eq!(pathname("/a%2Fb"), "/a%2Fb");
    }

    proptest! {
        #[test]
        fn any_logged_path_can_be_sent(target in "/[!-~]{0,60}") {
            let sent = wire(&target);
            prop_assert!(OutgoingRequest::new("GET", &target, "10.0.0.1", "r").unwrap().pathname().is_ok(), "{}", sent);
        }
    }
}
