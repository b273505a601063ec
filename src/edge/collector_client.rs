//! Calling the `PathCollector` objects.
//!
//! Invariant: an event's object is chosen by its digest alone, so that all repeats of it meet in one object, whatever
//! route they were given, and a busy route doesn't fill one object.

use futures_util::future::join_all;
use js_sys::Uint8Array;
use js_sys::futures::JsFuture;
use wasm_bindgen::JsValue;
use worker::{Env, Method, Request, RequestInit, Response, Stub};

use crate::domain::address::DailyKey;
use crate::domain::archive::plan::{Cut, Windows};
use crate::domain::event::Event;
use crate::domain::identity::{Digest, IdempotentId};
use crate::domain::parity::ask::{Answer, Ask};
use crate::domain::selection::{Known, Selection};
use crate::store::details::Details;
use crate::store::parity::side::Side;
use crate::store::read::{Found, LogState, Sighting};
use crate::store::sql::{LocalFuture, StoreError};
use crate::store::vitals::{Report, Vitals};

use super::config::Config;

/// Binding of the object namespace.
pub const BINDING: &str = "PATH_COLLECTOR";

/// Splits events by the object that keeps them.
pub fn by_shard(events: Vec<Event>, shards: u64) -> Vec<Vec<Event>> {
    if shards <= 1 {
        return vec![events];
    }
    let mut groups: std::collections::BTreeMap<u64, Vec<Event>> = std::collections::BTreeMap::new();
    for event in events {
        groups.entry(event.digest.0 % shards).or_default().push(event);
    }
    groups.into_values().collect()
}

fn shard_name(shard: u64, shards: u64) -> String {
    if shards <= 1 { "default".to_owned() } else { format!("default-{shard}") }
}

fn stub(env: &Env, name: &str) -> Result<Stub, String> {
    env.durable_object(BINDING).and_then(|objects| objects.get_by_name(name)).map_err(|error| error.to_string())
}

/// Bytes as a request's body.
fn body(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

/// Sends a request to an object and expects success.
async fn call(env: &Env, name: &str, method: Method, path: &str, body: Option<JsValue>) -> Result<Response, String> {
    let mut init = RequestInit::new();
    init.with_method(method).with_body(body);
    let url = format!("https://collector{path}");
    let request = Request::new_with_init(&url, &init).map_err(|error| error.to_string())?;
    let mut response = stub(env, name)?.fetch_with_request(request).await.map_err(|error| error.to_string())?;
    match response.status_code() {
        200..=299 => Ok(response),
        status => Err(format!("object {name} answered {status}: {}", response.text().await.unwrap_or_default())),
    }
}

/// Records events, which all belong to one object, written as `message`.
///
/// # Errors
/// Why they may not be recorded.
pub async fn record(env: &Env, config: &Config, events: &[Event], message: String) -> Result<(), String> {
    let Some(first) = events.first() else { return Ok(()) };
    let name = shard_name(first.digest.0 % config.shards, config.shards);
    Collector { env, name: &name }.record(message).await
}

/// The address key of a day (UTC days since 1970).
///
/// # Errors
/// Why it can't be had.
pub async fn address_key(env: &Env, day: u64) -> Result<DailyKey, String> {
    // One object keeps the keys, however many keep events.
    let key = bytes(call(env, "default", Method::Post, &format!("/address-key?day={day}"), None).await?).await?;
    key.try_into().map(DailyKey).map_err(|bytes: Vec<u8>| format!("a key of {} bytes", bytes.len()))
}

/// Hands in what this isolate counted, and the jobs that it ran. One object keeps that for all.
///
/// # Errors
/// Why it may not be there.
pub async fn report(env: &Env, report: &Report) -> Result<(), String> {
    let bytes = postcard::to_allocvec(report).map_err(|error| error.to_string())?;
    call(env, "default", Method::Post, "/report", Some(body(&bytes))).await.map(drop)
}

/// What all isolates counted, and when jobs ran.
///
/// # Errors
/// Why it can't be read.
pub async fn vitals(env: &Env) -> Result<Vitals, String> {
    let answer = bytes(call(env, "default", Method::Get, "/vitals", None).await?).await?;
    postcard::from_bytes(&answer).map_err(|error| format!("vitals: {error}"))
}

/// The body of an answer, at once: read as a stream, as the wrapper does it, it comes in many small parts.
async fn bytes(response: Response) -> Result<Vec<u8>, String> {
    let failed = |error: JsValue| format!("{error:?}");
    let buffer = web_sys::Response::from(response).array_buffer().map_err(failed)?;
    Ok(Uint8Array::new(&JsFuture::from(buffer).await.map_err(failed)?).to_vec())
}

/// Asks every object and gives all answers' bytes.
async fn ask_all(
    env: &Env,
    config: &Config,
    method: Method,
    path: &str,
    body: Option<JsValue>,
) -> Result<Vec<Vec<u8>>, String> {
    let ask = |shard| {
        let (method, body) = (method.clone(), body.clone());
        async move { bytes(call(env, &shard_name(shard, config.shards), method, path, body).await?).await }
    };
    join_all((0..config.shards).map(ask)).await.into_iter().collect()
}

async fn get_all(env: &Env, config: &Config, path: &str) -> Result<Vec<Vec<u8>>, String> {
    ask_all(env, config, Method::Get, path, None).await
}

/// All objects as one store, to compare it with the new path's.
#[derive(Debug, Clone, Copy)]
pub struct Collectors<'a> {
    /// Bindings.
    pub env: &'a Env,
    /// Settings.
    pub config: &'a Config,
}

