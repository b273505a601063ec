//! What takes a message that can't wait any longer, before its queue drops it or its events become too old to count.
//!
//! Invariant: a message is acked only after an object or a queue has taken it. A message that neither takes is logged
//! in full and counted as lost when its queue drops it.
//!
//! | a crash after | leaves | the next delivery |
//! |---|---|---|
//! | the object took the events | them as fallbacks; the message, too | is absorbed or stored; the copies count once |
//! | the queue took the message | two messages with the same events | the events count once |

use std::rc::Rc;

use model::delivery::layout::by_shard;
use model::delivery::retry::WaitingMessage;
use model::event::Event;
use model::event::message::{self, EncodedEvent};
use store::sql::StoreError;

use crate::app::App;
use crate::objects::{all, layout};
use crate::port::Message;

/// Takes messages that can't wait: the object, else the main queue. If one of them refuses, it is not asked again for
/// this batch.
#[derive(Debug)]
pub struct SlowLaneFallback<'a> {
    app: &'a App,
    object_answers: bool,
    queue_answers: bool,
}

impl<'a> SlowLaneFallback<'a> {
    /// For one batch.
    pub const fn new(app: &'a App) -> Self {
        Self { app, object_answers: true, queue_answers: true }
    }

    /// Returns whether the message was taken, so that it may be acked. `events` are its readable events; `unread`
    /// counts those that can't be read or are too old.
    pub async fn takes(
        &mut self,
        message: &dyn Message,
        waiting: WaitingMessage,
        events: &[Event],
        unread: usize,
    ) -> bool {
        if waiting.gives_way() && self.object_takes(events).await && unread == 0 {
            return true;
        }
        if waiting.is_tired() && self.queue_takes(message).await {
            return true;
        }
        if waiting.is_last() {
            self.app.count("lost", (events.len() + unread) as u64);
            self.app.count("slow_lane_lost", 1);
            let body = message.text().unwrap_or_else(hex::encode);
            self.app.error(format_args!(
                "Message {} lost: nothing took it in {:?} deliveries | {body}",
                message.id(),
                message.attempts()
            ));
        }
        false
    }

    /// Writes events to the object as those of a send that failed.
    async fn object_takes(&mut self, events: &[Event]) -> bool {
        let fallback = |event: &Event| EncodedEvent::of(event.as_fallback()).map(Rc::new);
        let Ok(events) = events.iter().map(fallback).collect::<Result<Vec<_>, _>>() else { return false };
        let count = events.len();
        let shards = match layout::to_write(self.app).await {
            Ok(shards) => shards,
            Err(error) => {
                self.app.error(format_args!("The object did not take events that D1 refuses: {error}"));
                self.object_answers = false;
                return false;
            }
        };
        for (part, text) in by_shard(events, shards).into_iter().flat_map(message::pack) {
            if !self.object_answers {
                return false;
            }
            let write = all::record(self.app, shards, &part, text);
            let written = self.app.within_ms(self.app.config.send_deadline_ms, write).await;
            if let Err(error) = written.unwrap_or(Err(StoreError::Late(self.app.config.send_deadline_ms))) {
                self.app.error(format_args!("The object did not take events that D1 refuses: {error}"));
                self.object_answers = false;
            }
        }
        if self.object_answers {
            self.app.count("slow_lane_fallback", count as u64);
            self.app.note(format_args!("Fallback to DO: {count} events that D1 has refused for days"));
        }
        self.object_answers
    }

    /// Sends the message to the main queue anew, as it is.
    async fn queue_takes(&mut self, message: &dyn Message) -> bool {
        if !self.queue_answers {
            return false;
        }
        let sent = self.app.within_ms(self.app.config.send_deadline_ms, message.send_anew()).await;
        match sent.unwrap_or_else(|| Err("no answer".into())) {
            Ok(()) => self.app.count("slow_lane_renewed", 1),
            Err(error) => {
                self.app.error(format_args!("Message {} was not sent anew: {error}", message.id()));
                self.queue_answers = false;
            }
        }
        self.queue_answers
    }
}
