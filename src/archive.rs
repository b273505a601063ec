//! The archive in R2: cron's share of it, and up to where details may be deleted.
//!
//! Invariant: with the binding, nothing is deleted that is not archived; without it, details are deleted on schedule,
//! and that is said.

use std::cell::Cell;

use js_sys::futures::JsFuture;
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::{Env, HttpMetadata, console_error, console_log};

use model::archive::Day;
use model::counting::grain::DAY_MS;
use model::reading::trace::Archiving;
use store::archive::archiver::{Archive, Bucket, Held, Settings};
use store::archive::days::ArchiveDays;
use store::events::read::EventReader;
use store::events::retention::MIN_SEGMENT_AGE_MS;
use store::sql::StoreError;

use crate::collector_client::Collectors;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::sql_d1::D1Sql;
use crate::{clock, counters};

/// Binding of the bucket.
pub const BINDING: &str = "ARCHIVE";

/// Steps that one run takes at the most: 100,000 events a minute.
const MAX_STEPS: usize = 4;

/// Time after which a run takes no further step, in ms.
const RUN_MS: u64 = 15_000;

#[wasm_bindgen]
extern "C" {
    /// The platform's gzip: a crate's would be a tenth of the Worker.
    type CompressionStream;

    #[wasm_bindgen(constructor)]
    fn new(format: &str) -> CompressionStream;

    type Readable;

    #[wasm_bindgen(method, catch, js_name = pipeThrough)]
    fn pipe_through(this: &Readable, stream: &CompressionStream) -> Result<web_sys::ReadableStream, JsValue>;
}

/// An R2 bucket.
#[derive(Debug)]
pub struct R2(worker::Bucket);

impl R2 {
    /// The archive's bucket, if it is bound.
    pub fn of(env: &Env) -> Option<Self> {
        env.bucket(BINDING).ok().map(Self)
    }

    /// A file, as a response whose body is passed on while it is read; none if there is none.
    ///
    /// # Errors
    /// The platform's message.
    pub async fn get(&self, name: &str) -> Result<Option<worker::Response>, worker::Error> {
        let Some(object) = self.0.get(name).execute().await? else { return Ok(None) };
        let Some(body) = object.body() else { return Ok(None) };
        let mut response = worker::Response::from_body(body.response_body()?)?;
        response.headers_mut().set("Content-Type", content_type(name))?;
        Ok(Some(response))
    }
}

/// Parts are files of their own, and not to be unpacked on the way.
fn content_type(name: &str) -> &'static str {
    if name.contains("/part-") { "application/gzip" } else { "application/json" }
}

fn failed(error: impl Into<worker::Error>) -> StoreError {
    StoreError::Unavailable(format!("{BINDING}: {}", error.into()))
}

impl Bucket for R2 {
    async fn gzip(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let body = |response: &web_sys::Response| response.body().ok_or_else(|| failed("a response has no body"));
        let plain = web_sys::Response::new_with_opt_u8_array(Some(&mut bytes)).map_err(failed)?;
        drop(bytes);
        let readable: Readable = JsValue::from(body(&plain)?).unchecked_into();
        let stream = readable.pipe_through(&CompressionStream::new("gzip")).map_err(failed)?;
        let packed = web_sys::Response::new_with_opt_readable_stream(Some(&stream)).map_err(failed)?;
        let buffer = JsFuture::from(packed.array_buffer().map_err(failed)?).await.map_err(failed)?;
        Ok(js_sys::Uint8Array::new(&buffer).to_vec())
    }

    async fn put(&self, name: &str, bytes: Vec<u8>, sha256: [u8; 32]) -> Result<(), StoreError> {
        let metadata = HttpMetadata { content_type: Some(content_type(name).to_owned()), ..HttpMetadata::default() };
        let put = self.0.put(name, bytes).sha256(sha256).http_metadata(metadata);
        put.execute().await.map(drop).map_err(failed)
    }

    async fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(object) = self.0.get(name).execute().await.map_err(failed)? else { return Ok(None) };
        if object.size() > most {
            return Err(failed(format!("{name} has {} bytes, more than {most}", object.size())));
        }
        let Some(body) = object.body() else { return Ok(None) };
        body.bytes().await.map(Some).map_err(failed)
    }

    async fn head(&self, name: &str) -> Result<Option<Held>, StoreError> {
        let held = |object: worker::Object| Held {
            bytes: object.size(),
            sha256: object.checksum().sha256.and_then(|bytes| bytes.try_into().ok()),
        };
        Ok(self.0.head(name).await.map_err(failed)?.map(held))
    }
}