impl Side for Collectors<'_> {
    fn ask<'a>(&'a self, ask: &'a Ask) -> LocalFuture<'a, Result<Answer, StoreError>> {
        Box::pin(async move {
            let names = (0..self.config.shards).map(|shard| shard_name(shard, self.config.shards));
            let asked = names.map(|name| async move { Collector { env: self.env, name: &name }.ask(ask).await });
            let mut answers = join_all(asked).await.into_iter();
            let mut sum = answers.next().unwrap_or_else(|| Err(StoreError::Unavailable("no object".to_owned())))?;
            for answer in answers {
                sum.add(answer?);
            }
            Ok(sum)
        })
    }
}

impl Collectors<'_> {
    /// Asks every object, one after the other, so that only one answer's text is in memory.
    async fn each<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        mut take: impl FnMut(T),
    ) -> Result<(), StoreError> {
        for shard in 0..self.config.shards {
            let name = shard_name(shard, self.config.shards);
            let answer = call(self.env, &name, Method::Get, path, None).await;
            let bytes = match answer {
                Ok(mut response) => response.bytes().await.map_err(|error| StoreError::Unavailable(error.to_string())),
                Err(error) => Err(StoreError::Unavailable(error)),
            };
            take(postcard::from_bytes(&bytes?).map_err(|error| StoreError::Corrupt(format!("details: {error}")))?);
        }
        Ok(())
    }
}

impl Details for Collectors<'_> {
    async fn windows(&self, from: u64, to: u64, most: u64) -> Result<Windows, StoreError> {
        let mut all = Windows { until: to, ..Windows::default() };
        let path = format!("/windows?from={from}&to={to}&most={most}");
        self.each(&path, |(counts, until)| all.add(Windows { counts, until })).await?;
        Ok(all)
    }

    async fn events_in(&self, Cut { from, to, slice, slices }: Cut) -> Result<Vec<Event>, StoreError> {
        let mut all = Vec::new();
        let path = format!("/details?from={from}&to={to}&slice={slice}&slices={slices}");
        self.each(&path, |events: Vec<Event>| all.extend(events)).await?;
        Ok(all)
    }

    async fn digests(&self, from: u64, to: u64) -> Result<Vec<(u64, Digest)>, StoreError> {
        let mut all = Vec::new();
        self.each(&format!("/digests?from={from}&to={to}"), |digests: Vec<(u64, Digest)>| all.extend(digests)).await?;
        Ok(all)
    }
}

/// One object as a store.
#[derive(Debug, Clone, Copy)]
pub struct Collector<'a> {
    /// Bindings.
    pub env: &'a Env,
    /// Name of the object.
    pub name: &'a str,
}

