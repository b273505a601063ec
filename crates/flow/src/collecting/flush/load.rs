//! Events on their way to one path, and what becomes of them.
//!
//! Invariant: a load ends once, by [`PendingEvents::succeed`], [`PendingEvents::fail`], or its end of life, which counts
//! and logs its events as lost.

use std::rc::Rc;

use model::delivery::layout::by_shard;
use model::event::Event;
use model::event::message::{self, EncodedEvent};

use super::FlushPlatform;
use crate::collecting::write_path::WritePath;

/// Events that one path has yet to write. If it is dropped with events in it, they are counted as lost.
pub struct PendingEvents<'a, P: FlushPlatform> {
    platform: &'a P,
    /// The path.
    pub path: WritePath,
    /// Whether the other path failed.
    is_fallback: bool,
    /// The events.
    pub events: Vec<Rc<EncodedEvent>>,
}

impl<'a, P: FlushPlatform> PendingEvents<'a, P> {
    /// Takes charge of events.
    pub fn new(platform: &'a P, path: WritePath, is_fallback: bool, events: Vec<Rc<EncodedEvent>>) -> Self {
        platform.count(path.tried(), events.len());
        platform.count("fallback", if is_fallback { events.len() } else { 0 });
        Self { platform, path, is_fallback, events }
    }

    /// Adds the events of another load.
    pub fn join(&mut self, mut other: Self) {
        self.events.append(&mut other.events);
    }

    /// Splits the load into single writes: by object, or by the size of a message.
    pub fn into_parts(mut self, shards: u64) -> impl Iterator<Item = WriteLoad<'a, P>> {
        let (platform, path, is_fallback) = (self.platform, self.path, self.is_fallback);
        let events = std::mem::take(&mut self.events);
        let groups = match path {
            WritePath::Old => by_shard(events, shards),
            WritePath::New => vec![events],
        };
        let load = move |events| Self { platform, path, is_fallback, events };
        groups
            .into_iter()
            .flat_map(message::pack)
            .map(move |(events, message)| WriteLoad { load: load(events), message })
    }

    /// Ends the load: its events are written.
    pub fn succeed(mut self, log_events: bool) {
        let events = std::mem::take(&mut self.events);
        for Event { idempotent_id, path: route, status, .. } in
            events.iter().filter(|_| log_events).map(|written| written.event())
        {
            let sent = self.path.log_sent();
            self.platform.log(&format!("{sent}: {idempotent_id} | Path: {route} | Status: {status}"));
        }
    }

    /// Ends the load: its events are not written, or may not be. Returns those that the other path has to write.
    pub fn fail(mut self, error: &str) -> Option<Self> {
        if self.is_fallback {
            self.lose(error);
            return None;
        }
        let (platform, other) = (self.platform, self.path.other());
        let mut again = Vec::new();
        for written in std::mem::take(&mut self.events) {
            let event = written.event();
            platform.count(self.path.failed(), 1);
            platform.log_error(&format!("{}: {} | {error}", self.path.log_failed(), event.idempotent_id));
            match EncodedEvent::of(event.as_fallback()) {
                Ok(fallback) => {
                    platform.log(&format!("{}: {}", other.log_fallback(), event.idempotent_id));
                    again.push(Rc::new(fallback));
                }
                Err(error) => lost(platform, self.path.log_failed(), &written, &error.to_string()),
            }
        }
        Some(Self::new(platform, other, true, again))
    }

    fn lose(&mut self, error: &str) {
        let too = if self.is_fallback { " too" } else { "" };
        for written in std::mem::take(&mut self.events) {
            self.platform.count(self.path.failed(), 1);
            lost(self.platform, &format!("{}{too}", self.path.log_failed()), &written, error);
        }
    }
}

impl<P: FlushPlatform> Drop for PendingEvents<'_, P> {
    fn drop(&mut self) {
        self.lose("the flush ended before it was written");
    }
}

fn lost<P: FlushPlatform>(platform: &P, what: &str, written: &EncodedEvent, error: &str) {
    let (id, whole) = (written.event().idempotent_id, written.text());
    platform.count("lost", 1);
    platform.log_error(&format!("{what}, event lost: {id} | {error} | {whole}"));
}

/// The events of one write.
pub struct WriteLoad<'a, P: FlushPlatform> {
    /// Its events.
    pub load: PendingEvents<'a, P>,
    /// Their text.
    pub message: String,
}
