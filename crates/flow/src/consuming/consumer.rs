//! The queues' consumer: the new path into D1, and dead letters.
//!
//! Invariants: a message is acked only after the transaction that holds its events has committed and what can't be read
//! of it is a dead letter, or somebody else has it (`SlowLaneFallback`); else it is retried, which is harmless. What D1
//! would take later waits: only what no code can read becomes a letter. The handler returns no error: the platform
//! would panic.
//!
//! What a crash leaves, and what happens then:
//!
//! | after | is stored | the next delivery |
//! |---|---|---|
//! | reading the batch | nothing | begins anew |
//! | storing events | a transaction for each run of ID windows, or none | is absorbed, or stored |
//! | storing what can't be read | letters, each under a hash of its text | finds them, each once |
//! | some acks | what was acked is done with | brings the rest, whose events are absorbed |
//! | folding | the fold, or nothing | the next fold begins where the log stands |

use std::ops::Range;

use model::delivery::batch::{Batch, MessageContent};
use model::delivery::kept_letter::{self, LetterSource};
use model::delivery::retry::{Lane, WaitingMessage};
use model::delivery::split::BatchSplit;
use model::delivery::work_meter::WorkMeter;
use model::event::Event;
use model::event::message;
use model::sorted;
use store::events::event_store::{EventStore, RecordCounts};
use store::letters::dead_letters::{DeadLetter, DeadLetters, MAX_LETTERS};
use store::sql::StoreError;

use super::slow_lane::SlowLaneFallback;
use crate::app::App;
use crate::folding::fold;
use crate::operating::vitals;
use crate::port::Message;

/// Segments that wait before the consumer folds: a reader adds at most this many to the rollups.
pub const FOLD_SEGMENTS: u64 = 64;

/// How long D1 may take for one try, in ms: it may stall for over a minute, and each batch waits for the one before.
const TRY_MS: u64 = 30_000;

/// How long a batch is tried in parts, in ms; the rest waits for its next delivery.
const TRIES_MS: u64 = 60_000;

/// ID windows whose events are stored at once: the digests of each and of its neighbours are read, which at 1,000
/// events/s are 0.5 MB a window, and twice that as text. A batch of the slow lane may hold messages of many hours.
const RUN_WINDOWS: usize = 4;

/// Runs that are refused whole, one after the other, after which D1 is taken to be away.
const MOST_REFUSED: usize = 2;

/// Handles one batch of either queue.
pub async fn consume(app: &App, queue: &str, messages: &[Box<dyn Message>]) {
    handle(app, queue, messages).await;
    vitals::report_if_due(app).await;
}

/// A batch at work.
struct Work<'a> {
    app: &'a App,
    lane: Lane,
    /// In the order of their events.
    messages: Vec<&'a dyn Message>,
    parsed: Batch,
    now_ms: u64,
}

async fn handle(app: &App, queue: &str, messages: &[Box<dyn Message>]) {
    let now_ms = app.now_ms();
    app.note(format_args!("Received {} messages", messages.len()));
    let (messages, parsed) = take_apart(app, messages, now_ms).await;
    let mut done = vec![false; messages.len()];
    let work = Work { app, lane: Lane::of(queue), messages, parsed, now_ms };
    match app.event_store() {
        Ok(store) => {
            let unfolded = work.apply(&store, &mut done).await;
            work.settle(&done).await;
            if unfolded >= FOLD_SEGMENTS
                && let Err(error) = fold(&store, now_ms).await
            {
                app.error(format_args!("Folding is left for later: {error}"));
            }
        }
        Err(error) => {
            app.error(format_args!("Batch of {} messages is retried: {error}", done.len()));
            work.settle(&done).await;
        }
    }
}

/// Reads messages, and puts them in the order of their events.
async fn take_apart<'a>(app: &App, messages: &'a [Box<dyn Message>], now_ms: u64) -> (Vec<&'a dyn Message>, Batch) {
    let (mut read, mut pace) = (Vec::new(), WorkMeter::default());
    for message in messages {
        let parsed = match message.text() {
            Ok(text) => message::parse(&text, now_ms),
            Err(bytes) => message::not_text(&hex::encode(bytes)),
        };
        let pause = pace.is_due(parsed.events.len());
        read.push((&**message, parsed));
        if pause {
            app.pause().await;
        }
    }
    sorted::sort_by_key(&mut read, |(_, parsed)| parsed.events.first().map(|event| event.timestamp));
    let mut batch = Batch::default();
    let messages = read.into_iter().map(|(message, parsed)| {
        batch.add(parsed);
        message
    });
    (messages.collect(), batch)
}

