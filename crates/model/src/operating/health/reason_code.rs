//! The codes of health's reasons. Alerts use them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// An object can't be read.
    OldStoreUnreadable,
    /// D1 can't be read.
    NewStoreUnreadable,
    /// The object takes no writes.
    OldStoreRefusesWrites,
    /// D1 takes no writes.
    NewStoreRefusesWrites,
    /// It is unknown whether D1 takes writes, because nothing was written for a while.
    WriteProbeLate,
    /// A store is almost full.
    StoreFull,
    /// A store is filling up.
    StoreFilling,
    /// The consumer retries messages and applies none.
    MessagesStuck,
    /// The consumer retries more messages than it applies.
    MessagesRetried,
    /// Events took the other path, because a write failed.
    Fallback,
    /// Both paths lost events within 15 minutes.
    EventsLost,
    /// Both paths lost events within 24 hours.
    EventsLostEarlier,
    /// Many segments wait to be folded.
    FoldingLate,
    /// No scheduled job has ever run.
    CronNever,
    /// A scheduled job has not begun for a while.
    CronLate,
    /// A scheduled job failed.
    CronFailed,
    /// Many messages wait in the queue.
    Backlog,
    /// A message has waited in the queue for a long time.
    QueueStuck,
    /// Messages wait in the slow lane.
    SlowLane,
    /// A message has waited in the slow lane for a long time.
    SlowLaneStuck,
    /// Dead letters can't be read.
    DeadLettersUnreadable,
    /// There are dead letters.
    DeadLetters,
    /// The archive is late.
    ArchiveLate,
    /// The newest hour's parity report says `fail`.
    ParityFailed,
    /// Both paths lost events of the newest hour, by its parity report.
    LostOnBothPaths,
    /// An emergency stop holds.
    Stopped,
    /// Neither the flag nor its stops can be read.
    FlagUnreadable,
    /// The setting `COLLECTOR_SHARDS` is not in force.
    ShardsRefused,
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
