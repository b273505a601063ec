//! The `PathCollector` object: the old path.
//!
//! Invariant: the truth is in its SQLite storage; memory holds only what was read from there and may be lost.

#![allow(missing_docs)] // of methods that the macro makes

use std::cell::{Cell, RefCell};

use serde::Serialize;
use worker::{DurableObject, Env, Method, Request, Response, Result, State, console_error, durable_object};

use model::archive::plan::Cut;
use model::counting::grain::DAY_MS;
use model::delivery::alarm;
use model::event::message;
use model::parity::selftest;
use model::reading::selection::{Known, Selection};
use store::events::details::Details;
use store::events::event_store::{EventStore, Memory};
use store::events::read::LogState;
use store::flag::copy;
use store::keeper::address_keys::{self, AddressKeys};
use store::keeper::layout::{self, Layouts};
use store::keeper::snapshot;
use store::keeper::vitals::{self, VitalSigns};
use store::parity::side::Side;
use store::sql::StoreError;

use crate::config::Config;
use crate::query::{self, parameter};
use crate::sql_object::ObjectSql;
use crate::{address_key, archive, clock, failure};

/// The event store's tables, as D1 has them.
const SCHEMA: &str = include_str!("../migrations/0001_event_store.sql");

/// The flag's tables, as D1 has them.
const FLAG_SCHEMA: &str = include_str!("../migrations/0003_flags.sql");

/// How long recorded events wait to be folded, in ms: long enough for a fold to have company, short enough for reads
/// to find little unfolded.
const FOLD_AFTER_MS: u64 = 15_000;

/// How often an idle object looks for what has had its time, in ms.
const CLEAN_EVERY_MS: u64 = 60 * 60 * 1000;

/// Steps of deletion in one alarm: nobody waits longer for the object.
const MAX_STEPS: usize = 4;

/// One object: a shard of the old path.
#[durable_object(alarm)]
pub struct PathCollector {
    state: State,
    env: Env,
    sql: ObjectSql,
    events: EventStore,
    memory: RefCell<Memory>,
    ready: Cell<bool>,
    /// When the alarm rings that this object knows to be set, in ms.
    alarm: Cell<Option<u64>>,
}

