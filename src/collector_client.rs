//! Calling the `PathCollector` objects.
//!
//! Invariant: an event goes to the object that [`crate::layout`] names, and a question to all of them.

use std::rc::Rc;

use futures_util::future::join_all;
use js_sys::Uint8Array;
use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, Request, RequestInit, Response};
use worker::worker_sys::DurableObject;
use worker::{Env, Error};

use model::archive::plan::{Cut, Windows};
use model::delivery::layout::Layout;
use model::event::Event;
use model::event::address::{DailyKey, KEY_BYTES};
use model::event::identity::{Digest, IdempotentId};
use model::event::message::Written;
use model::flag::obeyed::Held;
use model::parity::ask::{Answer, Ask};
use model::reading::selection::{Known, Selection};
use store::events::details::Details;
use store::events::read::{Found, LogState, Sighting};
use store::keeper::vitals::{Report, Vitals};
use store::parity::side::Side;
use store::sql::{LocalFuture, StoreError};

use crate::config::Config;
use crate::deadline::Deadline;
use crate::{clock, failure, layout};

/// Binding of the object namespace.
pub const BINDING: &str = "PATH_COLLECTOR";

/// The object that keeps what there is once: address keys, vital signs, the flag's copy, the number of objects.
const KEEPER: &str = "default";

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

/// Asks an object; gives the answer's bytes, as far as they are there in time.
async fn ask_object(
    env: &Env,
    deadline: Deadline,
    name: &str,
    method: &str,
    path: &str,
    body: Option<JsValue>,
) -> Result<Vec<u8>, StoreError> {
    let asked = async { bytes(call(env, name, method, path, body).await?).await };
    deadline.within(async { asked.await.map_err(StoreError::Unavailable) }).await
}

/// Tells an object to do something whose answer says nothing.
async fn tell(env: &Env, name: &str, path: &str, body: Option<JsValue>) -> Result<(), String> {
    let told = async { call(env, name, "POST", path, body).await.map(drop).map_err(StoreError::Unavailable) };
    Deadline::BACKGROUND.within(told).await.map_err(|error| match error {
        StoreError::Unavailable(text) => text,
        error => error.to_string(),
    })
}

/// What an object answered, packed.
fn unpacked<T: serde::de::DeserializeOwned>(what: &str, answer: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(answer).map_err(|error| StoreError::Corrupt(format!("{what}: {error}")))
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
    answered.await.map_err(|error: Error| failure::reason(error))?
}

/// Records events of one object, written as `message`.
///
/// # Errors
/// Why they may not be recorded.
pub async fn record(env: &Env, shards: u64, events: &[Rc<Written>], message: String) -> Result<(), String> {
    let Some(first) = events.first() else { return Ok(()) };
    let name = layout::shard_name(first.event().digest.0 % shards.max(1), shards);
    Collector { env, name: &name }.record(message).await
}

/// The address key of a day (UTC days since 1970), and how many objects there are, which is recorded then.
///
/// # Errors
/// Why they can't be had.
pub async fn address_key(env: &Env, config: &Config, day: u64) -> Result<(DailyKey, Layout), String> {
    // One object keeps the keys, however many keep events.
    let path = format!("/address-key?day={day}&shards={}", config.shards);
    let answer = ask_object(env, Deadline::BACKGROUND, KEEPER, "POST", &path, None).await;
    let (key, layout): ([u8; KEY_BYTES], Layout) =
        answer.and_then(|bytes| unpacked("address key", &bytes)).map_err(|error| error.to_string())?;
    Ok((DailyKey(key), layout))
}

/// How many objects there are; recorded then, if `record` says so.
///
/// # Errors
/// [`StoreError`].
pub async fn layout(env: &Env, config: &Config, record: bool, deadline: Deadline) -> Result<Layout, StoreError> {
    let (method, path) = (if record { "POST" } else { "GET" }, format!("/layout?shards={}", config.shards));
    unpacked("layout", &ask_object(env, deadline, KEEPER, method, &path, None).await?)
}

/// Tells the object of a flag document and of stops, and gives what it holds then. One object keeps that for all.
///
/// # Errors
/// Why it may not know; repeating is harmless.
pub async fn flag(env: &Env, told: &Held, deadline_ms: u64) -> Result<Held, String> {
    let text = serde_json::to_string(told).map_err(|error| error.to_string())?;
    let asked = async { bytes(call(env, KEEPER, "POST", "/flag", Some(text.into())).await?).await };
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
    tell(env, KEEPER, "/report", Some(body(&bytes))).await
}

/// What all isolates counted, and when jobs ran.
///
/// # Errors
/// Why it can't be read.
pub async fn vitals(env: &Env, deadline: Deadline) -> Result<Vitals, StoreError> {
    unpacked("vitals", &ask_object(env, deadline, KEEPER, "GET", "/vitals", None).await?)
}

/// Keeps the dashboard's summary in place of the one before. One object does that for all.
///
/// # Errors
/// Why it may not be there.
pub async fn write_snapshot(env: &Env, text: &str) -> Result<(), StoreError> {
    ask_object(env, Deadline::BACKGROUND, KEEPER, "POST", "/snapshot", Some(text.into())).await.map(drop)
}

