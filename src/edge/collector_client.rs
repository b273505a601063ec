//! Calling the `PathCollector` objects.
//!
//! Invariant: an event's object is chosen by its digest alone, so that all repeats of it meet in one object, whatever
//! route they were given, and a busy route doesn't fill one object.

use std::rc::Rc;

use futures_util::future::join_all;
use js_sys::Uint8Array;
use js_sys::futures::JsFuture;
use litemap::LiteMap;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, Request, RequestInit, Response};
use worker::worker_sys::DurableObject;
use worker::{Env, Error};

use crate::domain::address::DailyKey;
use crate::domain::archive::plan::{Cut, Windows};
use crate::domain::event::Event;
use crate::domain::flag::obeyed::Held;
use crate::domain::identity::{Digest, IdempotentId};
use crate::domain::message::Written;
use crate::domain::parity::ask::{Answer, Ask};
use crate::domain::selection::{Known, Selection};
use crate::store::details::Details;
use crate::store::parity::side::Side;
use crate::store::read::{Found, LogState, Sighting};
use crate::store::sql::{LocalFuture, StoreError};
use crate::store::vitals::{Report, Vitals};

use super::clock;
use super::config::Config;

/// Binding of the object namespace.
pub const BINDING: &str = "PATH_COLLECTOR";

/// Splits events by the object that keeps them.
pub fn by_shard(events: Vec<Rc<Written>>, shards: u64) -> Vec<Vec<Rc<Written>>> {
    if shards <= 1 {
        return vec![events];
    }
    let mut groups: LiteMap<u64, Vec<Rc<Written>>> = LiteMap::new();
    for written in events {
        groups.entry(written.event().digest.0 % shards).or_default().push(written);
    }
    groups.into_iter().map(|(_, events)| events).collect()
}

fn shard_name(shard: u64, shards: u64) -> String {
    if shards <= 1 { "default".to_owned() } else { format!("default-{shard}") }
}

fn object(env: &Env, name: &str) -> Result<DurableObject, Error> {
    Ok(env.durable_object(BINDING)?.get_by_name(name)?.into_rpc())
}

