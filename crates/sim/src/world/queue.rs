//! The main queue and its dead-letter queue, with `wrangler.toml`'s numbers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use flow::consuming::consumer::consume;
use flow::port::{Failure, Message, Queues};
use model::delivery::retry::{Lane, MAIN_RETRIES, SLOW_RETRIES};
use model::operating::health::Backlog;
use store::sql::LocalFuture;

use super::isolate::{Isolate, LONGEST_MS, Platform};
use super::trouble::Port;
use super::{Inner, PLATFORM, World, at_once, boxed};

/// Largest message, in bytes.
const MAX_BYTES: usize = 128_000;

/// Messages in a batch.
const BATCH: usize = 100;

/// Bytes of a batch.
const BATCH_BYTES: usize = 256_000;

/// How often a batch looks whether it is full, in ms; and how often before it is delivered as it is.
const LOOK_MS: u64 = 1_000;
const LOOKS: u32 = 5;

/// How long the messages of a batch wait whose consumer ended, in s.
const AFTER_CRASH_S: u32 = 1;

/// How a message of the present version begins, and one of the next.
pub(super) const VERSION: &str = r#"{"v":1"#;
pub(super) const NEXT_VERSION: &str = r#"{"v":2"#;

const fn name(lane: Lane) -> &'static str {
    match lane {
        Lane::Main => "traffic-events",
        Lane::Slow => "traffic-events-dlq",
    }
}

const fn retries(lane: Lane) -> u32 {
    match lane {
        Lane::Main => MAIN_RETRIES,
        Lane::Slow => SLOW_RETRIES,
    }
}

/// What the queues do to messages besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLaws {
    /// How long a message is kept, in ms.
    pub retention_ms: u64,
    /// How many of a million acknowledged messages are delivered again all the same.
    pub repeats_ppm: u32,
    /// Whether the platform tells how often a message was delivered, and when it was sent.
    pub tells: bool,
}

impl Default for QueueLaws {
    fn default() -> Self {
        Self { retention_ms: 4 * 24 * 60 * 60 * 1000, repeats_ppm: 0, tells: true }
    }
}

/// What a message holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Text(String),
    Bytes(Vec<u8>),
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub id: String,
    pub body: Body,
    pub sent_at: u64,
    /// How often it was delivered.
    pub attempts: u32,
    /// When it is to be delivered, in ms.
    pub due_ms: u64,
}

impl Waiting {
    fn bytes(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.len(),
            Body::Bytes(bytes) => bytes.len(),
        }
    }
}

pub(super) struct QueueState {
    lane: Lane,
    laws: Cell<QueueLaws>,
    waiting: RefCell<Vec<Waiting>>,
    /// Messages that nobody took in time, or in as many attempts as there are.
    dropped: RefCell<Vec<Waiting>>,
    sent: Cell<u64>,
    is_busy: Cell<bool>,
}

impl QueueState {
    pub fn new(lane: Lane) -> Self {
        let (laws, waiting, dropped, sent, is_busy) = Default::default();
        Self { lane, laws, waiting, dropped, sent, is_busy }
    }

    fn backlog(&self, now_ms: u64) -> Backlog {
        let waiting = self.waiting.borrow();
        let oldest_ms = waiting.iter().map(|message| message.sent_at).min().map(|at| now_ms.saturating_sub(at));
        Backlog { backlog: Some(waiting.len() as u64), oldest_ms }
    }

    fn is_full(&self, now_ms: u64) -> bool {
        self.waiting.borrow().iter().filter(|message| message.due_ms <= now_ms).count() >= BATCH
    }

