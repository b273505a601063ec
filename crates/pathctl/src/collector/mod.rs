//! The collector's API behind a gateway: how an operator's command reaches it, and what comes back.
//!
//! Invariants: the token comes from the environment, never from the command line that others can list, and never goes
//! over a line that others can read. Nothing is tried twice: a change whose answer was lost may have been made.

pub mod archive;
pub mod dead_letters;
pub mod flag;
pub mod parity;
mod problem;
pub mod trace;
pub mod traffic;

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH};
use http::{HeaderMap, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::problem::CallError;
use self::problem::{Cause, Problem};
use crate::error::CliError;
use crate::gateway::{Gateway, Target};

/// Prefix of all that is the collector's own.
const COLLECTOR: &str = "/_collector";

/// Prefix of the API's routes.
const PREFIX: &str = "/_collector/v1";

/// Where Prometheus finds the metrics, below [`COLLECTOR`].
const METRICS: &str = "metrics";

/// Variable with the token.
const TOKEN: &str = "PATHCTL_TOKEN";

/// How long an answer may take. The slowest, a preview, reads a day of both stores.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Options of every command that talks to a gateway.
#[derive(Args)]
pub struct GatewayArgs {
    /// The gateway.
    #[arg(long, global = true, value_name = "URL", env = "PATHCTL_TARGET", value_parser = Target::parse)]
    #[arg(default_value = "http://localhost:8787")]
    target: Target,
    /// Print one JSON document.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The API of one gateway.
pub struct Collector {
    gateway: Gateway,
    authorization: Option<HeaderValue>,
}

impl Collector {
    /// The API behind the chosen gateway, with the environment's token.
    ///
    /// # Errors
    /// When the token can't be sent, or the system has no certificates to trust.
    pub fn connect(args: &GatewayArgs) -> Result<Self, CliError> {
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        let refused = |reason, remedy| CliError::failed(format!("using {TOKEN}"), &reason, remedy);
        if token.is_some() && args.target.is_overheard() {
            return Err(refused("plain http would show it to others", "give --target as https://…, or unset it"));
        }
        let authorization = token.map(|token| {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            value.map_err(|_| refused("it is no visible ASCII", "set it to the value of the secret ADMIN_TOKEN"))
        });
        let gateway = Gateway::new(args.target.clone(), TIMEOUT)?;
        Ok(Self { gateway, authorization: authorization.transpose()? })
    }

    /// The API behind a gateway of this machine, which asks for no token.
    pub const fn local(gateway: Gateway) -> Self {
        Self { gateway, authorization: None }
    }

    /// Reads a route, named without the API's prefix.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get<T: DeserializeOwned>(&self, route: &str) -> Result<T, CallError> {
        self.call(Method::GET, route, HeaderMap::new(), Bytes::new()).await
    }

    /// Reads a route's bytes as they are.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get_bytes(&self, route: &str) -> Result<Bytes, CallError> {
        let body = self.exchange(&Method::GET, &format!("{PREFIX}/{route}"), HeaderMap::new(), Bytes::new()).await;
        body.map_err(|cause| CallError::new(&Method::GET, route, cause))
    }

    /// Sends a value to a route; `base` is the version that it changes.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        value: &impl Serialize,
        base: Option<u32>,
    ) -> Result<T, CallError> {
        let body =
            serde_json::to_vec(value).map_err(|error| CallError::new(&method, route, Cause::unreadable(&error)))?;
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        if let Some(version) = base.and_then(|version| HeaderValue::from_str(&format!("\"{version}\"")).ok()) {
            headers.insert(IF_MATCH, version);
        }
        self.call(method, route, headers, body.into()).await
    }

    /// The metrics, in Prometheus' text format.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn metrics(&self) -> Result<String, CallError> {
        let target = format!("{COLLECTOR}/{METRICS}");
        let body = self.exchange(&Method::GET, &target, HeaderMap::new(), Bytes::new()).await;
        let text = body.and_then(|body| {
            String::from_utf8(body.into()).map_err(|_| Cause::Unreadable("it is no UTF-8 text".to_owned()))
        });
        text.map_err(|cause| CallError::new(&Method::GET, METRICS, cause))
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<T, CallError> {
        let body = self.exchange(&method, &format!("{PREFIX}/{route}"), headers, body).await;
        let read = body.and_then(|body| serde_json::from_slice(&body).map_err(|error| Cause::unreadable(&error)));
        read.map_err(|cause| CallError::new(&method, route, cause))
    }

    /// Calls a route of this path and gives the body of a successful answer.
    async fn exchange(
        &self,
        method: &Method,
        target: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Bytes, Cause> {
        headers.extend(self.authorization.clone().map(|value| (AUTHORIZATION, value)));
        let answer = self.gateway.call(method.clone(), target, headers, body).await.map_err(Cause::Unanswered)?;
        if answer.status().is_success() { Ok(answer.into_body()) } else { Err(Cause::Refused(Problem::read(&answer))) }
    }
}
