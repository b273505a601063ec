//! The two ways to record an event, and what counters and log lines call them.

/// One of the two ways to record an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WritePath {
    /// Old: the object.
    Old,
    /// New: the queue.
    New,
}

impl WritePath {
    /// The path that is tried when this one fails.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
        }
    }

    /// Counter of events that this path tried to write.
    pub const fn tried(self) -> &'static str {
        match self {
            Self::Old => "do_record_tried",
            Self::New => "queue_send_tried",
        }
    }

    /// Counter of events that this path did not write, or may not have written.
    pub const fn failed(self) -> &'static str {
        match self {
            Self::Old => "do_record_failed",
            Self::New => "queue_send_failed",
        }
    }

    /// Log line for an event that this path wrote.
    pub const fn log_sent(self) -> &'static str {
        match self {
            Self::Old => "DO recorded",
            Self::New => "Queue sent",
        }
    }

    /// Log line for an event that this path did not write.
    pub const fn log_failed(self) -> &'static str {
        match self {
            Self::Old => "DO record failed",
            Self::New => "Queue send failed",
        }
    }

    /// Log line for an event that this path has to write because the other one did not.
    pub const fn log_fallback(self) -> &'static str {
        match self {
            Self::Old => "Fallback to DO",
            Self::New => "Fallback to queue",
        }
    }
}
