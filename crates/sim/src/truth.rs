//! What really happened, as only the simulator knows it.

use std::collections::{BTreeMap, BTreeSet};

use flow::collecting::collect::ObservedRequest;
use model::event::Event;
use model::event::identity::Digest;
use store::events::read::EventReader;

use crate::world::World;
use crate::world::tasks::Owner;

/// One copy of a request that was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// The true time, in ms.
    pub at_ms: u64,
    /// The isolate.
    pub by: Owner,
}

/// A stop that some place took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedStop {
    pub id: String,
    /// When its maker was told, in ms.
    pub at_ms: u64,
    /// When somebody began to release it, in ms. From then on both may have happened.
    pub released_ms: Option<u64>,
    /// Whether some place took the release.
    pub is_released: bool,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Record {
    pub served: BTreeMap<Digest, Vec<Served>>,
    /// Isolates of the gateway that were ended, and when, in ms.
    pub ended: BTreeMap<Owner, u64>,
    /// Events that a store held when it was restored to an earlier time.
    pub undone: BTreeSet<Digest>,
    /// When a store was restored last, in ms.
    pub restored_ms: Option<u64>,
    pub stops: Vec<AcceptedStop>,
    /// Events that D1 was made to store twice.
    pub twice: BTreeSet<Digest>,
    /// Unreadable messages that were sent.
    pub unreadable: u64,
    /// Runs of cron that ended.
    pub crons: u64,
}

/// How long an event may be on its way out of an isolate, in ms: until then it is lost with it.
pub const ON_ITS_WAY_MS: u64 = 32_000;

impl Record {
    pub fn serve(&mut self, observed: &ObservedRequest, at_ms: u64, by: Owner) {
        self.served.entry(digest(observed)).or_default().push(Served { at_ms, by });
    }

    /// Whether a request may be gone: every copy of it was served by an isolate that ended soon after, or before a store
    /// that held it was restored.
    pub fn may_be_lost(&self, digest: &Digest) -> bool {
        let ended =
            |served: &Served| self.ended.get(&served.by).is_some_and(|end| *end <= served.at_ms + ON_ITS_WAY_MS);
        let undone =
            |served: &Served| self.undone.contains(digest) && self.restored_ms.is_some_and(|at| served.at_ms < at);
        self.served.get(digest).is_some_and(|copies| copies.iter().all(|served| ended(served) || undone(served)))
    }
}

/// What identifies a request, computed as the gateway does.
pub fn digest(observed: &ObservedRequest) -> Digest {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Digest::of(&text(&observed.address), &observed.path, &text(&observed.request_id))
}

/// What both stores hold, read past all faults.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stored {
    pub old: Vec<Event>,
    pub new: Vec<Event>,
}

impl Stored {
    pub fn of(world: &World) -> Self {
        // Until an object is asked for the first time it has no tables.
        let is_made = |name: &String| world.object(name).sqlite.has_table("segments");
        let objects = world.object_names().into_iter().filter(|name| !name.starts_with("selftest")).filter(is_made);
        let old = objects.flat_map(|name| events(&world.object(&name).sqlite)).collect();
        Self { old, new: events(world.d1()) }
    }

    /// Each event that any store holds.
    pub fn counted(&self) -> BTreeSet<Digest> {
        self.old.iter().chain(&self.new).map(|event| event.digest).collect()
    }

    /// All copies of each event: those of the old store, and those of the new one.
    pub fn by_digest(&self) -> BTreeMap<Digest, (Vec<&Event>, Vec<&Event>)> {
        let mut all: BTreeMap<Digest, (Vec<&Event>, Vec<&Event>)> = BTreeMap::new();
        self.old.iter().for_each(|event| all.entry(event.digest).or_default().0.push(event));
        self.new.iter().for_each(|event| all.entry(event.digest).or_default().1.push(event));
        all
    }
}

fn events(sqlite: &rig::Sqlite) -> Vec<Event> {
    let (events, more) = rig::block_on(EventReader::new(sqlite.clone()).events(0, u64::MAX >> 12)).unwrap();
    assert!(!more, "a story has few events");
    events
}
