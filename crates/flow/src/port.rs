//! What the order of work needs of a platform, as small traits. The Worker implements them over its runtime, tests over
//! fakes.
//!
//! None has a deadline of its own. The caller sets one and drops the future when it passes, upon which the platform
//! cancels the request if it can.

use std::rc::Rc;

use model::delivery::retry::Lane;
use model::operating::health::Backlog;
use store::archive::archiver::Bucket;
use store::sql::{Database, LocalFuture, StoreError};

/// Why the platform failed: one line, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl Failure {
    /// Joins several failures into one.
    pub fn all(failures: &[Self]) -> Self {
        let texts: Vec<&str> = failures.iter().map(|Self(text)| text.as_str()).collect();
        Self(texts.join("; "))
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<Failure> for StoreError {
    fn from(Failure(text): Failure) -> Self {
        Self::Unavailable(text)
    }
}

/// Time and random bytes.
pub trait Clock {
    /// Milliseconds since 1970. It may stand still between inputs and outputs, and be set back.
    fn now_ms(&self) -> u64;

    /// Waits. With 0 ms, it only gives other work on this thread a turn.
    fn sleep_ms(&self, ms: u64) -> LocalFuture<'static, ()>;

    /// Fills bytes at random.
    ///
    /// # Errors
    /// The platform has no randomness.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Failure>;
}

/// The log.
pub trait Log {
    /// Logs something that went as it should.
    fn note(&self, line: &str);

    /// Logs a failure.
    fn error(&self, line: &str);
}

/// A store of texts by key, whose copies may be a minute old.
pub trait Kv {
    /// The text of a key, if there is one.
    fn get<'a>(&'a self, key: &'a str) -> LocalFuture<'a, Result<Option<String>, Failure>>;

    /// Writes a text. Each key takes one write per second.
    fn put<'a>(&'a self, key: &'a str, text: &'a str) -> LocalFuture<'a, Result<(), Failure>>;

    /// The keys with this prefix, at most one page of them.
    fn list<'a>(&'a self, prefix: &'a str) -> LocalFuture<'a, Result<Vec<String>, Failure>>;

    /// Deletes a key.
    fn delete<'a>(&'a self, key: &'a str) -> LocalFuture<'a, Result<(), Failure>>;
}

/// The queues.
pub trait Queues {
    /// Sends a message's text to the main queue.
    fn send<'a>(&'a self, text: &'a str) -> LocalFuture<'a, Result<(), Failure>>;

    /// What waits in a lane's queue.
    ///
    /// # Errors
    /// The platform doesn't report it.
    fn backlog(&self, lane: Lane, now_ms: u64) -> LocalFuture<'_, Result<Backlog, Failure>>;
}

/// A message as a queue delivers it.
pub trait Message {
    /// The platform's ID of the message.
    fn id(&self) -> &str;

    /// When it was sent, in ms since 1970, if the platform tells.
    fn sent_at(&self) -> Option<u64>;

    /// How often it was delivered, this time included, if the platform tells.
    fn attempts(&self) -> Option<u32>;

    /// Its body, whatever content type it was sent with.
    ///
    /// # Errors
    /// The bytes, if they are not UTF-8.
    fn text(&self) -> Result<String, Vec<u8>>;

    /// Acknowledges the message. If the platform refuses, the message is delivered again, which is harmless.
    fn ack(&self);

    /// Asks for the message to be delivered again after this many seconds.
    fn retry(&self, delay_s: u32);

    /// Sends the message to the main queue again, unchanged.
    fn send_anew(&self) -> LocalFuture<'_, Result<(), Failure>>;
}

/// The objects of the old path.
pub trait Objects {
    /// Asks an object, by its name; question and answer are packed by [`api::object`].
    fn ask<'a>(&'a self, name: &'a str, question: Vec<u8>) -> LocalFuture<'a, Result<Vec<u8>, Failure>>;
}

/// The new path's database.
pub trait NewStore {
    /// It.
    ///
    /// # Errors
    /// When it is not bound.
    fn database(&self) -> Result<Database, StoreError>;

    /// Its size in bytes, according to the last answer. None before the first answer, or if the platform doesn't report
    /// it.
    fn bytes(&self) -> Option<u64>;
}

/// The archive's bucket.
pub trait Buckets {
    /// It, if one is bound.
    fn bucket(&self) -> Option<Box<dyn Bucket>>;
}

/// All ports.
#[derive(Clone)]
pub struct Ports {
    /// Time and chance.
    pub clock: Rc<dyn Clock>,
    /// Lines.
    pub log: Rc<dyn Log>,
    /// Copies of the flag and of stops.
    pub kv: Rc<dyn Kv>,
    /// The queues.
    pub queues: Rc<dyn Queues>,
    /// The old path.
    pub objects: Rc<dyn Objects>,
    /// The new path.
    pub new_store: Rc<dyn NewStore>,
    /// The archive.
    pub buckets: Rc<dyn Buckets>,
}