impl DurableObject for PathCollector {
    fn new(state: State, env: Env) -> Self {
        let sql = ObjectSql::new(&state);
        let config = Config::of(&env);
        let events = EventStore::new(sql.clone(), config.window_ms, config.retention);
        Self { state, env, sql, events, memory: RefCell::default(), ready: Cell::new(false), alarm: Cell::new(None) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        match self.answer(request).await {
            Ok(response) => Ok(response),
            Err(error) => {
                console_error!("PathCollector: {error}");
                Response::error(error.to_string(), 503)
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        if let Err(error) = self.clean().await {
            console_error!("PathCollector alarm: {error}; it comes again");
            self.wake_within(FOLD_AFTER_MS).await;
        }
        Response::empty()
    }
}

impl PathCollector {
    async fn answer(&self, mut request: Request) -> std::result::Result<Response, StoreError> {
        self.prepare()?;
        // Whoever asks sees to it that deletion goes on, should the platform have lost the alarm.
        self.wake_within(CLEAN_EVERY_MS).await;
        match request.method() {
            Method::Get => self.get(&request.inner().url()).await,
            Method::Post => self.post(&mut request).await,
            _ => unknown(),
        }
    }

    /// What a URL alone asks.
    async fn get(&self, url: &str) -> std::result::Result<Response, StoreError> {
        let response = match query::path(url) {
            "/layout" => packed(&Layouts::new(self.sql.clone()).read(number(url, "shards")).await?),
            "/ids" => packed(&self.events.events(number(url, "from"), number(url, "to")).await?),
            "/windows" => {
                let [from, to, most] = ["from", "to", "most"].map(|name| number(url, name));
                let windows = self.events.windows(from, to, most).await?;
                packed(&(windows.counts.into_tuple_vec(), windows.until))
            }
            "/details" => {
                let [from, to, slice, slices] = ["from", "to", "slice", "slices"].map(|name| number(url, name));
                packed(&self.events.events_in(Cut { from, to, slice, slices }).await?)
            }
            "/digests" => {
                let digests = self.events.digests(number(url, "from"), number(url, "to")).await?;
                packed(&digests)
            }
            "/trace" => match parameter(url, "id").and_then(|id| id.parse().ok()) {
                Some(id) => packed(&self.events.trace(id).await?),
                None => Response::error("`id`: give an idempotent ID", 400),
            },
            "/snapshot" => Response::ok(snapshot::read(self.sql.clone()).await?.unwrap_or_default()),
            "/vitals" => packed(&VitalSigns::new(self.sql.clone()).read(clock::now_ms()).await?),
            "/state" => {
                let state = self.events.state(clock::now_ms()).await?;
                packed(&LogState { bytes: self.sql.bytes(), ..state })
            }
            _ => return unknown(),
        };
        response.map_err(platform)
    }

    /// What is written, and questions that don't fit into a URL.
    async fn post(&self, request: &mut Request) -> std::result::Result<Response, StoreError> {
        let url = request.inner().url();
        let response = match query::path(&url) {
            "/record" => {
                let text = request.text().await.map_err(platform)?;
                return self.record(&text).await;
            }
            "/store-again" => {
                let text = request.text().await.map_err(platform)?;
                return self.store_again(&text).await;
            }
            "/address-key" => {
                let keys = AddressKeys::new(self.sql.clone());
                let key = keys.of_day(number(&url, "day"), address_key::random_bytes()).await?;
                packed(&(key.0, Layouts::new(self.sql.clone()).record(number(&url, "shards")).await?))
            }
            "/layout" => packed(&Layouts::new(self.sql.clone()).record(number(&url, "shards")).await?),
            "/rollups" => {
                let (selection, known): (Selection, Option<Known>) = self.question(request).await?;
                packed(&self.events.find(&selection, known.as_ref()).await?)
            }
            "/parity" => {
                let ask = self.question(request).await?;
                packed(&self.events.ask(&ask).await?)
            }
            "/report" => {
                let report = self.question(request).await?;
                VitalSigns::new(self.sql.clone()).report(&report, clock::now_ms()).await?;
                Response::empty()
            }
            "/flag" => {
                let text = request.text().await.map_err(platform)?;
                let held = copy::hold(self.sql.clone(), &text, clock::now_ms()).await?;
                Response::ok(held)
            }
            "/snapshot" => {
                snapshot::write(self.sql.clone(), request.text().await.map_err(platform)?).await?;
                Response::empty()
            }
            "/erase" => {
                self.state.storage().delete_all().await.map_err(platform)?;
                self.ready.set(false);
                self.alarm.set(None);
                self.memory.take();
                Response::empty()
            }
            _ => return unknown(),
        };
        response.map_err(platform)
    }

    /// What a request asks with, packed.
    async fn question<T: serde::de::DeserializeOwned>(
        &self,
        request: &mut Request,
    ) -> std::result::Result<T, StoreError> {
        let bytes = request.bytes().await.map_err(platform)?;
        postcard::from_bytes(&bytes).map_err(|error| StoreError::Corrupt(error.to_string()))
    }

    /// Makes the tables of a new object.
    fn prepare(&self) -> std::result::Result<(), StoreError> {
        if !self.ready.get() {
            self.sql.script(SCHEMA)?;
            self.sql.script(FLAG_SCHEMA)?;
            self.sql.script(address_keys::SCHEMA)?;
            self.sql.script(layout::SCHEMA)?;
            self.sql.script(vitals::SCHEMA)?;
            self.sql.script(snapshot::SCHEMA)?;
            self.ready.set(true);
        }
        Ok(())
    }

    async fn record(&self, text: &str) -> std::result::Result<Response, StoreError> {
        let now_ms = clock::now_ms();
        let parsed = message::parse(text, now_ms);
        for rejected in &parsed.rejected {
            console_error!("PathCollector rejected an event: {}", rejected.error);
        }
        // The object's own database answers without a pause, so no other call runs in between; should one ever, it
        // finds an empty memory and reads.
        let mut memory = self.memory.take();
        let recorded = self.events.record(&mut memory, &parsed.events, now_ms).await;
        self.memory.replace(memory);
        let recorded = recorded?;
        self.wake_within(FOLD_AFTER_MS).await;
        let reasons: Vec<String> = parsed.rejected.iter().map(|rejected| rejected.error.to_string()).collect();
        let answer = serde_json::json!({
            "stored": recorded.stored, "absorbed": recorded.absorbed, "rejected": reasons,
        });
        let status = if reasons.is_empty() { 200 } else { 422 };
        Response::ok(answer.to_string()).map(|response| response.with_status(status)).map_err(platform)
    }

    /// Stores events of a self-test past dedup; no others.
    async fn store_again(&self, text: &str) -> std::result::Result<Response, StoreError> {
        let now_ms = clock::now_ms();
        let events = message::parse(text, now_ms).events;
        let answered = if selftest::are_own(&events) {
            self.events.store_again(&events, now_ms).await?;
            Response::empty()
        } else {
            Response::error("only a self-test stores its events past dedup", 403)
        };
        answered.map_err(platform)
    }

    /// Sees to it that an alarm rings within `ms`; an earlier one that is set already stays. A failure is not the
    /// caller's: the next call tries again.
    async fn wake_within(&self, ms: u64) {
        let now_ms = clock::now_ms();
        let due = now_ms + ms;
        if alarm::is_set(self.alarm.get(), due, now_ms) {
            return;
        }
        let storage = self.state.storage();
        let known = storage.get_alarm().await.ok().flatten().map(i64::cast_unsigned);
        if alarm::is_set(known, due, now_ms) {
            return self.alarm.set(known);
        }
        match storage.set_alarm(ms.cast_signed()).await {
            Ok(()) => self.alarm.set(Some(due)),
            Err(error) => console_error!("PathCollector: no alarm could be set: {}", failure::reason(error)),
        }
    }

    /// Folds, deletes what has had its time, and asks to be woken again. Each step is a transaction of its own; a
    /// crash between two leaves work for the next alarm.
    async fn clean(&self) -> std::result::Result<(), StoreError> {
        self.alarm.set(None);
        self.prepare()?;
        let now_ms = clock::now_ms();
        while self.events.fold(now_ms).await? > 0 {}
        // Details that are not archived yet are kept; what can't be told now is left for the next time.
        let archived = archive::details_until(&self.env).await.unwrap_or_else(|error| {
            console_error!("PathCollector deletes no details: the archive's state: {error}");
            0
        });
        let mut more = true;
        for _ in 0..MAX_STEPS {
            more = more && self.events.prune(now_ms, archived).await?;
        }
        AddressKeys::new(self.sql.clone()).expire(now_ms / DAY_MS).await?;
        VitalSigns::new(self.sql.clone()).retire(now_ms).await?;
        // What is left to delete waits until others had their turn.
        self.wake_within(if more { FOLD_AFTER_MS } else { CLEAN_EVERY_MS }).await;
        Ok(())
    }
}

/// An answer, packed: the Worker that asks is of the same version, or of the one before or after it.
fn packed(answer: &impl Serialize) -> Result<Response> {
    let bytes = postcard::to_allocvec(answer).map_err(|error| worker::Error::RustError(error.to_string()))?;
    Response::from_bytes(bytes)
}

fn unknown() -> std::result::Result<Response, StoreError> {
    Response::error("no such operation", 404).map_err(platform)
}

fn platform(error: worker::Error) -> StoreError {
    StoreError::Unavailable(failure::reason(error))
}

/// A whole number; 0 where it is missing, which gives an empty range.
fn number(url: &str, name: &str) -> u64 {
    parameter(url, name).and_then(|text| text.parse().ok()).unwrap_or_default()
}