/// Bytes as a request's body.
fn body(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

/// Calls a request back when it is dropped: one that nobody waits for any more would keep one of the few connections.
struct CallBack(Option<AbortController>);

impl Drop for CallBack {
    fn drop(&mut self) {
        if let Some(controller) = self.0.take() {
            controller.abort();
        }
    }
}

/// Sends a request to an object and expects success.
async fn call(env: &Env, name: &str, method: &str, path: &str, body: Option<JsValue>) -> Result<Response, String> {
    let answered = async {
        let init = RequestInit::new();
        init.set_method(method);
        if let Some(body) = &body {
            init.set_body(body);
        }
        let controller = AbortController::new()?;
        init.set_signal(Some(&controller.signal()));
        let request = Request::new_with_str_and_init(&format!("https://collector{path}"), &init)?;
        let mut call_back = CallBack(Some(controller));
        let answered = JsFuture::from(object(env, name)?.fetch_with_request(&request)?).await;
        call_back.0 = None;
        let response: Response = answered?.unchecked_into();
        if response.ok() {
            return Ok(Ok(response));
        }
        let said = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
        Ok(Err(format!("object {name} answered {}: {said}", response.status())))
    };
    answered.await.map_err(|error: Error| error.to_string())?
}

/// Records events of one object, written as `message`.
///
/// # Errors
/// Why they may not be recorded.
pub async fn record(env: &Env, config: &Config, events: &[Rc<Written>], message: String) -> Result<(), String> {
    let Some(first) = events.first() else { return Ok(()) };
    let name = shard_name(first.event().digest.0 % config.shards, config.shards);
    Collector { env, name: &name }.record(message).await
}

/// The address key of a day (UTC days since 1970).
///
/// # Errors
/// Why it can't be had.
pub async fn address_key(env: &Env, day: u64) -> Result<DailyKey, String> {
    // One object keeps the keys, however many keep events.
    let key = bytes(call(env, "default", "POST", &format!("/address-key?day={day}"), None).await?).await?;
    key.try_into().map(DailyKey).map_err(|bytes: Vec<u8>| format!("a key of {} bytes", bytes.len()))
}

/// Tells the object of a flag document and of stops, and gives what it holds then. One object keeps that for all.
///
/// # Errors
/// Why it may not know; repeating is harmless.
pub async fn flag(env: &Env, told: &Held, deadline_ms: u64) -> Result<Held, String> {
    let text = serde_json::to_string(told).map_err(|error| error.to_string())?;
    let asked = async { bytes(call(env, "default", "POST", "/flag", Some(text.into())).await?).await };
    match clock::within_ms(deadline_ms, asked).await {
        Some(answer) => serde_json::from_slice(&answer?).map_err(|error| format!("the object's flag: {error}")),
        None => Err(format!("the object gave no answer within {deadline_ms} ms")),
    }
}

/// Hands in what this isolate counted, and the jobs that it ran. One object keeps that for all.
///
/// # Errors
/// Why it may not be there.
pub async fn report(env: &Env, report: &Report) -> Result<(), String> {
    let bytes = postcard::to_allocvec(report).map_err(|error| error.to_string())?;
    call(env, "default", "POST", "/report", Some(body(&bytes))).await.map(drop)
}

/// What all isolates counted, and when jobs ran.
///
/// # Errors
/// Why it can't be read.
pub async fn vitals(env: &Env) -> Result<Vitals, String> {
    let answer = bytes(call(env, "default", "GET", "/vitals", None).await?).await?;
    postcard::from_bytes(&answer).map_err(|error| format!("vitals: {error}"))
}

/// The body of an answer, at once: read as a stream, as the wrapper does it, it comes in many small parts.
async fn bytes(response: Response) -> Result<Vec<u8>, String> {
    let read = async { Ok(Uint8Array::new(&JsFuture::from(response.array_buffer()?).await?).to_vec()) };
    read.await.map_err(|error: Error| error.to_string())
}

/// Asks every object and gives all answers' bytes.
async fn get_all(env: &Env, config: &Config, path: &str) -> Result<Vec<Vec<u8>>, String> {
    let ask = |name: String| async move { bytes(call(env, &name, "GET", path, None).await?).await };
    join_all(names(config).map(ask)).await.into_iter().collect()
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
            let asked =
                names(self.config).map(|name| async move { Collector { env: self.env, name: &name }.ask(ask).await });
            let mut answers = join_all(asked).await.into_iter();
            let mut sum = answers.next().unwrap_or_else(|| Err(StoreError::Unavailable("no object".to_owned())))?;
            for answer in answers {
                sum.add(answer?)?;
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
        for name in names(self.config) {
            let asked = async { bytes(call(self.env, &name, "GET", path, None).await?).await };
            let answer = asked.await.map_err(StoreError::Unavailable)?;
            take(postcard::from_bytes(&answer).map_err(|error| StoreError::Corrupt(format!("details: {error}")))?);
        }
        Ok(())
    }
}

impl Details for Collectors<'_> {
    async fn windows(&self, from: u64, to: u64, most: u64) -> Result<Windows, StoreError> {
        let mut all = Windows { until: to, ..Windows::default() };
        let path = format!("/windows?from={from}&to={to}&most={most}");
        let add =
            |(counts, until): (Vec<(u64, u64)>, u64)| all.add(Windows { counts: counts.into_iter().collect(), until });
        self.each(&path, add).await?;
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
                async { bytes(call(self.env, self.name, "POST", "/parity", Some(body(&question))).await?).await };
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
        call(self.env, self.name, "POST", "/record", Some(message.into())).await.map(drop)
    }

    /// Deletes all that the object holds.
    ///
    /// # Errors
    /// Why it may still be there.
    pub async fn erase(&self) -> Result<(), String> {
        call(self.env, self.name, "POST", "/erase", None).await.map(drop)
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
    let answer = bytes(call(env, name, "POST", "/rollups", Some(body(&question))).await?).await?;
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
        let event = |n, copy| Event { digest: Digest(n), path: format!("/{copy}"), ..example() };
        let copies = |n| [0, 1].map(|copy| Rc::new(Written::of(event(n, copy)).unwrap()));
        let events: Vec<Rc<Written>> = (0..50).flat_map(copies).collect();
        let groups = by_shard(events.clone(), 4);
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), events.len());
        for n in 0..50 {
            let has = |group: &&Vec<Rc<Written>>| group.iter().any(|written| written.event().digest == Digest(n));
            assert_eq!(groups.iter().filter(has).count(), 1);
        }
        assert_eq!(by_shard(events.clone(), 1), [events]);
    }
}