impl Side for Collector<'_> {
    fn ask<'a>(&'a self, ask: &'a Ask) -> LocalFuture<'a, Result<Answer, StoreError>> {
        Box::pin(async move {
            let question = postcard::to_allocvec(ask).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            let asked =
                async { bytes(call(self.env, self.name, Method::Post, "/parity", Some(body(&question))).await?).await };
            let answer = asked.await.map_err(StoreError::Unavailable)?;
            postcard::from_bytes(&answer).map_err(|error| StoreError::Corrupt(format!("answer: {error}")))
        })
    }
}

impl Collector<'_> {
    /// Records events that were written as a message.
    ///
    /// # Errors
    /// Why they may not be recorded.
    pub async fn record(&self, message: String) -> Result<(), String> {
        call(self.env, self.name, Method::Post, "/record", Some(message.into())).await.map(drop)
    }

    /// Deletes all that the object holds.
    ///
    /// # Errors
    /// Why it may still be there.
    pub async fn erase(&self) -> Result<(), String> {
        call(self.env, self.name, Method::Post, "/erase", None).await.map(drop)
    }
}

/// Names of all objects.
pub fn names(config: &Config) -> impl Iterator<Item = String> + use<> {
    let shards = config.shards;
    (0..shards).map(move |shard| shard_name(shard, shards))
}

/// Figures that were selected, of one object, less those that are known and have not changed.
///
/// # Errors
/// Why they can't be read.
pub async fn find(env: &Env, name: &str, selection: &Selection, known: Option<&Known>) -> Result<Found, String> {
    let question = postcard::to_allocvec(&(selection, known)).map_err(|error| error.to_string())?;
    let answer = bytes(call(env, name, Method::Post, "/rollups", Some(body(&question))).await?).await?;
    postcard::from_bytes(&answer).map_err(|error| format!("rollups: {error}"))
}

/// Events of a range, of all objects, and whether there are more than are given out.
///
/// # Errors
/// Why they can't be read.
pub async fn events(env: &Env, config: &Config, from_ms: u64, to_ms: u64) -> Result<(Vec<Event>, bool), String> {
    let (mut all, mut more) = (Vec::new(), false);
    for bytes in get_all(env, config, &format!("/ids?from={from_ms}&to={to_ms}")).await? {
        let (events, rest): (Vec<Event>, bool) =
            postcard::from_bytes(&bytes).map_err(|error| format!("events: {error}"))?;
        all.extend(events);
        more |= rest;
    }
    Ok((all, more))
}

/// What the objects know of an ID.
///
/// # Errors
/// Why it can't be read.
pub async fn trace(env: &Env, config: &Config, id: IdempotentId) -> Result<Sighting, String> {
    let mut all = Sighting::default();
    for bytes in get_all(env, config, &format!("/trace?id={id}")).await? {
        let Sighting { stored, absorbed } = postcard::from_bytes(&bytes).map_err(|error| format!("trace: {error}"))?;
        all.stored.extend(stored);
        all.absorbed.extend(absorbed);
    }
    Ok(all)
}

/// How much the objects hold.
///
/// # Errors
/// Why it can't be read.
pub async fn state(env: &Env, config: &Config) -> Result<Vec<LogState>, String> {
    let answers = get_all(env, config, "/state").await?;
    answers.iter().map(|bytes| postcard::from_bytes(bytes).map_err(|error| format!("state: {error}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::tests::example;
    use crate::domain::identity::Digest;

    #[test]
    fn repeats_meet_in_one_object_whatever_their_route() {
        let events: Vec<Event> = (0..100u64)
            .flat_map(|n| [0, 1].map(|copy| Event { digest: Digest(n / 2), path: format!("/{copy}"), ..example() }))
            .collect();
        let groups = by_shard(events.clone(), 4);
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), events.len());
        for n in 0..50 {
            assert_eq!(groups.iter().filter(|group| group.iter().any(|e| e.digest == Digest(n))).count(), 1);
        }
        assert_eq!(by_shard(events.clone(), 1), [events]);
    }
}