    /// The next batch, in no order. What is too old is dropped.
    fn take(&self, inner: &Inner) -> Vec<Waiting> {
        let (now_ms, mut waiting) = (inner.time.now_ms(), self.waiting.borrow_mut());
        let retention_ms = self.laws.get().retention_ms;
        self.dropped.borrow_mut().extend(waiting.extract_if(.., |message| message.sent_at + retention_ms <= now_ms));
        let (mut messages, mut bytes) = (0, 0);
        let fits = |message: &mut Waiting| {
            let fits = message.due_ms <= now_ms && messages < BATCH && bytes + message.bytes() <= BATCH_BYTES;
            messages += usize::from(fits);
            bytes += if fits { message.bytes() } else { 0 };
            fits
        };
        let mut batch: Vec<Waiting> = waiting.extract_if(.., fits).collect();
        inner.random.shuffle(&mut batch);
        for message in &mut batch {
            message.attempts += 1;
        }
        batch
    }
}

impl Inner {
    const fn queue(&self, lane: Lane) -> &QueueState {
        match lane {
            Lane::Main => &self.main,
            Lane::Slow => &self.slow,
        }
    }

    fn enqueue(self: &Rc<Self>, lane: Lane, body: Body) -> Result<(), Failure> {
        let queue = self.queue(lane);
        let (number, now_ms) = (queue.sent.get() + 1, self.time.now_ms());
        let message = Waiting {
            id: format!("{}-{number}", name(queue.lane)),
            body,
            sent_at: now_ms,
            attempts: 0,
            due_ms: now_ms,
        };
        if message.bytes() > MAX_BYTES {
            return Err("the message is too long".into());
        }
        self.longest_message.set(self.longest_message.get().max(message.bytes()));
        queue.sent.set(number);
        self.wait(lane, message);
        Ok(())
    }

    /// Puts a message into a queue, lane delivers it when it is due.
    fn wait(self: &Rc<Self>, lane: Lane, message: Waiting) {
        let (inner, due_ms) = (self.clone(), message.due_ms);
        self.queue(lane).waiting.borrow_mut().push(message);
        self.tasks.spawn(PLATFORM, async move {
            inner.time.sleep_until(due_ms).await;
            inner.deliver(lane).await;
        });
    }

    /// Delivers what is due, batch by batch, unless that is under way.
    async fn deliver(self: &Rc<Self>, lane: Lane) {
        let queue = self.queue(lane);
        if queue.is_busy.replace(true) {
            return;
        }
        loop {
            for _ in 0..LOOKS {
                if !queue.is_full(self.time.now_ms()) {
                    self.time.sleep_ms(LOOK_MS).await;
                }
            }
            let batch = queue.take(self);
            if batch.is_empty() {
                break;
            }
            self.deliver_batch(lane, batch).await;
        }
        queue.is_busy.set(false);
    }

    async fn deliver_batch(self: &Rc<Self>, lane: Lane, batch: Vec<Waiting>) {
        let laws = self.queue(lane).laws.get();
        let delivered: Vec<Delivered> = batch
            .into_iter()
            .map(|message| Delivered { inner: self.clone(), tells: laws.tells, message, end: Rc::default() })
            .collect();
        let messages: Vec<Box<dyn Message>> = delivered.iter().map(|message| Box::new(message.clone()) as _).collect();
        let worker = Isolate::at_work(self);
        let app = worker.app.clone();
        let work = async move { consume(&app, name(lane), &messages).await };
        let ended = self.run_in(worker.id(), LONGEST_MS, work).await.is_some();
        for Delivered { message, end, .. } in delivered {
            match end.get() {
                Some(End::Ack) if self.random.happens(laws.repeats_ppm) => self.wait(lane, message),
                Some(End::Ack) => {}
                // What a consumer says nothing of is taken for acknowledged.
                None if ended => {}
                Some(End::Retry(delay_s)) => self.retry(lane, message, delay_s),
                None => self.retry(lane, message, AFTER_CRASH_S),
            }
        }
    }

    fn retry(self: &Rc<Self>, lane: Lane, message: Waiting, delay_s: u32) {
        if message.attempts <= retries(lane) {
            let due_ms = self.time.now_ms() + u64::from(delay_s) * 1_000;
            self.wait(lane, Waiting { due_ms, ..message });
        } else if lane == Lane::Main {
            self.enqueue(Lane::Slow, message.body).unwrap();
        } else {
            self.slow.dropped.borrow_mut().push(message);
        }
    }
}

