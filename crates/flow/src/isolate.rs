//! What one isolate remembers from request to request, and loses when it ends.
//!
//! Invariant: the truth is in the stores. Any of this may be forgotten at any time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use litemap::LiteMap;
use model::delivery::coalesce::Buffer;
use model::event::ProducerId;
use model::event::address::AddressHashing;
use model::event::known_routes::KnownRoutes;
use model::event::message::EncodedEvent;
use model::flag::obeyed::ObeyedFlag;
use model::flag::route::Destinations;
use model::parity::schedule::ScheduledLook;
use model::reading::blocks::BlockMemory;
use store::events::event_store::WriterMemory;
use store::events::recall::Recall;
use store::letters::dead_letters::LetterPosition;

use crate::counters::Counters;

/// An event in the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BufferedEvent {
    /// The event.
    pub event: Rc<EncodedEvent>,
    /// The paths that have to write it.
    pub to: Destinations,
}

/// What is known of the flag.
#[derive(Debug, Default)]
pub struct FlagMemory {
    /// What is obeyed.
    pub obeyed: ObeyedFlag,
    /// When it was last read, in ms.
    pub read_at_ms: u64,
    /// When the object was last asked for it, in ms.
    pub asked_at_ms: u64,
    /// Whether a request reads it while what is known is too old to be used.
    pub is_awaited: bool,
    /// The last problem that was logged, so that it is logged only once.
    pub complaint: Option<String>,
}

/// The key for address hashes.
#[derive(Debug)]
pub struct AddressKey {
    /// Its UTC day.
    pub day: u64,
    /// How addresses are hashed with it.
    pub hashing: Rc<AddressHashing>,
    /// When to ask again, in ms. None for the day's real key.
    pub retry_at_ms: Option<u64>,
}

/// The number of objects.
#[derive(Debug, Default)]
pub struct LayoutMemory {
    /// The number in force, once it is known.
    pub in_force: Cell<Option<u64>>,
    /// When the object may be asked again after it did not answer, in ms.
    pub retry_at_ms: Cell<u64>,
}

/// The text of the metrics.
#[derive(Debug, Clone)]
pub struct MetricsText {
    /// When it was made, in ms.
    pub made_at_ms: u64,
    /// The text.
    pub text: String,
}

/// Everything that an isolate remembers.
pub struct IsolateMemory {
    /// This isolate's name: random, and the same as long as it lives.
    pub name: ProducerId,
    /// How many names it has made, for those that are made without randomness.
    pub substitutes: Cell<u64>,
    /// The number of its next event.
    pub next_seq: Cell<u32>,
    /// What it counted.
    pub counters: Counters,
    /// When it last reported that, in ms.
    pub reported_ms: Cell<u64>,
    /// Events that wait to be written.
    pub buffer: RefCell<Buffer<BufferedEvent>>,
    /// Routes that it counted under.
    pub routes: RefCell<KnownRoutes>,
    /// The flag.
    pub flag: RefCell<FlagMemory>,
    /// The day's address key.
    pub address_key: RefCell<Option<AddressKey>>,
    /// The number of objects.
    pub layout: LayoutMemory,
    /// What the consumer read of D1's log.
    pub consumer: RefCell<WriterMemory>,
    /// What was read of stores, by their names.
    pub recalls: RefCell<LiteMap<String, Recall>>,
    /// Sums of what was read.
    pub sums: RefCell<BlockMemory>,
    /// Windows that the last run of parity had no time for.
    pub parity_left: Cell<Option<ScheduledLook>>,
    /// Where the next run of cron goes on to read letters that a newer version wrote; none where it begins anew.
    pub newer_letters: RefCell<Option<LetterPosition>>,
    /// Why the ramp was held last, so that each reason is logged once.
    pub ramp_held: RefCell<Option<String>>,
    /// The newest text of metrics.
    pub metrics: RefCell<Option<MetricsText>>,
    /// Whether it was said that there is no archive.
    pub said_unarchived: Cell<bool>,
}

impl IsolateMemory {
    /// A new one.
    pub fn new(name: u64) -> Self {
        Self {
            name: ProducerId(name),
            substitutes: Cell::new(0),
            next_seq: Cell::new(0),
            counters: Counters::default(),
            reported_ms: Cell::new(0),
            buffer: RefCell::new(Buffer::new()),
            routes: RefCell::default(),
            flag: RefCell::default(),
            address_key: RefCell::new(None),
            layout: LayoutMemory::default(),
            consumer: RefCell::default(),
            recalls: RefCell::new(LiteMap::new()),
            sums: RefCell::default(),
            parity_left: Cell::new(None),
            newer_letters: RefCell::default(),
            ramp_held: RefCell::new(None),
            metrics: RefCell::new(None),
            said_unarchived: Cell::new(false),
        }
    }
}
