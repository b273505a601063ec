//! What goes wrong, and when: plain values, so that a failing run can be printed, shrunk and repeated.

use serde::{Deserialize, Serialize};

use super::random::Random;

/// What can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Port {
    /// Calls of KV; their name is the key.
    KvGet,
    KvPut,
    KvList,
    KvDelete,
    /// Sends to the main queue.
    Send,
    /// Messages that the main queue took: those that fail are lost.
    Lose,
    /// What waits in the queues.
    Backlog,
    /// Calls of an object; their name is the object's.
    Ask,
    /// An object's statements; their name is the object's.
    ObjectSql,
    /// An object's alarm that is due; its name is the object's. One that fails never rings.
    Ring,
    /// Batches of D1 that only read, and others.
    D1Read,
    D1Write,
    /// Calls of the bucket; their name is the file's.
    BucketPut,
    BucketGet,
    /// Random bytes.
    Randomness,
}

impl Port {
    pub const KV: [Self; 4] = [Self::KvGet, Self::KvPut, Self::KvList, Self::KvDelete];
    pub const D1: [Self; 2] = [Self::D1Read, Self::D1Write];
    pub const BUCKET: [Self; 2] = [Self::BucketPut, Self::BucketGet];
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// Nothing happens, and the caller hears of a failure.
    Fails,
    /// It happens, and yet the caller hears of a failure.
    FailsAfterPersisting,
    /// Nothing happens, and no answer comes.
    Hangs,
    /// It happens, and no answer comes.
    HangsAfterPersisting,
    /// It happens so many ms later, whether or not somebody still waits for it.
    Slow(u64),
}

/// Some calls that go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub port: Port,
    /// Only of calls whose name begins so.
    pub name: String,
    pub fault: Fault,
    /// From when on, in ms.
    pub from_ms: u64,
    /// Until when, in ms.
    pub to_ms: u64,
    /// How many of a million calls.
    pub ppm: u32,
}

impl Trouble {
    /// Every call of a port, from the beginning on and for ever.
    pub const fn new(port: Port, fault: Fault) -> Self {
        Self { port, name: String::new(), fault, from_ms: 0, to_ms: u64::MAX, ppm: 1_000_000 }
    }

    /// Only calls whose name begins so.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Only this share of the calls.
    #[must_use]
    pub fn for_ppm(self, ppm: u32) -> Self {
        Self { ppm, ..self }
    }

    /// Only in this time.
    #[must_use]
    pub fn between(self, from_ms: u64, to_ms: u64) -> Self {
        Self { from_ms, to_ms, ..self }
    }

    fn befalls(&self, port: Port, name: &str, now_ms: u64, random: &Random) -> bool {
        self.port == port
            && name.starts_with(&self.name)
            && (self.from_ms..self.to_ms).contains(&now_ms)
            && random.happens(self.ppm)
    }
}

/// What befalls a call, if anything.
pub fn fault(troubles: &[Trouble], port: Port, name: &str, now_ms: u64, random: &Random) -> Option<Fault> {
    troubles.iter().find(|trouble| trouble.befalls(port, name, now_ms, random)).map(|trouble| trouble.fault)
}
