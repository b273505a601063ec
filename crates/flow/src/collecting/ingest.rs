//! Requests that were served elsewhere: another Worker reports them over a binding, or a batch of them comes over HTTP.
//!
//! Invariant: a reported request has the ID, the digest, the route and the way that the gateway would have given it, so
//! that it counts once, whoever reports it and however often. One that can't be counted is refused by name, and those
//! beside it are not.

use std::net::IpAddr;
use std::rc::Rc;

use api::ingest::{
    IngestAnswer, IngestBatch, MAX_KEY_BYTES, MAX_PATH_BYTES, MAX_REQUESTS, ReportedOutcome, ReportedRequest,
};
use litemap::LiteMap;
use model::counting::grain::DAY_MS;
use model::error::InputError;
use model::event::address::AddressHashing;
use model::event::{MAX_AGE_MS, MAX_AHEAD_MS, MAX_METHOD_BYTES};
use model::flag::Flag;
use model::sorted;
use serde_json::value::RawValue;

use super::address_key;
use super::collect::{self, Identity, ObservedRequest};
use super::deliver::DeliveryStep;
use crate::app::App;
use crate::error::Error;
use crate::flag::cache;

/// Longest body, in bytes.
pub const MAX_BODY_BYTES: usize = 1_000_000;

/// How old a reported request may be, in ms: 3 days. The other 4 of the 7 in which events are counted once are left for
/// the queue and its slow lane.
pub const MAX_REPORT_AGE_MS: u64 = 3 * DAY_MS;
const _: () = assert!(MAX_REPORT_AGE_MS + 4 * DAY_MS <= MAX_AGE_MS);

/// How long the caller waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngestWait {
    /// Until its requests are in the buffer, where they wait for others: a Worker that reports each request by itself.
    Buffered,
    /// Until they are written.
    Written,
}

/// A batch that was taken, and what is left to do for it under `waitUntil`.
pub struct TakenBatch {
    /// What the caller is told.
    pub answer: IngestAnswer,
    steps: Vec<DeliveryStep>,
    began_ms: u64,
}

impl TakenBatch {
    /// Writes what the batch has to write.
    ///
    /// # Errors
    /// Meanwhile events were lost, of this batch or of another.
    pub async fn finish(self, app: &App) -> Result<(), Error> {
        let lost = app.isolate.counters.of("lost");
        for step in self.steps {
            collect::finish(step, app, self.began_ms).await;
        }
        if app.isolate.counters.of("lost") == lost {
            return Ok(());
        }
        Err(Error::unavailable("neither path took all of it: send the same again, what was counted counts once"))
    }
}

/// Takes a batch, given as JSON.
///
/// # Errors
/// It is not a batch. What is wrong with single requests is in the answer.
pub async fn take(app: &App, text: &str, wait: IngestWait) -> Result<TakenBatch, Error> {
    let batch = batch(text)?;
    let began_ms = app.now_ms();
    let mut day_keys = DayKeys::default();
    let mut accepted = Vec::new();
    let mut seen = Vec::new();
    let mut answer = IngestAnswer::default();
    for reported in &batch.requests {
        let outcome = match checked(app, reported.get(), began_ms) {
            Err(error) => {
                answer.refused += 1;
                ReportedOutcome::Refused { reason: error.to_string() }
            }
            Ok((_, Identity { id, digest })) if !sorted::insert(&mut seen, (id, digest)) => {
                answer.repeated += 1;
                ReportedOutcome::Repeated { id }
            }
            Ok((observed, identity)) => {
                answer.accepted += 1;
                day_keys.learn(app, observed.started_ms, began_ms).await;
                accepted.push((observed, identity));
                ReportedOutcome::Accepted { id: identity.id }
            }
        };
        answer.results.push(outcome);
    }
    app.count("ingested", answer.accepted);
    app.count("ingest_repeated", answer.repeated);
    app.count("ingest_refused", answer.refused);
    let flag = cache::current(app).await;
    Ok(TakenBatch { answer, steps: record(app, &flag, &day_keys, accepted, wait), began_ms })
}

/// Adds the requests to the buffer. From here on nothing waits, so that their numbers have no gap.
fn record(
    app: &App,
    flag: &Flag,
    day_keys: &DayKeys,
    accepted: Vec<(ObservedRequest, Identity)>,
    wait: IngestWait,
) -> Vec<DeliveryStep> {
    let now_ms = app.now_ms();
    let add = |(observed, identity): (ObservedRequest, Identity)| {
        let hashing = day_keys.of(observed.started_ms);
        collect::record_as(app, flag, &hashing, observed, identity, now_ms)
    };
    let mut steps: Vec<DeliveryStep> = accepted.into_iter().map(add).collect();
    if wait == IngestWait::Written && !steps.is_empty() {
        // Nobody else is waited for: what is in the buffer goes now, and whoever was to send it finds nothing.
        steps.retain(|step| matches!(step, DeliveryStep::Send(_)));
        steps.push(DeliveryStep::Send(app.isolate.buffer.borrow_mut().take()));
    }
    steps
}