/// How long details are kept at the least, in ms.
pub fn kept_ms(config: &Config) -> u64 {
    config.retention.details_ms.max(MIN_SEGMENT_AGE_MS)
}

fn days(env: &Env, deadline: Deadline) -> Result<ArchiveDays, StoreError> {
    D1Sql::until(env, deadline).map(ArchiveDays::new)
}

/// Until when details may be deleted (ms): what is not archived yet is kept, where there is an archive.
///
/// # Errors
/// When it can't be told what is archived: nothing may be deleted then.
pub async fn details_until(env: &Env) -> Result<u64, StoreError> {
    if R2::of(env).is_none() { Ok(u64::MAX) } else { days(env, Deadline::BACKGROUND)?.archived_until().await }
}

/// Does the archive's next few steps.
///
/// # Errors
/// [`StoreError`]; the next run goes on where this one stood.
pub async fn scheduled(env: &Env, config: &Config) -> Result<(), StoreError> {
    let Some(bucket) = R2::of(env) else {
        thread_local! { static SAID: Cell<bool> = const { Cell::new(false) }; }
        if !SAID.replace(true) {
            let days = config.retention.details_ms / DAY_MS;
            console_log!("No R2 bucket is bound as {BINDING}: details are deleted after {days} days, unarchived");
        }
        return Ok(());
    };
    let archive = Archive {
        days: &days(env, Deadline::BACKGROUND)?,
        old: &Collectors { env, config },
        new: &EventReader::new(D1Sql::of(env)?),
        bucket: &bucket,
        settings: Settings::new(config.window_ms, kept_ms(config)),
    };
    let begin = clock::now_ms();
    let mut steps = 0;
    let go_on = || {
        steps += 1;
        steps < MAX_STEPS && clock::now_ms().saturating_sub(begin) < RUN_MS
    };
    // 1. It may be interrupted anywhere: `crates/store/src/archive/archiver.rs` says why.
    let done = archive.run(begin, go_on).await.inspect_err(|_| counters::add("archive_failed", 1))?;
    for day in done {
        console_log!("Archived: {day}");
    }
    Ok(())
}

/// What health says of the archive.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchiveState {
    /// Whether a bucket is bound. If not, details are deleted on schedule.
    bound: bool,
    /// How long details are kept at the least, in days.
    details_days: u64,
    /// What is before is archived, in ms; 0 before the first day is.
    archived_until: u64,
}

/// Time that the archive has for a day that is due, in ms.
const GRACE_MS: u64 = 2 * DAY_MS;

impl ArchiveState {
    /// What is before is archived, in ms; 0 before the first day is. None where no bucket is bound.
    pub fn until_ms(&self) -> Option<u64> {
        self.bound.then_some(self.archived_until)
    }

    /// How much later than it should the oldest day that waits is, in ms; none while it is in time.
    pub fn behind_ms(&self, now_ms: u64) -> Option<u64> {
        let due = self.archived_until + (self.details_days + 1) * DAY_MS + GRACE_MS;
        (self.bound && self.archived_until > 0).then(|| now_ms.checked_sub(due)).flatten()
    }
}

/// How far the archive is with a day; none without a bucket, or if it began later.
///
/// # Errors
/// [`StoreError`].
pub async fn state_of(env: &Env, day: Day, deadline: Deadline) -> Result<Option<Archiving>, StoreError> {
    if R2::of(env).is_none() { Ok(None) } else { days(env, deadline)?.state_of(day).await }
}

/// Where the archive stands.
///
/// # Errors
/// [`StoreError`].
pub async fn state(env: &Env, config: &Config, deadline: Deadline) -> Result<ArchiveState, StoreError> {
    let archived_until =
        days(env, deadline)?.archived_until().await.inspect_err(|error| console_error!("Archive: {error}"))?;
    Ok(ArchiveState {
        bound: R2::of(env).is_some(),
        details_days: config.retention.details_ms / DAY_MS,
        archived_until,
    })
}