impl World {
    /// For both queues.
    pub fn queue_laws(&self, laws: QueueLaws) {
        self.main.laws.set(laws);
        self.slow.laws.set(laws);
    }

    /// Sends a message by hand.
    pub fn send(&self, body: Body) {
        self.0.enqueue(Lane::Main, body).unwrap();
    }

    /// What waits in the main queue.
    pub fn queued(&self) -> Vec<Waiting> {
        self.main.waiting.borrow().clone()
    }

    /// What waits in the slow lane.
    pub fn in_slow_lane(&self) -> Vec<Waiting> {
        self.slow.waiting.borrow().clone()
    }

    /// Loses messages of the main queue, which nobody hears of; returns how many.
    pub fn lose(&self, which: impl FnMut(&mut Waiting) -> bool) -> usize {
        self.main.waiting.borrow_mut().extract_if(.., which).count()
    }

    /// What the queues dropped.
    pub fn dropped(&self) -> Vec<Waiting> {
        [&self.main, &self.slow].iter().flat_map(|queue| queue.dropped.borrow().clone()).collect()
    }
}

impl Queues for Platform {
    fn send<'a>(&'a self, text: &'a str) -> LocalFuture<'a, Result<(), Failure>> {
        let text = if self.is_newer.get() { text.replacen(VERSION, NEXT_VERSION, 1) } else { text.to_owned() };
        let inner = self.inner.clone();
        let take = move || {
            if inner.fault(Port::Lose, "").is_some() {
                inner.lost.borrow_mut().push(text.replacen(NEXT_VERSION, VERSION, 1));
                return Ok(());
            }
            inner.enqueue(Lane::Main, Body::Text(text))
        };
        boxed(self.inner.call(Port::Send, "", at_once(take)))
    }

    fn backlog(&self, lane: Lane, now_ms: u64) -> LocalFuture<'_, Result<Backlog, Failure>> {
        let inner = self.inner.clone();
        boxed(self.inner.call(Port::Backlog, name(lane), at_once(move || Ok(inner.queue(lane).backlog(now_ms)))))
    }
}

/// What a consumer says of a message.
#[derive(Debug, Clone, Copy)]
enum End {
    Ack,
    Retry(u32),
}

/// A message in a batch.
#[derive(Clone)]
struct Delivered {
    inner: Rc<Inner>,
    tells: bool,
    message: Waiting,
    end: Rc<Cell<Option<End>>>,
}

impl Message for Delivered {
    fn id(&self) -> &str {
        &self.message.id
    }

    fn sent_at(&self) -> Option<u64> {
        self.tells.then_some(self.message.sent_at)
    }

    fn attempts(&self) -> Option<u32> {
        self.tells.then_some(self.message.attempts)
    }

    fn text(&self) -> Result<String, Vec<u8>> {
        match &self.message.body {
            Body::Text(text) if self.inner.is_newer.get() => Ok(text.replacen(NEXT_VERSION, VERSION, 1)),
            Body::Text(text) => Ok(text.clone()),
            Body::Bytes(bytes) => String::from_utf8(bytes.clone()).map_err(std::string::FromUtf8Error::into_bytes),
        }
    }

    fn ack(&self) {
        self.end.set(Some(self.end.get().unwrap_or(End::Ack)));
    }

    fn retry(&self, delay_s: u32) {
        self.end.set(Some(self.end.get().unwrap_or(End::Retry(delay_s))));
    }

    fn send_anew(&self) -> LocalFuture<'_, Result<(), Failure>> {
        let (inner, body) = (self.inner.clone(), self.message.body.clone());
        boxed(self.inner.call(Port::Send, "anew", at_once(move || inner.enqueue(Lane::Main, body))))
    }
}
