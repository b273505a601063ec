//! Adds events to the buffer, and writes them to the object and to the queue.
//!
//! Invariant: every event leaves the isolate's buffer exactly once, in a [`flush`] that writes it or counts it as lost.

use std::future::Future;
use std::rc::Rc;

use model::delivery::bounds::{Bounds, FLUSH_MS};
use model::delivery::coalesce;
use model::event::Event;
use model::event::message::EncodedEvent;
use model::flag::route::Destinations;
use store::sql::StoreError;

use super::flush::{self, FlushPlatform};
use super::write_path::WritePath;
use crate::app::App;
use crate::isolate::BufferedEvent;
use crate::objects::{all, layout};
use crate::port::Failure;

/// How long the platform lets work under `waitUntil` go on, in ms, less a second for what is late in it.
const WAIT_UNTIL_MS: u64 = 29_000;

/// What a flush has at least, in ms: a clock that was set meanwhile says nothing, and a write and its fallback are tried
/// whatever it says.
const LEAST_MS: u64 = 4_000;

/// What the request has to do after adding an event to the buffer.
pub type DeliveryStep = coalesce::BufferStep<BufferedEvent>;

/// Adds one event, the isolate's next one by number, to the buffer, to be written together with others. The same
/// request must pass the result to [`finish`].
pub fn add(app: &App, mut event: Event, to: Destinations, now_ms: u64) -> DeliveryStep {
    let mut buffer = app.isolate.buffer.borrow_mut();
    let seq = event.seq;
    event.write = buffer.write_of(seq);
    let Some(event) = written(app, event) else { return DeliveryStep::Follow };
    buffer.add(BufferedEvent { event, to }, seq, to, now_ms, app.config.limits)
}

/// Serialises an event. This can't fail for our types; if it did, the event would be lost.
fn written(app: &App, event: Event) -> Option<Rc<EncodedEvent>> {
    let id = event.idempotent_id;
    let failed = |error| {
        app.count("lost", 1);
        app.error(format_args!("Event lost: {id} | {error}"));
    };
    EncodedEvent::of(event).map(Rc::new).map_err(failed).ok()
}

/// Does what [`add`] left to do, under a `waitUntil` that began at `began_ms`.
pub async fn finish(next: DeliveryStep, app: &App, began_ms: u64) {
    let events = match next {
        DeliveryStep::Follow => return,
        DeliveryStep::Send(events) => events,
        DeliveryStep::Lead => {
            app.sleep_ms(app.config.limits.linger_ms).await;
            app.isolate.buffer.borrow_mut().take()
        }
    };
    if events.is_empty() {
        // Somebody else's event filled the buffer.
        return;
    }
    app.isolate.counters.raise("buffer_peak", events.len() as u64);
    app.count("flushes", 1);
    app.count("flushed_events", events.len() as u64);
    // Whoever can't tell an event's object must not guess it: a repeat would count again in another. The queue takes it.
    let shards = layout::to_write(app).await;
    // What was read before may have taken some of it. A write and its fallback share the rest.
    let left_ms = left_ms(app, began_ms).max(LEAST_MS);
    let bounds = Bounds {
        shards: shards.as_ref().copied().unwrap_or(1),
        write_ms: app.config.send_deadline_ms.min(left_ms / 2),
        flush_ms: FLUSH_MS.min(left_ms),
        log_events: app.config.log_events,
    };
    flush::flush(&Writer { app, shards }, bounds, events).await;
}

/// How long work under a `waitUntil` that began at `began_ms` may continue, in ms.
pub fn left_ms(app: &App, began_ms: u64) -> u64 {
    (began_ms + WAIT_UNTIL_MS).saturating_sub(app.now_ms())
}

/// Both paths.
struct Writer<'a> {
    app: &'a App,
    /// How many objects there are, or why that can't be told.
    shards: Result<u64, StoreError>,
}

impl FlushPlatform for Writer<'_> {
    async fn write(&self, path: WritePath, events: &[Rc<EncodedEvent>], message: String) -> Result<(), Failure> {
        match path {
            WritePath::Old => Ok(all::record(self.app, self.shards.clone()?, events, message).await?),
            WritePath::New => self.app.ports.queues.send(&message).await,
        }
    }

    fn sleep_ms(&self, ms: u64) -> impl Future<Output = ()> {
        self.app.sleep_ms(ms)
    }

    fn now_ms(&self) -> u64 {
        self.app.now_ms()
    }

    fn count(&self, name: &'static str, events: usize) {
        self.app.count(name, events as u64);
    }

    fn log(&self, line: &str) {
        self.app.note(line);
    }

    fn log_error(&self, line: &str) {
        self.app.error(line);
    }
}
