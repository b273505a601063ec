//! One thing that happens.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::world::trouble::{Fault, Port};

/// Calls that go wrong for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Broken {
    pub port: Port,
    pub fault: Fault,
    /// For how long, in ms.
    pub lasts_ms: u64,
    /// How many of a million calls.
    pub ppm: u32,
}

impl Broken {
    /// Every call.
    pub const fn wholly(port: Port, fault: Fault, lasts_ms: u64) -> Self {
        Self { port, fault, lasts_ms, ppm: 1_000_000 }
    }
}

/// A message that no code can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unreadable {
    Bytes,
    NoJson,
    /// One of its events lacks a field.
    HalfEvent,
}

/// One thing that happens. Isolates of the gateway are named by their place in [`super::Setup::clocks_ms`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Act {
    /// A request; the same number again is the same request.
    Request {
        gateway: usize,
        number: u64,
    },
    /// Requests for paths that nobody else asks for.
    Scan {
        gateway: usize,
        from: u64,
        count: u64,
    },
    /// The flag's next document: JSON of the fields that matter.
    Flag(String),
    /// Back to the document before.
    Rollback,
    Stop,
    /// Releases all stops that were accepted.
    Release,
    /// Releases the oldest of them alone.
    ReleaseOldest,
    /// Ends an isolate of the gateway where it stands; another takes its place.
    EndGateway(usize),
    /// Ends the isolate that consumes and runs cron.
    EndWorker,
    /// Ends the instances of all objects.
    EndObjects,
    Break(Broken),
    /// Sets a clock of the gateway, in ms ahead of the true time.
    Clock {
        gateway: usize,
        ahead_ms: i64,
    },
    /// KV takes so many writes a day from now on.
    KvQuota(u64),
    /// A copy of D1 and of all objects as they are now.
    BackUp,
    /// D1 as it was when it was copied last.
    Restore,
    /// All objects as they were when they were copied last.
    RestoreObjects,
    /// D1 stores all events of the last hour once more.
    StoreTwice,
    LoseAlarms,
    PassAlarmsBy,
    Unreadable(Unreadable),
    /// One isolate of the gateway is of the next version.
    Upgrade(usize),
    /// The rest is, too.
    Deploy,
    /// Letters are tried again.
    Redrive,
    /// A run of cron beside the regular ones.
    Cron,
    /// Somebody reads the figures of a range, such as `1h`.
    Read(String),
    /// Somebody looks at health.
    Health,
    /// Somebody compares the last minutes.
    Compare {
        minutes: u64,
    },
}

impl Act {
    /// How long it goes on, in ms.
    pub const fn lasts_ms(&self) -> u64 {
        match self {
            Self::Break(broken) => broken.lasts_ms,
            _ => 0,
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { gateway, number } => write!(f, "gateway {gateway} serves request {number}"),
            Self::Scan { gateway, from, count } => {
                write!(f, "a scanner asks gateway {gateway} for {count} paths from {from} on")
            }
            Self::Flag(rule) => write!(f, "an operator sets the flag to {rule}"),
            Self::Rollback => write!(f, "an operator rolls the flag back"),
            Self::Stop => write!(f, "an operator makes an emergency stop"),
            Self::Release => write!(f, "an operator releases the stops"),
            Self::ReleaseOldest => write!(f, "an operator releases the oldest stop"),
            Self::EndGateway(gateway) => write!(f, "gateway {gateway} dies, and another takes its place"),
            Self::EndWorker => write!(f, "the consumer's isolate dies"),
            Self::EndObjects => write!(f, "the objects restart"),
            Self::Break(Broken { port, fault, lasts_ms, ppm }) => {
                write!(f, "{port:?}: for {lasts_ms} ms, {ppm} in a million calls: {fault:?}")
            }
            Self::Clock { gateway, ahead_ms } => write!(f, "the clock of gateway {gateway} is {ahead_ms} ms ahead"),
            Self::KvQuota(writes) => write!(f, "KV takes {writes} writes a day"),
            Self::BackUp => write!(f, "D1 and the objects are copied"),
            Self::RestoreObjects => write!(f, "the objects are restored to the last copy"),
            Self::Restore => write!(f, "D1 is restored to the last copy"),
            Self::StoreTwice => write!(f, "D1 stores the last hour's events twice"),
            Self::LoseAlarms => write!(f, "the platform loses all alarms"),
            Self::PassAlarmsBy => write!(f, "the platform leaves all alarms in the past"),
            Self::Unreadable(kind) => write!(f, "a message comes that nobody can read: {kind:?}"),
            Self::Upgrade(gateway) => write!(f, "gateway {gateway} is of the next version"),
            Self::Deploy => write!(f, "consumer and objects are of the next version"),
            Self::Redrive => write!(f, "an operator tries the letters again"),
            Self::Cron => write!(f, "cron runs once more"),
            Self::Read(range) => write!(f, "somebody reads the last {range}"),
            Self::Health => write!(f, "somebody looks at health"),
            Self::Compare { minutes } => write!(f, "somebody compares the last {minutes} minutes"),
        }
    }
}
