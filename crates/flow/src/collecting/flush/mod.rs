//! The order of work in one flush, without the platform: what is written when, and what happens if a write fails.
//!
//! Invariants: every delivery (an event on a path that was meant for it) ends in exactly one of three ways: written by
//! that path, written as `fallback` by the other one, or counted as lost and logged whole. This holds when the flush's
//! deadline passes, too, and when the flush itself is dropped. Counters add up: `tried = deliveries + fallback` and
//! `failed = fallback + lost`, over both paths. A failure proves nothing: both copies have the same ID.
//!
//! All parts are written at once, as far as connections allow; each has its own deadline and its own fallback. Fallbacks
//! begin when no first try waits any more, and those of several parts go together: an object with two hundred shards that
//! is away becomes one message, not two hundred.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;

use futures_util::future::{Either, FutureExt as _, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use model::event::message::EncodedEvent;
use model::flag::route::Destinations;

use super::write_path::WritePath;
use crate::isolate::BufferedEvent;
use crate::port::Failure;
use model::delivery::bounds::{Bounds, LANES};

mod load;

use load::{PendingEvents, WriteLoad};

/// Fewest writes at once, however many connections are stuck.
const FEWEST_LANES: usize = 2;

/// What a flush needs of the platform.
pub trait FlushPlatform {
    /// Writes events of one object, or of one message. `message` is their text. Dropping the future frees its
    /// connection, if the platform can do that.
    fn write(
        &self,
        path: WritePath,
        events: &[Rc<EncodedEvent>],
        message: String,
    ) -> impl Future<Output = Result<(), Failure>>;

    /// Waits.
    fn sleep_ms(&self, ms: u64) -> impl Future<Output = ()>;

    /// The time, in ms.
    fn now_ms(&self) -> u64;

    /// Adds to a counter.
    fn count(&self, name: &'static str, events: usize);

    /// Logs something that went as it should.
    fn log(&self, line: &str);

    /// Logs a failure.
    fn log_error(&self, line: &str);
}

/// Writes the events of one flush. Those whose write fails are written by the other path.
pub async fn flush<P: FlushPlatform>(platform: &P, bounds: Bounds, events: Vec<BufferedEvent>) {
    let work = Work::new(platform, bounds, &events);
    drop(events);
    // What is left in the work when it is dropped is counted as lost.
    let _in_time = within_ms(platform, bounds.flush_ms, work.run()).await;
}

async fn within_ms<P: FlushPlatform, F: Future>(platform: &P, ms: u64, future: F) -> Option<F::Output> {
    match select(pin!(future), pin!(platform.sleep_ms(ms))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// How a write ended.
enum Outcome {
    Written,
    Failed(Failure),
    /// There was no answer in time.
    Late,
}

/// What is known of a path in this flush.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    failed: usize,
    written: bool,
}

impl Seen {
    /// Whether a whole round of writes failed and none succeeded: others would only take time from their fallbacks.
    const fn is_down(self) -> bool {
        !self.written && self.failed >= LANES
    }
}

type Writing<'a, P> = Pin<Box<dyn Future<Output = (PendingEvents<'a, P>, Outcome)> + 'a>>;

/// What is left to do in a flush.
struct Work<'a, P: FlushPlatform> {
    platform: &'a P,
    bounds: Bounds,
    /// From then on, in ms, a first try would leave no time for its fallback.
    last_first_try_ms: u64,
    first_tries: VecDeque<WriteLoad<'a, P>>,
    fallbacks: VecDeque<WriteLoad<'a, P>>,
    /// Fallbacks by the object and by the queue that are not parts yet.
    failed: [Option<PendingEvents<'a, P>>; 2],
    seen: [Seen; 2],
    /// Connections that wait for an answer though nobody listens any more.
    stuck: usize,
}

impl<'a, P: FlushPlatform> Work<'a, P> {
    fn new(platform: &'a P, bounds: Bounds, events: &[BufferedEvent]) -> Self {
        let of = |is_meant: fn(Destinations) -> bool| -> Vec<Rc<EncodedEvent>> {
            events.iter().filter(|handed| is_meant(handed.to)).map(|handed| handed.event.clone()).collect()
        };
        // Messages first: they carry the most, and their fallbacks are the most writes.
        let loads = [(WritePath::New, of(|to| to.queue)), (WritePath::Old, of(|to| to.collector))]
            .map(|(path, events)| PendingEvents::new(platform, path, false, events));
        let for_both_ms = bounds.write_ms.saturating_mul(2);
        Self {
            platform,
            bounds,
            last_first_try_ms: platform.now_ms() + bounds.flush_ms.saturating_sub(for_both_ms),
            first_tries: loads.into_iter().flat_map(|load| load.into_parts(bounds.shards)).collect(),
            fallbacks: VecDeque::new(),
            failed: [None, None],
            seen: [Seen::default(); 2],
            stuck: 0,
        }
    }

    async fn run(mut self) {
        let mut writing = FuturesUnordered::new();
        loop {
            if writing.len() < LANES.saturating_sub(self.stuck).max(FEWEST_LANES)
                && let Some(part) = self.next()
            {
                writing.push(self.write(part));
                if self.first_tries.is_empty() && self.fallbacks.is_empty() {
                    continue;
                }
                // Handing over a message takes a while: between two of them the requests that came meanwhile have their
                // turn. Polled beside the pause, the write begins.
                let pause = self.platform.sleep_ms(0);
                if let Either::Left((Some(ended), _)) = select(writing.next(), pin!(pause)).await {
                    self.settle(ended);
                }
            } else if let Some(ended) = writing.next().await {
                self.settle(ended);
                // Those that ended at the same time fall back together.
                while let Some(Some(ended)) = writing.next().now_or_never() {
                    self.settle(ended);
                }
            } else {
                return;
            }
        }
    }

    /// The part to be written next, if any waits.
    fn next(&mut self) -> Option<WriteLoad<'a, P>> {
        while let Some(part) = self.first_tries.pop_front() {
            let path = part.load.path;
            let why = if self.seen[path as usize].is_down() {
                format!("not tried: {LANES} others failed before it")
            } else if self.platform.now_ms() > self.last_first_try_ms {
                "not tried: no time was left for it".to_owned()
            } else {
                return Some(part);
            };
            self.fall_back(part.load, &why);
        }
        if self.fallbacks.is_empty() {
            let loads = self.failed.iter_mut().filter_map(Option::take);
            self.fallbacks.extend(loads.flat_map(|load| load.into_parts(self.bounds.shards)));
        }
        self.fallbacks.pop_front()
    }

    fn write(&self, WriteLoad { load, message }: WriteLoad<'a, P>) -> Writing<'a, P> {
        let (platform, write_ms) = (self.platform, self.bounds.write_ms);
        Box::pin(async move {
            let outcome = match within_ms(platform, write_ms, platform.write(load.path, &load.events, message)).await {
                Some(Ok(())) => Outcome::Written,
                Some(Err(error)) => Outcome::Failed(error),
                None => Outcome::Late,
            };
            (load, outcome)
        })
    }

    fn settle(&mut self, (load, outcome): (PendingEvents<'a, P>, Outcome)) {
        let seen = &mut self.seen[load.path as usize];
        match outcome {
            Outcome::Written => {
                seen.written = true;
                load.succeed(self.bounds.log_events);
            }
            Outcome::Failed(error) => {
                seen.failed += 1;
                self.fall_back(load, &error.to_string());
            }
            Outcome::Late => {
                seen.failed += 1;
                // A call of an object was called back; a message can't be.
                self.stuck += usize::from(load.path == WritePath::New);
                self.fall_back(load, &format!("no answer within {} ms", self.bounds.write_ms));
            }
        }
    }

    fn fall_back(&mut self, load: PendingEvents<'a, P>, error: &str) {
        let Some(fallback) = load.fail(error) else { return };
        match &mut self.failed[fallback.path as usize] {
            Some(waiting) => waiting.join(fallback),
            none => *none = Some(fallback),
        }
    }
}