/// How addresses of each day are hashed.
#[derive(Default)]
struct DayKeys(LiteMap<u64, Rc<AddressHashing>>);

impl DayKeys {
    async fn learn(&mut self, app: &App, started_ms: u64, now_ms: u64) {
        let day = started_ms / DAY_MS;
        if self.0.contains_key(&day) {
            return;
        }
        // Keys live for two days. What is older has no address that could be told from others of its day.
        let is_kept = day + 1 >= now_ms / DAY_MS;
        let hashing = if is_kept { address_key::of(app, started_ms).await } else { Rc::new(AddressHashing::Withheld) };
        self.0.insert(day, hashing);
    }

    fn of(&self, started_ms: u64) -> Rc<AddressHashing> {
        self.0.get(&(started_ms / DAY_MS)).cloned().unwrap_or_else(|| Rc::new(AddressHashing::Withheld))
    }
}

fn batch(text: &str) -> Result<IngestBatch<&RawValue>, Error> {
    const REMEDY: &str =
        r#"give {"requests":[{"key":…,"method":…,"path":…,"status":…,"startedAt":…,"responseTime":…}]}"#;
    let batch: IngestBatch<&RawValue> =
        serde_json::from_str(text).map_err(|error| Error::input(format_args!("body: {error}; {REMEDY}")))?;
    match batch.requests.len() {
        1..=MAX_REQUESTS => Ok(batch),
        found => Err(Error::input(format_args!("`requests`: {found} of them; give 1 to {MAX_REQUESTS}"))),
    }
}

/// Reads one request, and says who it is.
fn checked(app: &App, text: &str, now_ms: u64) -> Result<(ObservedRequest, Identity), InputError> {
    let reported: ReportedRequest = model::error::read_json("request", text, "see POST events in docs/openapi.json")?;
    let observed = observed(reported, now_ms)?;
    let identity = collect::identify(app, &observed)?;
    Ok((observed, identity))
}

fn observed(reported: ReportedRequest, now_ms: u64) -> Result<ObservedRequest, InputError> {
    let ReportedRequest { key, method, mut path, status, started_at, response_time, client_address } = reported;
    let is_printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if !(1..=MAX_KEY_BYTES).contains(&key.len()) || !is_printable(&key) {
        return Err(refused("key", &key, format!("give 1 to {MAX_KEY_BYTES} visible ASCII characters")));
    }
    if !(1..=MAX_METHOD_BYTES).contains(&method.len()) || !is_printable(&method) {
        return Err(refused("method", &method, format!("give a method of at most {MAX_METHOD_BYTES} characters")));
    }
    if !path.starts_with('/') || path.len() > MAX_PATH_BYTES {
        return Err(refused(
            "path",
            &path,
            format!("give a path that begins with / and has at most {MAX_PATH_BYTES} bytes"),
        ));
    }
    path.truncate(path.find(['?', '#']).unwrap_or(path.len()));
    if !(100..=599).contains(&status) {
        return Err(refused("status", &status.to_string(), "give a status from 100 to 599".into()));
    }
    if started_at > now_ms + MAX_AHEAD_MS {
        let remedy = format!("give ms since 1970, at most {} min ahead of {now_ms}", MAX_AHEAD_MS / 60_000);
        return Err(refused("startedAt", &started_at.to_string(), remedy));
    }
    if started_at < now_ms.saturating_sub(MAX_REPORT_AGE_MS) {
        let remedy = format!("give ms since 1970, at most {} days before {now_ms}", MAX_REPORT_AGE_MS / DAY_MS);
        return Err(refused("startedAt", &started_at.to_string(), remedy));
    }
    if client_address.as_ref().is_some_and(|address| address.parse::<IpAddr>().is_err()) {
        // The value is not shown: it may be an address all the same.
        return Err(refused(
            "clientAddress",
            "a text",
            "give an IPv4 or IPv6 address without a port, or leave it out".into(),
        ));
    }
    Ok(ObservedRequest {
        address: client_address,
        request_id: Some(key),
        method,
        path,
        status,
        started_ms: started_at,
        response_time_ms: response_time,
    })
}

fn refused(field: &str, found: &str, remedy: String) -> InputError {
    InputError::field(field, found, remedy)
}