/// The dashboard's summary, if one is kept.
///
/// # Errors
/// Why it can't be read.
pub async fn snapshot(env: &Env, deadline: Deadline) -> Result<Option<String>, StoreError> {
    let text = ask_object(env, deadline, KEEPER, "GET", "/snapshot", None).await?;
    let text = String::from_utf8(text).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// The body of an answer, at once: read as a stream, as the wrapper does it, it comes in many small parts.
async fn bytes(response: Response) -> Result<Vec<u8>, String> {
    let read = async { Ok(Uint8Array::new(&JsFuture::from(response.array_buffer()?).await?).to_vec()) };
    read.await.map_err(|error: Error| failure::reason(error))
}

/// What each object answers to a question, by its name. Where it can't be told how many there are, the one that should
/// have told that did not answer.
pub async fn of_each<T>(
    env: &Env,
    config: &Config,
    deadline: Deadline,
    ask: impl AsyncFn(&str) -> Result<T, StoreError>,
) -> Vec<(String, Result<T, StoreError>)> {
    let asked = async |name: String| {
        let answer = ask(&name).await;
        (name, answer)
    };
    match names(env, config, deadline).await {
        Ok(names) => join_all(names.map(asked)).await,
        Err(error) => vec![(KEEPER.to_owned(), Err(error))],
    }
}

/// What each object answers, by its name.
async fn each<T: serde::de::DeserializeOwned>(
    env: &Env,
    config: &Config,
    deadline: Deadline,
    path: &str,
) -> Vec<(String, Result<T, StoreError>)> {
    let ask = async |name: &str| {
        let answer = ask_object(env, deadline, name, "GET", path, None).await?;
        unpacked(path.split('?').next().unwrap_or_default(), &answer)
    };
    of_each(env, config, deadline, ask).await
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
            let names = names(self.env, self.config, Deadline::BACKGROUND).await?;
            let asked = names.map(|name| async move { Collector { env: self.env, name: &name }.ask(ask).await });
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
        for name in names(self.env, self.config, Deadline::BACKGROUND).await? {
            let answer = ask_object(self.env, Deadline::BACKGROUND, &name, "GET", path, None).await?;
            take(unpacked("details", &answer)?);
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
            let question = Some(body(&question));
            let answer = ask_object(self.env, Deadline::BACKGROUND, self.name, "POST", "/parity", question);
            unpacked("answer", &answer.await?)
        })
    }
}

impl Collector<'_> {
    /// Records events that were written as a message.
    ///
    /// # Errors
    /// Why they may not be recorded.
    pub async fn record(&self, message: String) -> Result<(), String> {
        tell(self.env, self.name, "/record", Some(message.into())).await
    }

    /// Stores events of a self-test, written as a message, past dedup.
    ///
    /// # Errors
    /// Why they may not be stored.
    pub async fn store_again(&self, message: String) -> Result<(), String> {
        call(self.env, self.name, "POST", "/store-again", Some(message.into())).await.map(drop)
    }

    /// Deletes all that the object holds.
    ///
    /// # Errors
    /// Why it may still be there.
    pub async fn erase(&self) -> Result<(), String> {
        tell(self.env, self.name, "/erase", None).await
    }
}

/// Names of all objects.
///
/// # Errors
/// Why it can't be told how many there are.
async fn names(
    env: &Env,
    config: &Config,
    deadline: Deadline,
) -> Result<impl Iterator<Item = String> + use<>, StoreError> {
    let shards = layout::to_read(env, config, deadline).await?;
    Ok((0..shards).map(move |shard| layout::shard_name(shard, shards)))
}

/// Figures that were selected, of one object, less those that are known and have not changed.
///
/// # Errors
/// Why they can't be read.
pub async fn find(
    env: &Env,
    name: &str,
    selection: &Selection,
    known: Option<&Known>,
    deadline: Deadline,
) -> Result<Found, StoreError> {
    let question =
        postcard::to_allocvec(&(selection, known)).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    unpacked("rollups", &ask_object(env, deadline, name, "POST", "/rollups", Some(body(&question))).await?)
}

/// Events of a range, by object, and whether there are more than are given out.
pub async fn events(
    env: &Env,
    config: &Config,
    from_ms: u64,
    to_ms: u64,
    deadline: Deadline,
) -> Vec<(String, Result<(Vec<Event>, bool), StoreError>)> {
    each(env, config, deadline, &format!("/ids?from={from_ms}&to={to_ms}")).await
}

/// What each object knows of an ID.
pub async fn trace(
    env: &Env,
    config: &Config,
    id: IdempotentId,
    deadline: Deadline,
) -> Vec<(String, Result<Sighting, StoreError>)> {
    each(env, config, deadline, &format!("/trace?id={id}")).await
}

/// How much each object holds.
pub async fn state(env: &Env, config: &Config, deadline: Deadline) -> Vec<(String, Result<LogState, StoreError>)> {
    each(env, config, deadline, "/state").await
}