impl Work<'_> {
    /// Applies what D1 takes; marks messages that are done with. Gives how many segments wait to be folded.
    async fn apply(&self, store: &EventStore, done: &mut [bool]) -> u64 {
        let parts = self.parsed.parts();
        let (stored, recorded, answers) = self.store_events(store).await;
        let is_letter = |(message, part): &(usize, &MessageContent)| {
            !part.rejected.is_empty() && stored.get(*message) == Some(&true) && self.is_letter(*message)
        };
        let unread: Vec<usize> = (0..).zip(parts).filter(is_letter).map(|(message, _)| message).collect();
        let keep = async |range: Range<usize>| self.keep(unread.get(range).unwrap_or_default()).await;
        let kept = if answers { self.in_parts(unread.len(), keep).await.0 } else { Vec::new() };
        for (state, (stored, part)) in done.iter_mut().zip(stored.iter().zip(parts)) {
            *state = *stored && part.rejected.is_empty();
        }
        mark(done, &unread, &kept);
        self.report(&stored, recorded);
        recorded.unfolded
    }

    /// Stores events, run by run. Gives of each message whether all of its events are stored, what was recorded, and
    /// whether D1 answers.
    async fn store_events(&self, store: &EventStore) -> (Vec<bool>, RecordCounts, bool) {
        let mut stored: Vec<bool> = self.parsed.parts().iter().map(|part| !part.has_events()).collect();
        let mut recorded = RecordCounts::default();
        let mut runs = self.parsed.runs(self.app.config.window_ms, RUN_WINDOWS);
        // Each delivery begins with another run, so that none that is refused for what it is keeps the others waiting.
        let first = self.turn() % runs.len().max(1);
        runs.rotate_left(first);
        let mut refused = 0;
        for run in runs {
            let record = async |range: Range<usize>| {
                let events = self.parsed.events_between(run.get(range).unwrap_or_default());
                let part = record(self.app, store, events).await?;
                recorded.stored += part.stored;
                recorded.absorbed += part.absorbed;
                recorded.unfolded = part.unfolded;
                Ok(())
            };
            let (applied, hopeless) = self.in_parts(run.len(), record).await;
            mark(&mut stored, &run, &applied);
            refused = if applied.contains(&true) { 0 } else { refused + 1 };
            if hopeless || refused >= MOST_REFUSED {
                return (stored, recorded, false);
            }
        }
        (stored, recorded, refused == 0)
    }

    /// Differs from delivery to delivery.
    fn turn(&self) -> usize {
        self.messages.first().and_then(|message| message.attempts()).unwrap_or(1) as usize
    }

    /// Applies some messages, all together or in such parts as D1 takes; gives which were applied, and whether trying on
    /// is of no use.
    async fn in_parts(
        &self,
        count: usize,
        mut apply: impl AsyncFnMut(Range<usize>) -> Result<(), StoreError>,
    ) -> (Vec<bool>, bool) {
        let mut split = BatchSplit::new(count, self.turn());
        let (mut first_error, mut hopeless) = (None, false);
        while !hopeless && let Some(part) = split.part() {
            let tried = self.app.within_ms(TRY_MS, apply(part.clone())).await;
            // What has no answer, or met faster writers, is no message's fault: it waits whole.
            hopeless = matches!(tried, None | Some(Err(StoreError::Conflict)))
                || self.app.now_ms().saturating_sub(self.now_ms) >= TRIES_MS;
            let error = match tried {
                Some(outcome) => outcome.err(),
                None => Some(StoreError::Unavailable(format!("no answer within {TRY_MS} ms"))),
            };
            split.tell(part, error.is_none());
            first_error = first_error.or(error);
        }
        let applied = split.applied();
        if let Some(error) = first_error {
            let waiting = applied.iter().filter(|applied| !**applied).count();
            self.app.error(format_args!("Batch of {count} messages is retried: {error}"));
            if waiting < count {
                self.app.count("consumer_split", 1);
                self.app.error(format_args!("Of {count} messages {waiting} wait, and the others are applied"));
            }
        }
        (applied, hopeless)
    }

    /// Whether what can't be read of a message is a dead letter, now that nobody can be expected to read it.
    fn is_letter(&self, message: usize) -> bool {
        let newer = self.parsed.parts().get(message).is_some_and(|part| part.newer);
        !newer || self.messages.get(message).is_some_and(|message| self.waiting(*message, &[]).stays_unread())
    }

    fn waiting(&self, message: &dyn Message, events: &[Event]) -> WaitingMessage {
        let age = |since: u64| self.now_ms.saturating_sub(since);
        WaitingMessage {
            attempts: message.attempts(),
            age_ms: message.sent_at().map_or(0, age),
            oldest_event_ms: events.iter().map(|event| event.timestamp).min().map(age),
        }
    }

    /// Stores what can't be read of some messages as dead letters; tells of those that had to make room.
    async fn keep(&self, messages: &[usize]) -> Result<(), StoreError> {
        let source = if self.lane == Lane::Slow { LetterSource::Dlq } else { LetterSource::Consumer };
        let letters: Vec<DeadLetter> = messages
            .iter()
            .filter_map(|at| Some((self.messages.get(*at)?, self.parsed.parts().get(*at)?)))
            .flat_map(|(message, part)| {
                part.rejected.iter().map(|rejected| DeadLetter {
                    id: kept_letter::id_of(&rejected.payload),
                    received_at: self.now_ms,
                    sent_at: message.sent_at(),
                    source,
                    reason: rejected.error.to_string(),
                    payload: rejected.payload.clone(),
                })
            })
            .collect();
        let dropped = DeadLetters::new(self.app.new_store()?).store(&letters).await?;
        self.app.count("dead_letters", letters.len() as u64);
        self.app.count("dead_letters_dropped", dropped);
        for letter in &letters {
            self.app.error(format_args!("Dead letter {}: {}", letter.id, letter.reason));
        }
        if dropped > 0 {
            self.app.error(format_args!(
                "Dead letters are full ({MAX_LETTERS}): {dropped} were dropped; redrive or purge them"
            ));
        }
        Ok(())
    }

    /// Acks what is done with, hands on what can't wait any longer, and lets the rest wait.
    async fn settle(&self, done: &[bool]) {
        let mut last_resort = SlowLaneFallback::new(self.app);
        let (mut acked, mut retried) = (0, 0);
        for ((message, part), done) in self.messages.iter().copied().zip(self.parsed.parts()).zip(done) {
            let events = self.parsed.events_of(part);
            let waiting = self.waiting(message, events);
            let unread = part.rejected.len();
            if *done || self.lane == Lane::Slow && last_resort.takes(message, waiting, events, unread).await {
                acked += 1;
                message.ack();
            } else {
                retried += 1;
                message.retry(waiting.delay_s(self.lane, self.now_ms));
            }
        }
        self.app.count("consumer_acked", acked);
        self.app.count("consumer_retried", retried);
        if self.lane == Lane::Slow {
            self.app.count("slow_lane_acked", acked);
            self.app.count("slow_lane_retried", retried);
        }
    }

    /// Counts what was done, and logs it.
    fn report(&self, stored: &[bool], recorded: RecordCounts) {
        self.app.count("consumer_stored", recorded.stored);
        self.app.count("consumer_absorbed", recorded.absorbed);
        if self.app.config.log_events {
            let parts = self.parsed.parts().iter().zip(stored).filter(|(_, stored)| **stored);
            for event in parts.flat_map(|(part, _)| self.parsed.events_of(part)) {
                self.app.note(format_args!(
                    "Consumed: {} | Path: {} | Status: {} | Time: {}",
                    event.idempotent_id, event.path, event.status, event.timestamp
                ));
            }
        }
        if stored.contains(&true) {
            let RecordCounts { stored, absorbed, .. } = recorded;
            let took_ms = self.app.now_ms().saturating_sub(self.now_ms);
            self.app.note(format_args!("Stored {stored} events, absorbed {absorbed}, in {took_ms} ms"));
        }
    }
}

/// Sets the states of some messages.
fn mark(states: &mut [bool], messages: &[usize], outcomes: &[bool]) {
    for (message, outcome) in messages.iter().zip(outcomes) {
        if let Some(state) = states.get_mut(*message) {
            *state = *outcome;
        }
    }
}

/// Records with this isolate's memory. Another batch in the same isolate finds it empty and reads for itself.
async fn record(app: &App, store: &EventStore, events: &[Event]) -> Result<RecordCounts, StoreError> {
    let mut memory = app.isolate.consumer.take();
    let recorded = store.record(&mut memory, events, app.now_ms()).await;
    app.isolate.consumer.replace(memory);
    recorded
}
