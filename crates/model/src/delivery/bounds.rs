//! How long the writes of a flush may take, so that all of them and their fallbacks fit into what the platform allows.

/// How long a flush may take, in ms. The platform ends what is under `waitUntil` after 30 s: the linger before it and the
/// report behind it need the rest.
pub const FLUSH_MS: u64 = 25_000;

/// Writes that are under way at once. The platform allows an invocation six connections that wait for an answer; a
/// seventh would wait for one of them, while its deadline passes.
pub const LANES: usize = 6;

/// Bounds of a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Number of objects.
    pub shards: u64,
    /// How long one write may take, in ms.
    pub write_ms: u64,
    /// How long the flush may take, in ms.
    pub flush_ms: u64,
    /// Whether each event that was written is logged.
    pub log_events: bool,
}

impl Bounds {
    /// Longest deadline of one write, in ms, with which a flush of `events` still fits [`FLUSH_MS`] if every write
    /// takes that long: all rounds of first tries, and one round of fallbacks, which are sent together.
    pub const fn longest_write_ms(shards: u64, events: u64) -> u64 {
        let objects = if shards < events { shards } else { events };
        // A flush's events fill at most three messages.
        let rounds = (objects + 3).div_ceil(LANES as u64);
        FLUSH_MS / (rounds + 1)
    }
}
